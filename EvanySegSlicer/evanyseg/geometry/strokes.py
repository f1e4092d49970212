"""A round brush drawn along a line on a slice: which pixels it covers. Sizes in mm, whatever the pixels' shape."""

from __future__ import annotations

import numpy as np

from .slice_plane import SlicePlane


def stroke_mask(plane: SlicePlane, ras: np.ndarray, radius: float) -> np.ndarray:
    """bool [H, W]: pixels whose centre is within `radius` mm of the line through the points [N, 3] RAS, as they lie on
    the slice (their distance from it does not count). A brush smaller than a pixel covers the pixel that it is in."""
    height, width = plane.shape
    covered = np.zeros((height, width), bool)
    xy = plane.to_pixels(ras)[:, :2]
    rows, cols = np.floor(xy[:, 1]).astype(int), np.floor(xy[:, 0]).astype(int)
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    covered[rows[inside], cols[inside]] = True
    to_mm = plane.pixel_to_ras[:3, :2]
    row_mm, col_mm = plane.spacing
    ends = xy[:1] if len(xy) == 1 else xy
    for start, end in zip(ends, ends[1:] if len(ends) > 1 else ends, strict=False):
        low, high = np.minimum(start, end), np.maximum(start, end)
        # sheared pixels lie closer than their sides say: three times the radius does for angles above 20 degrees
        margin = 3 * radius / np.array([col_mm, row_mm]) + 1
        x0, y0 = np.maximum(np.floor(low - margin), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(high + margin), (width, height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            continue
        y, x = np.mgrid[y0:y1, x0:x1]
        centers = np.stack([x + 0.5, y + 0.5], axis=-1) - start
        line = (end - start) @ to_mm.T
        away = centers @ to_mm.T
        length = line @ line
        along = np.clip(away @ line / length, 0, 1) if length > 0 else np.zeros(away.shape[:2])
        covered[y0:y1, x0:x1] |= ((away - along[..., None] * line) ** 2).sum(axis=-1) <= radius**2
    return covered
