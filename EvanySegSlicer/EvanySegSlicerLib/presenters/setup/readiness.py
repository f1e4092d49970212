"""What this Slicer can do now, and what is missing, without importing any of it."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TORCH_MINIMUM = "2.4"
REQUIREMENTS = {"timm": "timm>=1.0", "segment_anything": "segment-anything>=1.0", "safetensors": "safetensors>=0.4"}
"""Import name -> requirement, beside torch, which only the PyTorch extension installs."""


@dataclass(frozen=True)
class Readiness:
    """torch / torchvision: found or not; packages: missing requirements; refusal: why nothing can be done here."""

    torch: bool
    packages: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def ready(self) -> bool:
        return self.torch and not self.packages and not self.refusal

    @property
    def sentence(self) -> str:
        """One line for the panel."""
        if self.refusal:
            return self.refusal
        if self.ready:
            return "Ready. The built-in models need no download."
        missing = (["PyTorch"] if not self.torch else []) + [p.split(">")[0] for p in self.packages]
        return f"Missing: {', '.join(missing)}. Nothing is installed before you ask."


def check(
    engine_folder: Path,
    find: Callable[[str], object | None] = importlib.util.find_spec,
    machine: tuple[str, str] = (sys.platform, platform.machine()),
) -> Readiness:
    """`engine_folder`: the `evanyseg` package that this module ships; `machine`: (sys.platform, processor)."""
    refusal = shadowed(engine_folder) or unsupported(machine)
    if refusal:
        return Readiness(False, refusal=refusal)
    has_torch = find("torch") is not None and find("torchvision") is not None
    return Readiness(has_torch, tuple(text for name, text in REQUIREMENTS.items() if find(name) is None))


def unsupported(machine: tuple[str, str]) -> str:
    """Why this computer cannot run PyTorch as Slicer needs it; empty when it can."""
    if machine[0] == "darwin" and machine[1] in ("x86_64", "i386"):
        return (
            "Macs with an Intel processor cannot run EvanySeg: PyTorch for them ended with 2.2, which does not work "
            "with the NumPy 2 that Slicer ships. Use a Mac with Apple silicon, Windows or Linux."
        )
    return ""


def shadowed(engine_folder: Path) -> str:
    """Why the engine that Python imports is not the one that belongs to this module; empty when it is."""
    import evanyseg

    loaded = Path(evanyseg.__file__ or "").resolve().parent
    if loaded == Path(engine_folder).resolve():
        return ""
    return (
        f"Another evanyseg ({loaded}) hides the one of this extension. Remove it with pip_uninstall('evanyseg-slicer') "
        "in Slicer's Python console and restart Slicer."
    )
