"""From the shell to the first score: whole processes, beside `import torch` in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .phantoms import slice_with_object
from .timing import Figure, figure, ratio

ONNX_TIMES, TORCH_TIMES, MEGABYTES, IMPORT_MS = 0.5, 1.5, 350.0, 200.0


@dataclass(frozen=True)
class Ran:
    """One process: seconds by the clock, seconds of processor time, peak memory in MB (nan where unknown)."""

    seconds: float
    cpu: float
    megabytes: float


def run(runs: int, with_torch: bool) -> list[Figure]:
    """`evanyseg score` of one 512 x 512 picture on each backend, and `import torch`, in turn."""
    with tempfile.TemporaryDirectory() as name:
        picture, mask = _pictures(Path(name))
        score = ["-m", "evanyseg", "score", str(picture), str(mask), "--json", "--device", "cpu", "--backend"]
        kinds = {"onnx": [*score, "onnx"]}
        if with_torch:
            kinds |= {"torch": [*score, "torch"], "import torch": ["-c", "import torch"]}
        for arguments in kinds.values():  # files into the system's cache
            process(arguments)
        found: dict[str, list[Ran]] = {kind: [] for kind in kinds}
        for _ in range(runs):
            for kind, arguments in kinds.items():
                found[kind].append(process(arguments))
    rows = [
        _clock(f"evanyseg score of one picture, {backend}", found[backend]) for backend in kinds if "im" not in backend
    ]
    rows.append(figure("  peak memory, onnx", [r.megabytes for r in found["onnx"]], "MB", MEGABYTES))
    if with_torch:
        rows.append(figure("  peak memory, torch", [r.megabytes for r in found["torch"]], "MB"))
        rows.append(_clock("import torch", found["import torch"]))
        torch = [r.seconds for r in found["import torch"]]
        rows.append(ratio("score, onnx / import torch", [r.seconds for r in found["onnx"]], torch, ONNX_TIMES))
        rows.append(ratio("score, torch / import torch", [r.seconds for r in found["torch"]], torch, TORCH_TIMES))
    return [*rows, import_time(runs)]


def import_time(runs: int) -> Figure:
    """`import evanyseg` in fresh interpreters."""
    code = "import time; t = time.perf_counter(); import evanyseg; print((time.perf_counter() - t) * 1e3)"
    values = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    ]
    return figure("import evanyseg", values, "ms", IMPORT_MS)


def process(arguments: list[str]) -> Ran:
    """Run Python with these arguments, from start to exit. Raises CalledProcessError."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not hasattr(os, "wait4"):
        code = child.wait()
        used = Ran(time.perf_counter() - began, float("nan"), float("nan"))
    else:
        _, status, usage = os.wait4(child.pid, 0)
        code = child.returncode = os.waitstatus_to_exitcode(status)
        scale = 2**20 if sys.platform == "darwin" else 2**10
        cpu = usage.ru_utime + usage.ru_stime
        used = Ran(time.perf_counter() - began, cpu, usage.ru_maxrss / scale)
    if code != 0:
        raise subprocess.CalledProcessError(code, arguments)
    return used


def _clock(name: str, found: list[Ran]) -> Figure:
    cpu = np.median([r.cpu for r in found])
    return figure(name, [r.seconds for r in found], "s", note=f"{cpu:.2f} s of processor time")


def _pictures(folder: Path) -> tuple[Path, Path]:
    from PIL import Image

    image, mask, _ = slice_with_object(512, 1)
    paths = folder / "image.png", folder / "mask.png"
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(paths[0])
    Image.fromarray((mask * 255).astype(np.uint8)).save(paths[1])
    return paths
