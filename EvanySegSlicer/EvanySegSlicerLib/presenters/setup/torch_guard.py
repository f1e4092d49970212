"""Keeps the first import of torch's friends from crashing an application that already draws with Mesa.

torchvision imports torch's compiler, which imports Triton; Triton's library and Mesa's software renderer (or its AMD
driver) bring one LLVM each, and loading the second ends the process with a segmentation fault. No model here is
compiled, so Triton is declared absent, and only where it would crash.
"""

from __future__ import annotations

import sys
from pathlib import Path


def hide_triton_beside_mesa(maps: Path = Path("/proc/self/maps")) -> bool:
    """Call before networks are imported; True when Triton was hidden. Only Linux lists its libraries in `maps`."""
    if "triton" in sys.modules or not maps.exists():
        return False
    if "libLLVM" not in maps.read_text(errors="replace"):
        return False
    sys.modules["triton"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    return True
