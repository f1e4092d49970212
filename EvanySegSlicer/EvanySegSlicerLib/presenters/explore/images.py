"""Small images for the panel: crops with outlines, the scatter of predicted against true Dice. numpy and VTK only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_erosion

from evanyseg.geometry.square_grid import resize
from evanyseg.prompts import BoxPrompt

from ...scene.overlay.error_map import FALSE_NEGATIVE_COLOR, FALSE_POSITIVE_COLOR

OUTLINE = (255, 214, 0)
TOO_MUCH, TOO_LITTLE = (tuple(round(255 * c) for c in color) for color in (FALSE_POSITIVE_COLOR, FALSE_NEGATIVE_COLOR))


def outlined_crop(
    image: np.ndarray,
    mask: np.ndarray,
    box: BoxPrompt | None,
    size: int,
    false_positive: np.ndarray | None = None,
    false_negative: np.ndarray | None = None,
) -> np.ndarray:
    """uint8 RGB [size, size, 3] of the square around `box` (default: the whole image), with the outline of `mask`
    [H, W] and, where given, the error probabilities [H, W] blended in."""
    picture = image.astype(np.float32)
    for chance, color in ((false_positive, TOO_MUCH), (false_negative, TOO_LITTLE)):
        if chance is not None:
            share = np.clip(np.nan_to_num(chance), 0, 1)[..., None] * 0.8
            picture = picture * (1 - share) + np.array(color, np.float32) * share
    picture[mask & ~binary_erosion(mask)] = OUTLINE
    height, width = mask.shape
    box = box or BoxPrompt(0, 0, width, height)
    side = max(16.0, 1.3 * max(box.width, box.height))
    cx, cy = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    pad = int(np.ceil(side))
    padded = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)))
    top, left = round(cy - side / 2) + pad, round(cx - side / 2) + pad
    crop = padded[max(0, top) : top + round(side), max(0, left) : left + round(side)]
    return np.clip(resize(crop, (size, size), order=1), 0, 255).round().astype(np.uint8)


def scatter(points: Sequence[tuple[float, float]], size: int = 190) -> np.ndarray:
    """uint8 RGB [size, size, 3]: true Dice to the right, predicted upwards, both 0..1, the diagonal in grey."""
    picture = np.full((size, size, 3), 255, np.uint8)
    margin = 14
    span = size - 2 * margin
    place = lambda x, y: (round(size - 1 - margin - span * y), round(margin + span * x))
    for step in range(5):
        at = step / 4
        row, col = place(at, at)
        picture[row, margin : size - margin] = (232, 232, 232)
        picture[margin : size - margin, col] = (232, 232, 232)
    for step in range(span):
        row, col = place(step / span, step / span)
        picture[row, col] = (150, 150, 150)
    picture[margin : size - margin, margin] = picture[size - 1 - margin, margin : size - margin] = (60, 60, 60)
    for number, (true, predicted) in enumerate(points):
        if np.isnan(true) or np.isnan(predicted):
            continue
        row, col = place(min(max(true, 0), 1), min(max(predicted, 0), 1))
        newest = number == len(points) - 1
        half = 3 if newest else 2
        color = (213, 94, 0) if newest else (0, 114, 178)
        picture[max(0, row - half) : row + half + 1, max(0, col - half) : col + half + 1] = color
    return picture
