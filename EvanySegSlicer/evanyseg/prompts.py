"""Prompts in pixel coordinates: x right, y down, half-open, so that a full image is (0, 0, W, H)."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np

from .errors import PromptError

MIN_SIDE = 2.0
"""Shortest usable box side in pixels: a one-pixel box holds no object to segment."""


@dataclass(frozen=True)
class BoxPrompt:
    """Axis-aligned box, half-open: covers pixels x0 <= x < x1, y0 <= y < y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    def as_tuple(self) -> tuple[float, float, float, float]:
        return astuple(self)

    def validated(self, shape: tuple[int, ...]) -> BoxPrompt:
        """The box clipped to an image of shape (H, W, ...).

        Raises PromptError when the box has NaN, is inverted, lies outside the image, or keeps less than
        two pixels a side: a box is never silently repaired into another one.
        """
        height, width = shape[:2]
        where = f"box ({self.x0:g}, {self.y0:g}, {self.x1:g}, {self.y1:g})"
        if not all(math.isfinite(v) for v in self.as_tuple()):
            raise PromptError(f"{where} has a value that is not a number; give four finite pixel coordinates.")
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise PromptError(f"{where} is inverted or empty; give x0 < x1 and y0 < y1.")
        if self.x1 <= 0 or self.y1 <= 0 or self.x0 >= width or self.y0 >= height:
            raise PromptError(f"{where} lies outside the image of {width} x {height} pixels.")
        clipped = BoxPrompt(
            max(self.x0, 0.0), max(self.y0, 0.0), min(self.x1, float(width)), min(self.y1, float(height))
        )
        if clipped.width < MIN_SIDE or clipped.height < MIN_SIDE:
            raise PromptError(
                f"{where} covers less than {MIN_SIDE:g} x {MIN_SIDE:g} pixels of the image; draw a larger box."
            )
        return clipped

    def scaled(self, factor: float) -> BoxPrompt:
        """Same centre, sides times `factor`; may leave the image."""
        cx, cy = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        hw, hh = self.width * factor / 2, self.height * factor / 2
        return BoxPrompt(cx - hw, cy - hh, cx + hw, cy + hh)

    def per_axis(self, sx: float, sy: float) -> BoxPrompt:
        """Coordinates multiplied by (sx, sy): for resampled images."""
        return BoxPrompt(self.x0 * sx, self.y0 * sy, self.x1 * sx, self.y1 * sy)

    @classmethod
    def from_corners(cls, xa: float, ya: float, xb: float, yb: float) -> BoxPrompt:
        """From any two opposite corners, in any order (a mouse drag)."""
        return cls(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))

    @classmethod
    def of_mask(cls, mask: np.ndarray) -> BoxPrompt | None:
        """Tight half-open box of the True pixels of a [H, W] mask; None when it is empty."""
        rows = np.flatnonzero(mask.any(axis=1))
        if rows.size == 0:
            return None
        cols = np.flatnonzero(mask.any(axis=0))
        return cls(float(cols[0]), float(rows[0]), float(cols[-1] + 1), float(rows[-1] + 1))


@dataclass(frozen=True)
class PointPrompt:
    """A click at pixel coordinates (x, y); the centre of pixel (row r, column c) is (c + 0.5, r + 0.5)."""

    x: float
    y: float
    positive: bool = True

    def validated(self, shape: tuple[int, ...]) -> PointPrompt:
        """Itself; raises PromptError when it is not finite or not on an image of shape (H, W, ...)."""
        height, width = shape[:2]
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise PromptError("A point has a coordinate that is not a number.")
        if not (0 <= self.x < width and 0 <= self.y < height):
            raise PromptError(f"point ({self.x:g}, {self.y:g}) lies outside the image of {width} x {height} pixels.")
        return self
