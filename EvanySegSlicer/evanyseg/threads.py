"""How many threads a network may use, and how they wait.

Threads that spin while they wait are fine on an idle machine and ruin a busy one: with two other processes running, a
passive wait is twice as fast. Libraries read their settings when they are loaded: `passive_waiting` comes first.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Of the OpenMP runtimes (GNU; LLVM and Intel) that torch brings."""
COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_kept_free = 0


def passive_waiting() -> None:
    """Sets the variables of PASSIVE for libraries that are loaded from now on; never over the user's own."""
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)


def keep_a_core_free() -> None:
    """For applications that people work in while networks run: one thread less where there are more than two cores."""
    global _kept_free
    _kept_free = 1


def network_threads() -> int:
    """OMP_NUM_THREADS where the user set it; else the physical cores this process may use, less what is kept free."""
    for name in COUNTS:
        asked = os.environ.get(name, "").split(",")[0].strip()
        if asked.isdigit() and int(asked) > 0:
            return int(asked)
    cores = physical_cores()
    return cores - _kept_free if cores > 2 else cores


def limit_torch() -> None:
    """Gives torch as many threads as any network here, unless the user said how many."""
    import torch

    if not any(os.environ.get(name) for name in COUNTS) and torch.get_num_threads() != network_threads():
        torch.set_num_threads(network_threads())


@lru_cache(maxsize=1)
def physical_cores() -> int:
    """Cores (not their hyper-threads) that this process may use: within its affinity and its container's share."""
    usable = _usable()
    cores = {"linux": _linux, "darwin": _mac, "win32": _windows}.get(sys.platform, lambda: None)()
    return max(1, min(usable, cores or usable))


def _usable() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(count, _share() or count)


def _share(group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Processors that a container's quota is worth, rounded up."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else max(1, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    try:
        quota = (group / "cpu/cpu.cfs_quota_us").read_text()
        period = (group / "cpu/cpu.cfs_period_us").read_text()
        return max(1, -(-int(quota) // int(period))) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None


def _linux(folder: Path = Path("/sys/devices/system/cpu")) -> int | None:
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    cores = set()
    for number in allowed:
        topology = folder / f"cpu{number}" / "topology"
        for name in ("core_cpus_list", "thread_siblings_list"):
            try:
                cores.add((topology / name).read_text().strip())
                break
            except OSError:
                continue
    return len(cores) or None


def _mac() -> int | None:
    """The fast cores of Apple's processors (the slow ones hold the others up), or all of an Intel one."""
    import ctypes

    library = ctypes.CDLL(None)
    for name in (b"hw.perflevel0.physicalcpu", b"hw.physicalcpu"):
        value, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
        found = library.sysctlbyname(name, ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0))
        if found == 0 and value.value > 0:
            return value.value
    return None


def _windows() -> int | None:
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 (absent elsewhere, which mypy knows)
    size = ctypes.c_ulong(0)
    kernel.GetLogicalProcessorInformation(None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    if not size.value or not kernel.GetLogicalProcessorInformation(buffer, ctypes.byref(size)):
        return None
    # SYSTEM_LOGICAL_PROCESSOR_INFORMATION: a mask of pointer size, the relationship, and a union of 16 bytes
    width = ctypes.sizeof(ctypes.c_void_p)
    entry = 2 * width + 16
    raw = buffer.raw[: size.value]
    return (
        sum(int.from_bytes(raw[at + width : at + width + 4], "little") == 0 for at in range(0, len(raw), entry)) or None
    )
