"""OpenCV's GrabCut on a small grid; what it is started from decides what it finds, so callers say it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

LONGEST = 128
"""GrabCut works on at most this many pixels a side, as it would take seconds otherwise."""

Start = Callable[[tuple[int, int], float, float], np.ndarray]
"""(height, width) of the small grid and its pixels per image pixel along x and y -> uint8 labels of that shape:
cv2.GC_BGD, GC_PR_BGD, GC_PR_FGD and GC_FGD."""


def grabcut(pixels: np.ndarray, start: Start, rounds: int) -> np.ndarray:
    """bool [h, w] of uint8 [h, w, 3]; the object of the start itself where GrabCut has no answer."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    size = max(int(width * scale), 2), max(int(height * scale), 2)
    small = np.ascontiguousarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    labels = start(small.shape[:2], size[0] / width, size[1] / height)
    found = labels
    if (labels == cv2.GC_BGD).any():
        cv2.setRNGSeed(0)
        models = np.zeros((2, 1, 65))
        try:
            found = cv2.grabCut(
                small, labels.copy(), (0, 0, 1, 1), models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK
            )[0]
        except cv2.error:  # too few pixels of one kind to fit its mixture
            found = labels
    inside = np.isin(found, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
