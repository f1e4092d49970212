"""What the built-in segmenter must beat: masks that need nothing but the box and the pixels in it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from scipy import ndimage

from evanyseg.prompts import BoxPrompt

CONTEXT = 1.6
"""GrabCut looks at the box and its surroundings: the window is this many times the box."""
LONGEST = 128
"""GrabCut works on at most this many pixels a side, as it would take seconds otherwise."""


def box_mask(image: np.ndarray, box: BoxPrompt) -> np.ndarray:
    """bool [H, W]: every pixel whose centre is in the box."""
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    inside = (x + 0.5 >= box.x0) & (x + 0.5 < box.x1) & (y + 0.5 >= box.y0) & (y + 0.5 < box.y1)
    return np.asarray(inside)


def ellipse_mask(image: np.ndarray, box: BoxPrompt) -> np.ndarray:
    """bool [H, W]: the ellipse inscribed in the box."""
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    dx = (x + 0.5 - (box.x0 + box.x1) / 2) / (box.width / 2)
    dy = (y + 0.5 - (box.y0 + box.y1) / 2) / (box.height / 2)
    return np.asarray(dx**2 + dy**2 <= 1)


def otsu_mask(image: np.ndarray, box: BoxPrompt) -> np.ndarray:
    """bool [H, W]: Otsu's threshold on the smoothed pixels of the box; the class that touches the box's rim less, its
    largest piece, holes filled. The box itself where it is flat."""
    from skimage.filters import threshold_otsu

    inside = box_mask(image, box)
    grey = ndimage.gaussian_filter(image.mean(axis=2), 1.0)
    values = grey[inside]
    if values.size == 0 or np.ptp(values) < 1:
        return inside
    bright = inside & (grey > threshold_otsu(values))
    rim = inside & ~ndimage.binary_erosion(inside)
    dark = inside & ~bright
    touching = lambda mask: (mask & rim).sum() / max(int(mask.sum()), 1)
    chosen = bright if touching(bright) <= touching(dark) else dark
    pieces, count = ndimage.label(chosen)
    if count == 0:
        return inside
    largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return np.asarray(ndimage.binary_fill_holes(pieces == largest))


def grabcut_mask(image: np.ndarray, box: BoxPrompt, rounds: int = 5) -> np.ndarray:
    """bool [H, W]: OpenCV's GrabCut, started from the box's ellipse with its core as certain object.

    Started from the whole box, as OpenCV's own example does, it shrinks most medical objects to nothing: this start
    was the best of 18 tried on validation subjects.
    """
    height, width = image.shape[:2]
    around = box.scaled(CONTEXT)
    x0, y0 = max(int(around.x0), 0), max(int(around.y0), 0)
    x1, y1 = min(int(np.ceil(around.x1)) + 1, width), min(int(np.ceil(around.y1)) + 1, height)
    window = image[y0:y1, x0:x1]
    scale = min(1.0, LONGEST / max(window.shape[:2]))
    size = max(int(window.shape[1] * scale), 2), max(int(window.shape[0] * scale), 2)
    small = np.ascontiguousarray(cv2.resize(window, size, interpolation=cv2.INTER_AREA))
    inner = BoxPrompt(box.x0 - x0, box.y0 - y0, box.x1 - x0, box.y1 - y0)
    inner = inner.per_axis(size[0] / window.shape[1], size[1] / window.shape[0])
    labels: np.ndarray = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    labels[box_mask(small, inner)] = cv2.GC_PR_BGD
    labels[ellipse_mask(small, inner)] = cv2.GC_PR_FGD
    labels[ellipse_mask(small, inner.scaled(0.4))] = cv2.GC_FGD
    found: np.ndarray = labels
    if (labels == cv2.GC_BGD).any() and (labels == cv2.GC_FGD).any():
        cv2.setRNGSeed(0)
        try:
            models = np.zeros((2, 1, 65))
            start, unused = labels.copy(), (0, 0, 0, 0)
            found = cv2.grabCut(small, start, unused, models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK)[0]
        except cv2.error:  # too few pixels of one kind to fit its mixture: the start is the answer
            found = labels
    share = np.isin(found, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    out = np.zeros((height, width), bool)
    out[y0:y1, x0:x1] = cv2.resize(share, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) >= 0.5
    return out


CLASSICAL: dict[str, Callable[[np.ndarray, BoxPrompt], np.ndarray]] = {
    "box": box_mask,
    "ellipse": ellipse_mask,
    "grabcut": grabcut_mask,
    "otsu": otsu_mask,
}
