"""What this Slicer can do now, and what is missing, without importing any of it.

The built-in models need one wheel (onnxruntime) and two small packages. PyTorch is asked for when a model is chosen
that needs it, and only then.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TORCH_MINIMUM = "2.4"
BUILT_IN = {
    "onnxruntime": "onnxruntime>=1.19",
    "safetensors": "safetensors>=0.4",
    "filelock": "filelock>=3.12",
}
"""Import name -> requirement, of what the built-in models need."""
BESIDE_TORCH = {"timm": "timm>=1.0", "segment_anything": "segment-anything>=1.0"}
"""The same of what other models need beside PyTorch, which only the PyTorch extension installs."""
LEARNING = {"joblib": "joblib>=1.2", "threadpoolctl": "threadpoolctl>=3.1", "sklearn": "scikit-learn>=1.4"}
"""The same of what learning from corrections needs (with scipy, which Slicer ships)."""
BUILT_IN_SIZE = "30 MB"
TORCH_SIZE = "200 MB on a Mac or for the CPU alone, up to 3 GB with CUDA"
BESIDE_TORCH_SIZE = "4 MB"
LEARNING_SIZE = "15 MB"


@dataclass(frozen=True)
class Readiness:
    """packages: missing requirements of the built-in models. torch: PyTorch is there; beside_torch: what is missing
    beside it. needs_torch: the chosen model that needs PyTorch ('' for none). refusal: why nothing can be done here."""

    packages: tuple[str, ...] = ()
    torch: bool = False
    beside_torch: tuple[str, ...] = ()
    needs_torch: str = ""
    refusal: str = ""

    @property
    def ready(self) -> bool:
        """For the models that are chosen."""
        complete = not self.packages and (not self.needs_torch or (self.torch and not self.beside_torch))
        return complete and not self.refusal

    @property
    def sentence(self) -> str:
        """One line for the panel."""
        if self.refusal:
            return self.refusal
        if self.ready:
            return "Ready. The built-in models need no download." if not self.needs_torch else "Ready."
        missing = [f"{', '.join(_names(self.packages))} ({BUILT_IN_SIZE})"] if self.packages else []
        if self.needs_torch and not self.torch:
            missing.append("PyTorch")
        if self.needs_torch and self.beside_torch:
            missing.append(", ".join(_names(self.beside_torch)))
        whom = f" {self.needs_torch} needs PyTorch; the built-in models do not." if self.needs_torch else ""
        return f"Missing: {', '.join(missing)}.{whom} Nothing is installed before you ask."


def check(
    engine_folder: Path,
    needs_torch: str = "",
    find: Callable[[str], object | None] = importlib.util.find_spec,
    machine: tuple[str, str] = (sys.platform, platform.machine()),
    on_server: bool = False,
) -> Readiness:
    """`engine_folder`: the `evanyseg` package that this module ships; needs_torch: the title of the chosen model that
    needs PyTorch, if any; `machine`: (sys.platform, processor); on_server: networks run elsewhere."""
    refusal = shadowed(engine_folder) or (needs_torch and without_torch(machine, needs_torch))
    if refusal:
        return Readiness(needs_torch=needs_torch, refusal=refusal)
    missing = {name: find(name) is None for name in ("torch", "torchvision", *BUILT_IN, *BESIDE_TORCH)}
    torch = not missing["torch"] and not missing["torchvision"]
    packages = tuple(text for name, text in BUILT_IN.items() if missing[name])
    if torch and packages == (BUILT_IN["onnxruntime"],):
        packages = ()  # the built-in models run on PyTorch as well
    if on_server:
        packages = tuple(text for text in packages if text != BUILT_IN["onnxruntime"])
    beside = tuple(text for name, text in BESIDE_TORCH.items() if missing[name])
    return Readiness(packages, torch, beside, needs_torch)


def missing_for_learning(find: Callable[[str], object | None] = importlib.util.find_spec) -> tuple[str, ...]:
    """Requirements of learning from corrections that are not there."""
    return tuple(text for name, text in LEARNING.items() if find(name) is None)


def without_torch(machine: tuple[str, str], model: str) -> str:
    """Why this computer cannot run PyTorch as Slicer needs it; empty when it can."""
    if machine[0] == "darwin" and machine[1] in ("x86_64", "i386"):
        return (
            f"{model} cannot run on a Mac with an Intel processor: PyTorch for them ended with 2.2, which does not "
            "work with the NumPy 2 that Slicer ships. Choose a built-in model."
        )
    return ""


def _names(requirements: tuple[str, ...]) -> list[str]:
    return [text.split(">")[0] for text in requirements]


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
