"""Label maps that were resized or resampled with interpolation: between label 2 and background lies a line of label 1.

Such a label is also a line around others, so that its box, its size and its Dice are those of something else.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import find_objects

from ..geometry.plane_stack import evenly
from .segmentation import values_of

INTERPOLATED = "also a line of a pixel or two around other labels, as interpolation of a label map leaves it"

MOST_PLANES = 24
MOST_VALUES = 128
"""A plane with more of them is a map of instances."""
FEWEST_PIXELS = 20
BETWEEN = 0.6
"""Share of a boundary between higher and lower labels that such a line covers."""
THIN = 0.3
"""Share of the higher labels' boundary with this one that is a line."""


def interpolated_values(labels: np.ndarray) -> tuple[int, ...]:
    """The values of integer labels [K, J, I] that interpolation between others has left lines of."""
    filled = np.flatnonzero(labels.any(axis=(1, 2)))
    found: dict[int, np.ndarray] = {}
    for plane in labels[evenly(filled, MOST_PLANES)]:
        for value, counts in _boundaries(plane):
            found[value] = found.get(value, 0) + counts
    return tuple(value for value, counts in sorted(found.items()) if _is_line(*counts))


def line_of(labels: np.ndarray, value: int) -> np.ndarray:
    """bool [J, I]: pixels where a value of one plane of labels is a line of a pixel or two between a higher label and
    background; anatomy lies in layers where background is far."""
    return _split(labels, value, _near(labels == 0))[0]


def _split(labels: np.ndarray, value: int, near_ground: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """bool [J, I] each: where a value is a line, where it is broad, and what lies beside higher labels."""
    here, beside = labels == value, _beside(labels > value)
    broad = _broad(here)
    return here & ~broad & _beside(beside) & near_ground, broad, beside


def _is_line(line: int, direct: int, broad: int) -> bool:
    return line >= FEWEST_PIXELS and line >= BETWEEN * (line + direct) and line >= THIN * (line + broad)


def _boundaries(plane: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Of each value between others its pixels beside higher ones: in a line, and broad; between them lower ones
    there. As (value, [line, lower, broad])."""
    values = values_of(plane)
    if not 3 <= len(values) <= MOST_VALUES:
        return
    rows, columns = find_objects((plane > 0).astype(np.uint8))[0]
    part = plane[_wider(rows), _wider(columns)]
    near_ground = _near(part == 0)
    for value in values[1:-1]:
        line, broad, beside = _split(part, value, near_ground)
        yield int(value), np.array([np.count_nonzero(m & beside) for m in (line, part < value, broad)])


def _wider(one: slice) -> slice:
    return slice(max(one.start - 1, 0), one.stop + 1)


def _broad(mask: np.ndarray) -> np.ndarray:
    """The pixels [J, I] that a square of three by three within the mask covers."""
    middle = mask[:-2] & mask[1:-1] & mask[2:]
    middle = middle[:, :-2] & middle[:, 1:-1] & middle[:, 2:]
    out = np.zeros_like(mask)
    for down in range(3):
        for right in range(3):
            out[down : down + len(middle), right : right + middle.shape[1]] |= middle
    return out


def _near(mask: np.ndarray) -> np.ndarray:
    """The pixels [J, I] one or two steps from the mask."""
    return _beside(_beside(mask))


def _beside(mask: np.ndarray) -> np.ndarray:
    """The pixels [J, I] with a neighbor, above, below, left or right, in the mask."""
    out = np.zeros_like(mask)
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    return out
