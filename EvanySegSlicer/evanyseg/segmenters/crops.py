"""Which part of an image the built-in segmenter looks at: all of it, or a crop around a small box.

A crop is a rectangle of whole pixels, resized so that its longest side is 256, at the top left of a 256 x 256 canvas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..prompts import BoxPrompt

SIDE = 256
SMALL = 0.25
"""Boxes with their longest side under this share of the image's longest side get a crop of their own."""
MIN_CROP = 24


@dataclass(frozen=True)
class Crop:
    """Rectangle x0 <= x < x1, y0 <= y < y1 of the image, in pixels."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def fitted(self) -> tuple[int, int]:
        """(h, w) on the canvas: the longest side is 256."""
        height, width = self.shape
        scale = SIDE / max(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    @property
    def scales(self) -> tuple[float, float]:
        """Canvas pixels per image pixel, along (x, y)."""
        (height, width), (fit_h, fit_w) = self.shape, self.fitted
        return fit_w / width, fit_h / height

    def cut(self, array: np.ndarray) -> np.ndarray:
        """The part of [H, W, ...] it covers."""
        return array[self.y0 : self.y1, self.x0 : self.x1]

    def to_canvas(self, xy: np.ndarray) -> np.ndarray:
        """Image coordinates [..., 2] (x, y) to canvas coordinates."""
        return (np.asarray(xy, np.float32) - (self.x0, self.y0)) * np.asarray(self.scales, np.float32)


def full_crop(shape: tuple[int, ...]) -> Crop:
    return Crop(0, 0, shape[1], shape[0])


def square_around(shape: tuple[int, ...], cx: float, cy: float, side: float) -> Crop:
    """A square about (cx, cy), moved into the image; where the image is narrower, all of it along that axis."""
    spans = []
    for center, size in ((cx, shape[1]), (cy, shape[0])):
        length = min(round(side), size)
        low = min(max(round(center - length / 2), 0), size - length)
        spans.append((low, low + length))
    (x0, x1), (y0, y1) = spans
    return Crop(x0, y0, x1, y1)


def crop_for(shape: tuple[int, ...], box: BoxPrompt) -> Crop:
    """The full crop, or for a small box a crop of 2 to 2.8 times its longest side.

    Sizes and places are rounded, so that boxes near each other share a crop (and its cached embedding).
    """
    longest = max(box.width, box.height)
    if longest >= SMALL * max(shape[:2]):
        return full_crop(shape)
    side = MIN_CROP * 2 ** (np.ceil(2 * np.log2(max(2 * longest / MIN_CROP, 1.0))) / 2)
    step = side / 8
    cx, cy = ((a + b) / 2 for a, b in ((box.x0, box.x1), (box.y0, box.y1)))
    return square_around(shape, round(cx / step) * step, round(cy / step) * step, side)


def normalized(canvas: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """float32 [3, H, W] of 8-bit pixels [H, W, 3]: zero mean, unit deviation over the crop, so that contrast and
    brightness do not matter; pixels that are not `valid` become 0."""
    pixels = canvas.astype(np.float32)
    inside = pixels if valid is None else pixels[valid]
    out = (pixels - inside.mean()) / max(float(inside.std()), 4.0)
    if valid is not None:
        out[~valid] = 0
    return np.ascontiguousarray(out.transpose(2, 0, 1))
