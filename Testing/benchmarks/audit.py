"""An audit of many masks: how long it takes, and whether its memory grows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from .phantoms import slice_with_object
from .timing import Figure, figure

MASKS, MINUTES, GROWTH = 2000, 5.0, 1.25
SIDE = 256
_RUN = """
import resource, sys
from evanyseg import cli
code = cli.main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def run(runs: int, quick: bool = False) -> list[Figure]:
    """Whole processes; memory of one of all masks beside one of a tenth of them."""
    count = 100 if quick else MASKS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _pairs(folder, count)
        small, few = _audited(folder, count // 10)
        took, many = _audited(folder, count)
    return [
        figure(f"audit of {count // 10} masks, whole process", [small], "s"),
        figure(f"audit of {count} masks, whole process", [took / 60], "min", MINUTES),
        figure(f"its peak memory, {count} masks", [many], "MB"),
        figure(f"peak memory, {count} / {count // 10} masks", [many / few], "x", GROWTH),
    ]


def _pairs(folder: Path, count: int) -> None:
    lines = ["image,mask,subject,label"]
    for number in range(count):
        image, truth, _ = slice_with_object(SIDE, number % 50)
        if number < 50:
            Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / f"i{number}.png")
        mask = np.roll(truth, number // 50, axis=1)
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"m{number}.png")
        lines.append(f"i{number % 50}.png,m{number}.png,p{number % 50},object")
    for rows in (count, count // 10):
        (folder / f"cases{rows}.csv").write_text("\n".join(lines[: rows + 1]) + "\n")


def _audited(folder: Path, rows: int) -> tuple[float, float]:
    """Seconds, and peak megabytes (Linux, macOS)."""
    command = [sys.executable, "-c", _RUN, "audit", f"cases{rows}.csv", "-o", f"out{rows}"]
    begin = perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    peak = float(done.stderr.strip().splitlines()[-1])
    return perf_counter() - begin, peak / (2**20 if sys.platform == "darwin" else 2**10)
