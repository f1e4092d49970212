"""The same work on an idle machine and beside two processes that never rest, in turn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from evanyseg.models import estimators
from evanyseg.results import QualityCase

from .interactive import rgb
from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds, ratio

OTHERS, TIMES = 2, 2.5
BACKENDS = ("onnx", "torch")


def run(runs: int, quick: bool, with_torch: bool) -> list[Figure]:
    """Scoring masks in batches. Memory and threads are warm."""
    image, mask, box = slice_with_object(512, 1)
    cases = [QualityCase(rgb(image), np.roll(mask, n % 9, 1), box) for n in range(16 if quick else 64)]
    rows = []
    for backend in BACKENDS if with_torch else BACKENDS[:1]:
        estimator = estimators.create("builtin", "cpu", backend)
        work = lambda e=estimator: list(e.estimate_cases(cases))
        work()
        idle, busy = [], []
        for _ in range(runs):
            idle.append(milliseconds(work) / len(cases))
            with others():
                busy.append(milliseconds(work) / len(cases))
        rows += [
            figure(f"estimator, {backend}, nothing else running", idle, "ms/mask"),
            figure(f"estimator, {backend}, beside {OTHERS} busy processes", busy, "ms/mask"),
            ratio(f"  times as long, {backend}", busy, idle, TIMES),
        ]
    return rows


@contextmanager
def others(count: int = OTHERS) -> Iterator[None]:
    """So many processes that count for ever."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
