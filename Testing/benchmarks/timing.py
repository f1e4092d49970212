"""Timing with its spread: medians are what the tables quote, because the machine is shared."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One measured line: `name`, milliseconds (or another `unit`) as median, lowest and highest of `runs` runs."""

    name: str
    median: float
    low: float
    high: float
    runs: int
    unit: str = "ms"
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.median <= self.target


def figure(name: str, values: list[float], unit: str = "ms", target: float | None = None, note: str = "") -> Figure:
    array = np.asarray(values, float)
    return Figure(
        name, float(np.median(array)), float(array.min()), float(array.max()), len(values), unit, target, note
    )


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def peak_megabytes() -> float:
    """The process's largest resident size so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
