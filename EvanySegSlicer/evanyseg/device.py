"""Choosing where a network runs. The actual device is reported, never assumed."""

from __future__ import annotations

from .errors import DeviceError

CHOICES = ("auto", "cuda", "mps", "cpu")


def resolve_device(choice: str = "auto") -> str:
    """'auto' becomes the first of cuda, mps, cpu that works here; anything else is checked.

    Raises DeviceError for a device that is not there (asked for by name, never silently replaced).
    """
    import torch

    has = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if choice == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if has[name])
    kind = choice.split(":")[0]
    if kind not in has:
        raise DeviceError(f"Unknown device '{choice}'; choose one of {', '.join(CHOICES)}.")
    if not has[kind]:
        raise DeviceError(f"Device '{choice}' is not available on this machine; choose 'auto' or 'cpu'.")
    return choice
