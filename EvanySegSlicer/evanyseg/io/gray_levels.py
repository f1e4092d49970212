"""Label map or grey levels? An anti-aliased, resized or soft mask, or the image itself, has values that are no labels.

Told by where the values lie: a label fills a region, a grey level between black and white lies between darker and
brighter pixels, or among pixels that differ from it.
"""

from __future__ import annotations

import numpy as np

from ..errors import ImageError

LARGEST_LABEL = 31
"""Label maps with values up to this are believed: grey levels would be invisible."""

_SHARE = 0.3
"""So many of the pixels between the darkest and the brightest lie as grey levels lie, or more: it is no label map.

Of 729 real label maps of several values those with values above 31 had 5 % at most; of resized masks nearly all.
"""

_SAMPLE = 100_000
_SLICES = 16
_AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]


def refuse_gray_levels(labels: np.ndarray, name: str) -> None:
    """Raises ImageError when integer labels [K, J, I] are grey levels, with the option that makes a mask of them."""
    if labels.size == 0 or labels.max() <= LARGEST_LABEL:
        return
    filled = [k for k, plane in enumerate(labels) if plane.any()]
    chosen = filled[:: max(1, len(filled) // _SLICES)]
    if not any(_are_gray(labels[k], int(labels.max())) for k in _fullest(labels, chosen)):
        return
    count = np.count_nonzero(np.bincount(labels.ravel())) if labels.itemsize < 4 else len(np.unique(labels))
    raise ImageError(
        f"{name} has {count} grey levels, not labels: a mask that was smoothed, resized or saved with fractions, or "
        f"the image itself? --threshold {int(labels.max()) // 2} takes everything above that value as the mask; "
        "--threshold labels takes every value as a label."
    )


def _fullest(labels: np.ndarray, chosen: list[int]) -> list[int]:
    """Three slices, those with most in them: one speckled slice at an end of a volume decides nothing."""
    return sorted(chosen, key=lambda k: -int(np.count_nonzero(labels[k])))[:3]


def _are_gray(plane: np.ndarray, top: int) -> bool:
    rows, columns = np.nonzero((plane > 0) & (plane < top))
    if not len(rows):
        return False
    step = len(rows) // _SAMPLE + 1
    rows, columns = rows[::step], columns[::step]
    padded = np.pad(plane.astype(np.int64), 1, mode="edge")
    mine = padded[rows + 1, columns + 1]
    around = np.stack([padded[rows + 1 + y, columns + 1 + x] for y, x in _AROUND])
    between = (around.max(axis=0) > mine) & (around.min(axis=0) < mine)
    alone = (around == mine).sum(axis=0) < 2
    if (between | alone).mean() > _SHARE:
        return True
    return _is_slope(around, mine)


def _is_slope(around: np.ndarray, mine: np.ndarray) -> bool:
    """A gradient so slow that levels make bands: neighbouring bands hardly differ, and there are many."""
    if len(np.unique(mine)) < 16:
        return False
    steps = np.abs(around - mine)[(around > 0) & (around != mine)]
    return bool(steps.size and (steps <= 2).mean() > 0.9)
