"""Saying no before the system swaps: what a network needs against what the machine has left."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

from ..errors import WeightsError

GB = 2**30


def available_bytes() -> int | None:
    """Memory that can still be used without swapping; None where the system does not say."""
    system = platform.system()
    if system == "Linux":
        return _linux()
    if system == "Windows":
        return _windows()
    if system == "Darwin":
        # there is no cheap figure of free memory: macOS compresses; half of the whole is a fair bound
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        except (ValueError, OSError):
            return None
    return None


def require_memory(path: Path, device: str, name: str, working_gb: float, available: int | None = None) -> None:
    """Raises WeightsError when the weights of `path` plus `working_gb` exceed what `device` has left; `name` is told.

    Files are memory-mapped, so that what counts is the parameters themselves (a half-precision file is widened to
    twice its size, a trainer's file holds more than its parameters: the file's size stands for both).
    """
    if not path.is_file():
        return  # the reader says it better
    size = path.stat().st_size
    needed = int(size + working_gb * GB)
    left = available if available is not None else _left_on(device)
    if left is not None and needed > left:
        raise WeightsError(
            f"{name} needs about {needed / GB:.1f} GB of memory and this machine has {left / GB:.1f} GB left; close "
            "other programs or choose a smaller model (built-in, mobile-sam, sam-vit-b)."
        )


def _left_on(device: str) -> int | None:
    if not device.startswith("cuda"):
        return available_bytes()
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return free


def _linux(proc: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """MemAvailable, or what the container's limit leaves when that is less."""
    left: list[int] = []
    try:
        for line in proc.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                left.append(int(line.split()[1]) * 1024)
    except (OSError, ValueError, IndexError):
        pass
    for limit, used, cache in (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    ):
        try:
            most = (group / limit).read_text().strip()
            if most == "max":
                continue
            reclaimable = 0
            for line in (group / cache).read_text().splitlines():
                key, _, value = line.partition(" ")
                if key in {"inactive_file", "total_inactive_file"}:
                    reclaimable = int(value)
            left.append(int(most) - int((group / used).read_text()) + reclaimable)
        except (OSError, ValueError):
            continue
    return min(left) if left else None


def _windows() -> int | None:
    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in ("total", "available", "page", "page_left", "virtual", "left", "ext")
            ),
        ]

    status = Status()
    status.length = ctypes.sizeof(Status)
    kernel = getattr(ctypes, "windll", None)
    if kernel is None or not kernel.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.available)
