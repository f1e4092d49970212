"""Models expect square pixels: thick in-plane spacing is resampled on the way in and undone on the way out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import GeometryError
from ..prompts import BoxPrompt, PointPrompt

TOLERANCE = 1.05
"""Spacing ratios up to this are taken as square: resampling would blur more than it corrects."""

LARGEST_SIDE = 32768
"""Pixels a side that a slice may get when it is made square."""

_ROUNDED = 1e-3
"""What the last digits of a header can change: one volume stored in two ways must not get two sizes."""


@dataclass(frozen=True)
class SquareGrid:
    """Maps a slice of `shape` (H, W) and `spacing` (row mm, column mm) to square pixels and back (finer spacing)."""

    shape: tuple[int, int]
    spacing: tuple[float, float] = (1.0, 1.0)

    @property
    def square_shape(self) -> tuple[int, int]:
        row, col = self.spacing
        fine = min(row, col)
        if max(row, col) <= (TOLERANCE + _ROUNDED) * fine:
            return self.shape
        height, width = self.shape[0] * row / fine, self.shape[1] * col / fine
        if max(height, width) > LARGEST_SIDE:
            raise GeometryError(
                f"Pixels of {row:.3g} x {col:.3g} mm are too far from square: a slice would get {height:.3g} x "
                f"{width:.3g} of them. Is the spacing in the header right?"
            )
        return _whole(height), _whole(width)

    @property
    def identity(self) -> bool:
        return self.square_shape == self.shape

    def image(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] -> uint8 [h, w, 3], linear."""
        if self.identity:
            return rgb
        gray = bool((rgb == rgb[..., :1]).all())  # then one channel says it all
        out = resize(rgb[..., : 1 if gray else 3].astype(np.float32), self.square_shape, order=1)
        out = np.clip(out.round(), 0, 255).astype(np.uint8)
        return np.repeat(out, 3, axis=-1) if gray else out

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """bool [H, W] -> bool [h, w], nearest."""
        return mask if self.identity else resize(mask.astype(np.uint8), self.square_shape, order=0).astype(bool)

    def box(self, box: BoxPrompt) -> BoxPrompt:
        return box.per_axis(self.square_shape[1] / self.shape[1], self.square_shape[0] / self.shape[0])

    def point(self, point: PointPrompt) -> PointPrompt:
        return PointPrompt(
            point.x * self.square_shape[1] / self.shape[1],
            point.y * self.square_shape[0] / self.shape[0],
            point.positive,
        )

    def back(self, values: np.ndarray) -> np.ndarray:
        """float [..., h, w] (logits, probabilities) -> float32 [..., H, W], linear."""
        if self.identity:
            return values
        flat = values.reshape(-1, *values.shape[-2:])
        return np.stack([resize(v, self.shape, order=1) for v in flat]).reshape(*values.shape[:-2], *self.shape)


def _whole(length: float) -> int:
    """The nearest whole number of pixels, at least one; halves, and what rounding makes of them, go up."""
    return max(1, int(length + 0.5 + _ROUNDED))


def resize(values: np.ndarray, shape: tuple[int, int], order: int) -> np.ndarray:
    """[H, W] or [H, W, C] to `shape`, pixel areas aligned at the image's edges; order 0 nearest, 1 linear.

    One axis at a time, and only those that change: for thick slices several times faster than a general spline zoom.
    """
    for axis, size in enumerate(shape):
        if size != values.shape[axis]:
            values = _resize_axis(values, axis, size, order)
    return values


def _resize_axis(values: np.ndarray, axis: int, size: int, order: int) -> np.ndarray:
    length = values.shape[axis]
    center = (np.arange(size) + 0.5) * (length / size) - 0.5
    if order == 0:
        return values.take(np.clip(np.rint(center).astype(int), 0, length - 1), axis)
    first = np.clip(np.floor(center).astype(int), 0, length - 1)
    weight = np.clip(center - first, 0, 1).astype(np.float32)
    weight = weight.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    low, high = values.take(first, axis), values.take(np.minimum(first + 1, length - 1), axis)
    return low + (high - low) * weight
