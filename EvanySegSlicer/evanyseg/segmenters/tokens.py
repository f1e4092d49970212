"""Prompts of the built-in segmenter as arrays: the box's two corners, then points, on the canvas of a crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..prompts import BoxPrompt, PointPrompt
from .crops import Crop

NOT_A_POINT, NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT = -1, 0, 1, 2, 3
"""Labels of prompt tokens, as in SAM's ONNX export."""
POINT_SLOTS = 3
"""So many places for points at least, as in training; free ones are NOT_A_POINT."""


def prompt_tokens(crop: Crop, box: BoxPrompt | None, points: Sequence[PointPrompt]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates float32 [1, T, 2] (x, y in canvas pixels) and labels int64 [1, T] of a prompt in image pixels."""
    slots = 2 + max(len(points), POINT_SLOTS)
    coords = np.zeros((1, slots, 2), np.float32)
    labels = np.full((1, slots), NOT_A_POINT, np.int64)
    if box is not None:
        coords[0, :2] = crop.to_canvas(np.array(box.as_tuple()).reshape(2, 2))
        labels[0, :2] = TOP_LEFT, BOTTOM_RIGHT
    for slot, point in enumerate(points, 2):
        coords[0, slot] = crop.to_canvas(np.array((point.x, point.y)))
        labels[0, slot] = POSITIVE if point.positive else NEGATIVE
    return coords, labels
