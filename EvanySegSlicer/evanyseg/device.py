"""Choosing where and by what a network runs. The actual device is reported, never assumed."""

from __future__ import annotations

import importlib.util
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import DeviceError, MissingPackageError, WeightsError

CHOICES = ("auto", "cuda", "mps", "cpu")
BACKENDS = ("auto", "onnx", "torch")
"""What runs the built-in networks; all others run on torch."""
SERVER = "server:"
"""Begins the device that is a server: 'server:https://gpu.example.org:8600'."""
INSTALL_TORCH = "pip install 'evanyseg-slicer[torch]'"
INSTALL_ONNX = "pip install onnxruntime"
NVIDIA, AMD, WSL = Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg")


def server_address(choice: str) -> str | None:
    """The address of a server that was chosen as device, None for any other device.

    Raises DeviceError for an address that is none.
    """
    if not choice.startswith(SERVER):
        return None
    from urllib.parse import urlsplit

    address = choice.removeprefix(SERVER).strip().rstrip("/")
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or parts.username is not None or not address.isascii():
        raise DeviceError(
            f"'{address}' is no address of a server; write it as server:https://NAME or server:http://127.0.0.1:8600."
        )
    return address


def resolve_device(choice: str = "auto") -> str:
    """'auto' becomes the first of cuda, mps, cpu that works here; anything else is checked.

    torch is imported only where there may be something else than a CPU. Raises DeviceError for a device that is not
    there (asked for by name, never silently replaced).
    """
    if choice == "cpu" or (choice == "auto" and not _loaded("torch") and not may_have_gpu()):
        return "cpu"
    kind = choice.split(":")[0]
    if kind not in CHOICES:
        raise DeviceError(f"Unknown device '{choice}'; choose one of {', '.join(CHOICES)}, or {SERVER}https://NAME.")
    require_torch(f"The device '{choice}'")
    import torch

    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if choice == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if has[name])
    if not has[kind]:
        raise DeviceError(f"Device '{choice}' is not available on this machine; choose 'auto' or 'cpu'.")
    return choice


def resolve_backend(choice: str, device: str, misfit: str = "") -> str:
    """'onnx' or 'torch' for a built-in network on an actual device; 'auto': torch on a GPU and where it is loaded
    already, onnxruntime otherwise.

    `misfit`: why the shipped graph does not fit the weights at hand ('' when it does). Raises DeviceError,
    MissingPackageError, WeightsError.
    """
    if choice not in BACKENDS:
        raise DeviceError(f"Unknown backend '{choice}'; choose one of {', '.join(BACKENDS)}.")
    if choice == "onnx" and device != "cpu":
        raise DeviceError(f"The backend onnx runs on the CPU; for '{device}' choose the backend torch.")
    if choice == "onnx" and misfit:
        raise WeightsError(f"{misfit}; choose the backend torch.")
    if choice != "auto":
        return choice
    if device != "cpu" or _loaded("torch"):
        return "torch"
    if not misfit and _installed("onnxruntime"):
        return "onnx"
    if _installed("torch"):
        return "torch"
    if misfit:
        raise MissingPackageError(f"{misfit}, and PyTorch is not installed", INSTALL_TORCH)
    raise MissingPackageError("The built-in models need onnxruntime, which is not installed", INSTALL_ONNX)


def require_torch(what: str) -> None:
    """Before torch is imported for the first time: its threads will wait passively. Raises MissingPackageError that
    says `what` needs it."""
    from .threads import passive_waiting

    if not _installed("torch"):
        raise MissingPackageError(f"{what} needs PyTorch, which is not installed", INSTALL_TORCH)
    passive_waiting()


def require_package(module: str, package: str, what: str, extra: str = "adapt") -> None:
    """Raises MissingPackageError that says `what` needs `package` (imported as `module`) and how it is installed."""
    if not _installed(module):
        how = f"pip install 'evanyseg-slicer[{extra}]'"
        raise MissingPackageError(f"{what} needs {package}, which is not installed", how)


def may_have_gpu(
    build: Callable[[], str] | None = None, machine: tuple[str, str] = (sys.platform, platform.machine())
) -> bool:
    """Whether importing torch could reveal a GPU: a driver is there and torch was built for it. Errs towards True."""
    if not _installed("torch"):
        return False
    system, processor = machine
    if system == "darwin":
        return processor == "arm64"
    told = (build or _torch_build)()
    if re.search(r"^cuda\b.*= None", told, re.M) and not re.search(r"^(hip|rocm|xpu)\b.*= '", told, re.M):
        return False
    if system == "win32":
        return _windows_driver()
    return any(driver.exists() for driver in (NVIDIA, AMD, WSL))


def _loaded(package: str) -> bool:
    return sys.modules.get(package) is not None


def _installed(package: str) -> bool:
    if package in sys.modules:
        return sys.modules[package] is not None
    return importlib.util.find_spec(package) is not None


def _torch_build() -> str:
    """torch's own note of what it was built for, read without importing it; '' where it cannot be read."""
    spec = importlib.util.find_spec("torch")
    try:
        return (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8") if spec and spec.origin else ""
    except OSError:
        return ""


def _windows_driver() -> bool:
    import ctypes.util

    return any(ctypes.util.find_library(name) for name in ("nvcuda", "amdhip64"))
