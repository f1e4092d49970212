"""Measured shape of a mask: components, holes, smoothness, and whether its outline lies on an edge of the image.

Measured on the window's grid, so that size and resolution drop out. These few numbers alone rank masks well; the
network's head gets them beside what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from ..prompts import BoxPrompt

FEATURES = (
    "components",
    "largest component",
    "holes",
    "hole area",
    "solidity",
    "compactness",
    "edge contrast",
    "signed contrast",
    "outline gradient",
    "outline gradient over inside",
    "outline gradient over outside",
    "weak outline",
    "inside spread",
    "rim spread",
    "separation",
    "mask box IoU",
    "mask box fill",
    "box overlap of area",
)
RIM = 2.5 / 12
"""Width of the rims beside the outline, in units of the signed distance (2.5 cells of the half grid)."""


@dataclass(frozen=True)
class GrayWindow:
    """What the features read of a window's image, the same for all masks of a prompt: grey float32 [n/2, n/2] in 0..1,
    the steepness of its changes, its spread."""

    gray: np.ndarray
    slope: np.ndarray
    spread: float

    @classmethod
    def of(cls, rgb: np.ndarray) -> GrayWindow:
        """Of uint8 [3, n, n]."""
        half = rgb.shape[-1] // 2
        gray = (rgb.astype(np.float32).mean(axis=0) / 255).reshape(half, 2, half, 2).mean(axis=(1, 3))
        return cls(gray, np.hypot(*np.gradient(gray)), max(float(gray.std()), 0.01))


def shape_features(
    window: GrayWindow, distance: np.ndarray, box: BoxPrompt | None, mask_box: BoxPrompt | None, fill: float
) -> np.ndarray:
    """float32 [len(FEATURES)], each about -3..3; zeros for an empty mask.

    distance [n/2, n/2] of a `ContextInput`; mask_box: the mask's bounding box; fill: area over it."""
    out = np.zeros(len(FEATURES), np.float32)
    inside = distance < 0
    area = int(np.count_nonzero(inside))
    if mask_box is None or area == 0:
        return out
    out[:6] = _components(inside, area)
    out[6:15] = _edges(window, distance, inside)
    around = box or mask_box
    overlap = _intersection(mask_box, around)
    out[15] = overlap / (mask_box.area + around.area - overlap)
    out[16] = fill
    out[17] = np.log(mask_box.area * fill / around.area + 0.01) / 2
    return np.clip(np.nan_to_num(out), -4, 4)


def _components(inside: np.ndarray, area: int) -> tuple[float, ...]:
    labels, count = ndimage.label(inside)
    largest = np.bincount(labels.ravel())[1:].max() / area
    padded = np.pad(inside, 1)
    beyond, found = ndimage.label(~padded)  # the first one is what surrounds everything, the others are holes
    holes = found - 1
    hole_area = int(np.count_nonzero(beyond > 1)) if holes else 0
    perimeter = int((padded[1:] != padded[:-1]).sum()) + int((padded[:, 1:] != padded[:, :-1]).sum())
    # digital outlines have city-block length, 8 r for a disc: this is pi / 4 for a disc and 1 for a square
    compactness = 16 * area / max(perimeter, 1) ** 2
    solidity = _solidity(inside, area)
    return np.log(count), largest, np.log1p(holes), np.log1p(20 * hole_area / area), solidity, compactness


def _solidity(inside: np.ndarray, area: int) -> float:
    """Area over that of the convex hull of the pixels' corners."""
    rows = np.flatnonzero(inside.any(axis=1))
    first = inside[rows].argmax(axis=1)
    last = inside.shape[1] - inside[rows][:, ::-1].argmax(axis=1)
    edges = np.arange(rows[0], rows[-1] + 2)
    left, right = np.full(len(edges), inside.shape[1]), np.zeros(len(edges), int)
    for shift in (0, 1):  # a row of pixels has corners above and below it
        at = rows - rows[0] + shift
        left[at], right[at] = np.minimum(left[at], first), np.maximum(right[at], last)
    return area / (_area_under(edges, right) - _area_under(edges, left, convex=True))


def _area_under(x: np.ndarray, y: np.ndarray, convex: bool = False) -> float:
    """Area between the axis and the upper (lower with `convex`) hull of points with ascending integer x [n], y [n]."""
    sign = -1 if convex else 1
    hull: list[tuple[int, int]] = []
    for point in zip(x.tolist(), (sign * y).tolist(), strict=True):
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) >= 0:
            hull.pop()
        hull.append(point)
    return sign * sum((b[0] - a[0]) * (a[1] + b[1]) for a, b in pairwise(hull)) / 2


def _turn(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    """Above 0 for a turn to the left on the way a, b, c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _edges(window: GrayWindow, distance: np.ndarray, inside: np.ndarray) -> tuple[float, ...]:
    gray, slope, spread = window.gray, window.slope, window.spread
    inner, outer = inside & (distance > -RIM), ~inside & (distance < RIM)
    if not outer.any():
        return (0.0,) * 9
    values_in, values_out, all_in = gray[inner] if inner.any() else gray[inside], gray[outer], gray[inside]
    contrast = (float(values_in.mean()) - float(values_out.mean())) / spread
    outline = np.abs(distance) < 1.01 / 12
    along = slope[outline] if outline.any() else slope[inner | outer]
    mean = max(float(slope.mean()), 1e-3)
    deeper, farther = inside & (distance < -RIM), ~inside & (distance > RIM) & (distance < 3 * RIM)
    within = float(slope[deeper].mean()) if deeper.any() else mean
    beyond = float(slope[farther].mean()) if farther.any() else mean
    pooled = np.sqrt(0.5 * (float(values_in.var()) + float(values_out.var()))) + 0.01
    strength = max(float(along.mean()), 1e-4)
    return (
        abs(contrast),
        contrast,
        np.log(strength / mean),
        np.log(strength / max(within, 1e-3)),
        np.log(strength / max(beyond, 1e-3)),
        float((along < 0.5 * along.mean()).mean()),
        np.log(max(float(all_in.std()), 0.01) / spread),
        np.log(max(float(values_out.std()), 0.01) / spread),
        min(abs(contrast) * spread / pooled, 4.0),
    )


def _intersection(a: BoxPrompt, b: BoxPrompt) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(width, 0.0) * max(height, 0.0)
