"""Slices with positions put in order, and refused unless they make a straight, even stack.

Positions are checked along the normal and in the plane of the slices: libraries take the first distance for all and
look at nothing else, so that a gantry tilt becomes a box that nobody scanned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ....errors import GeometryError
from ....geometry.placement import Placement

UNEVEN = 0.05
"""Slice distances may differ by this part: scanners round positions, missing slices double them."""

_BESIDE = 0.5
"""Slices may lie beside each other by this part of a pixel."""

_TURNED = 1e-3
"""Direction cosines may differ by this much."""


@dataclass(frozen=True)
class SlicePlace:
    """position of the first pixel [3] and the cosines of row and column [6], LPS; pixel (column mm, row mm): the step
    along a row and down a column."""

    position: np.ndarray
    cosines: np.ndarray
    pixel: tuple[float, float]

    @property
    def normal(self) -> np.ndarray:
        return np.cross(self.cosines[:3], self.cosines[3:])


@dataclass(frozen=True)
class SliceOrder:
    """order: which slice comes first, second, ... along the normal; place: of the whole stack."""

    order: list[int]
    place: Placement


def ordered_stack(
    places: Sequence[SlicePlace],
    thickness: float,
    name: str,
    label: Callable[[int], str],
    phases: Callable[[list[int]], str] | None = None,
) -> SliceOrder:
    """The stack that the slices make. `thickness`: slice distance in mm when there is only one slice; `label`: how to
    call slice n in a sentence; `phases`: what differs between slices at one position.

    Raises GeometryError for slices that are turned, doubled, uneven, missing or shifted in their plane.
    """
    first = places[0]
    cosines = np.array([p.cosines for p in places])
    rows, columns = first.cosines[:3], first.cosines[3:]
    if abs(np.linalg.norm(rows) - 1) > 0.01 or abs(np.linalg.norm(columns) - 1) > 0.01 or abs(rows @ columns) > 0.01:
        raise GeometryError(f"{name} has a damaged orientation (row and column are not at right angles).")
    pixels = np.array([p.pixel for p in places])
    odd = _odd_ones(np.hstack([np.round(cosines / _TURNED / 4), np.round(pixels, 4)]))
    if np.ptp(cosines, axis=0).max() > _TURNED or np.ptp(pixels, axis=0).max() > 1e-3 * pixels.min():
        named = ", ".join(label(n) for n in odd[:3]) + (", ..." if len(odd) > 3 else "")
        raise GeometryError(
            f"The slices of {name} differ in orientation or pixel size ({named}: a localizer, or several stacks?); "
            "they make no volume. Give the files of one stack in a folder of their own."
        )
    normal = first.normal / np.linalg.norm(first.normal)
    positions = np.array([p.position for p in places])
    along = (positions - positions[0]) @ normal
    order = [int(n) for n in np.argsort(along, kind="stable")]
    along = along[order]
    step = _step(along, order, thickness, name, label, phases)
    beside = (positions[order] - positions[order[0]]) - np.outer(along - along[0], normal)
    _check_beside(beside, along, step, min(first.pixel), name)
    direction = np.stack([rows / np.linalg.norm(rows), columns / np.linalg.norm(columns), normal], axis=1)
    left, _, right = np.linalg.svd(direction)
    origin = tuple(float(v) for v in positions[order[0]])
    return SliceOrder(order, Placement((*first.pixel, step), (origin[0], origin[1], origin[2]), left @ right))


def _step(
    along: np.ndarray,
    order: list[int],
    thickness: float,
    name: str,
    label: Callable[[int], str],
    phases: Callable[[list[int]], str] | None,
) -> float:
    """The even distance of the slices in mm."""
    if len(along) == 1:
        return thickness
    steps = np.diff(along)
    typical = float(np.median(steps[steps > 1e-3])) if (steps > 1e-3).any() else 0.0
    together = np.round(along / max(typical * UNEVEN, 1e-3)).astype(int)
    repeats = max(Counter(together.tolist()).values())
    if repeats > 1 or not typical:
        busiest = Counter(together.tolist()).most_common(1)[0][0]
        here = [order[n] for n in np.flatnonzero(together == busiest)]
        why = phases(here) if phases is not None else ""
        raise GeometryError(
            f"{name} has up to {repeats} slices at one position{why}: a time series (4D), or several phases or "
            "echoes; export one of them."
        )
    if steps.max() > (1 + UNEVEN) * typical or steps.min() < (1 - UNEVEN) * typical:
        widest = int(steps.argmax())
        where = f"the widest gap is between {label(order[widest])} and {label(order[widest + 1])}"
        raise GeometryError(
            f"The slices of {name} are unevenly spaced ({steps.min():.3g} to {steps.max():.3g} mm; {where}): "
            "is one missing?"
        )
    return float((along[-1] - along[0]) / (len(along) - 1))


def _check_beside(beside: np.ndarray, along: np.ndarray, step: float, pixel: float, name: str) -> None:
    """Each slice must begin where the one before does, seen along the normal."""
    off = np.linalg.norm(beside, axis=1)
    if off.max(initial=0.0) <= _BESIDE * pixel:
        return
    length = along - along[0]
    slope = (length @ beside) / (length @ length)
    straight = np.linalg.norm(beside - np.outer(length, slope), axis=1).max() <= _BESIDE * pixel
    if straight:
        tilt = float(np.linalg.norm(slope))
        raise GeometryError(
            f"Each slice of {name} is shifted in its plane by {tilt * step:.3g} mm against the one before (a gantry "
            f"tilt of {np.degrees(np.arctan(tilt)):.3g} degrees, {off.max():.3g} mm at the last slice): it is no "
            "straight box. Make it one first (dcm2niix does, or Slicer's 'acquisition transform', hardened)."
        )
    raise GeometryError(
        f"The slices of {name} lie up to {off.max():.3g} mm beside each other in their plane; they make no volume."
    )


def _odd_ones(rows: np.ndarray) -> list[int]:
    """Those that are not like most."""
    keys = [tuple(row) for row in rows.tolist()]
    usual = Counter(keys).most_common(1)[0][0]
    return [n for n, key in enumerate(keys) if key != usual]
