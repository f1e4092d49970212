"""Timing with its spread: medians are what the tables quote, because the machine is shared."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One measured line: `name`, milliseconds (or another `unit`) as median, lowest and highest of `runs` runs.

    target: the median is to be at most that (`at_least`: at least)."""

    name: str
    median: float
    low: float
    high: float
    runs: int
    unit: str = "ms"
    target: float | None = None
    note: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target

    @property
    def goal(self) -> str:
        """'<= 8 ms', '>= 100 x' or ''."""
        return "" if self.target is None else f"{'>=' if self.at_least else '<='} {self.target:g} {self.unit}"


def figure(
    name: str,
    values: Sequence[float],
    unit: str = "ms",
    target: float | None = None,
    note: str = "",
    at_least: bool = False,
) -> Figure:
    array = np.asarray(values, float)
    return Figure(
        name, float(np.median(array)), float(array.min()), float(array.max()), len(values), unit, target, note, at_least
    )


def ratio(name: str, above: Sequence[float], below: Sequence[float], target: float, at_least: bool = False) -> Figure:
    """Of runs that were made in turn, pair by pair: what slows the machine down slows both."""
    pairs = [a / b for a, b in zip(above, below, strict=True)]
    return figure(name, pairs, "x", target, "pairs of runs in turn", at_least)


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def peak_megabytes() -> float:
    """The process's largest resident size so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
