"""Where candidates come from without a trained segmenter: corruption, classical methods, stored predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from evanyseg.pixels import as_rgb
from evanyseg.prompts import BoxPrompt

from ..data.store import Store
from .corruption import METHODS, Methods, ObjectPatch, corrupted
from .grabcut import Start, grabcut

PATCH_SIDE = 144
"""Corruption is made at this many pixels at most, then laid over the native mask: edges that are right stay exact."""
EXTREME_SHARE = 0.06
"""Share of masks that are exact, empty or full instead of corrupted."""


class ObjectWindow:
    """The neighborhood of an object: a crop of the image and, if that is large, a coarser grid for the corruption."""

    def __init__(self, store: Store, row: int, factor: float, neighbors: tuple[int, ...] = ()) -> None:
        self.truth = store.mask(row)
        image = store.gray_or_color(int(store.manifest.image_id.iat[row]))
        box = store.box(row)
        side = max(box.width, box.height) * factor
        side = max(side, 32.0)
        cx, cy = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        height, width = self.truth.shape
        self.rows = slice(max(int(cy - side / 2), 0), min(int(np.ceil(cy + side / 2)), height))
        self.cols = slice(max(int(cx - side / 2), 0), min(int(np.ceil(cx + side / 2)), width))
        self.pixels = as_rgb(image[self.rows, self.cols])
        self.native = self.truth[self.rows, self.cols]
        longest = max(self.native.shape)
        scale = min(1.0, PATCH_SIDE / longest)
        self.size = tuple(max(round(n * scale), 4) for n in self.native.shape)
        gray = self._small(self.pixels.mean(axis=2).astype(np.float32) / 255)
        small = self._small(self.native.astype(np.float32)) > 0.5
        if not small.any():
            small[tuple(np.array(self.size) // 2)] = True
        others = tuple(o for o in (self._other(store, n) for n in neighbors) if o.any())
        self.patch = ObjectPatch(gray, small, others)

    def _small(self, array: np.ndarray) -> np.ndarray:
        if array.shape == self.size:
            return array
        return cv2.resize(array, self.size[::-1], interpolation=cv2.INTER_AREA)

    def _other(self, store: Store, row: int) -> np.ndarray:
        return self._small(store.mask(row)[self.rows, self.cols].astype(np.float32)) > 0.5

    def on_image(self, mask: np.ndarray) -> np.ndarray:
        """bool [H, W] from a mask on the corruption grid: the native truth, minus what is missing, plus what is
        added."""
        extra, missing = mask & ~self.patch.truth, self.patch.truth & ~mask
        native = (self.native & ~self._large(missing)) | (self._large(extra) & ~self.native)
        return self.placed(native)

    def placed(self, native: np.ndarray) -> np.ndarray:
        """bool [H, W] from a mask on the crop."""
        out = np.zeros_like(self.truth)
        out[self.rows, self.cols] = native
        return out

    def _large(self, mask: np.ndarray) -> np.ndarray:
        if mask.shape == self.native.shape:
            return mask
        size = self.native.shape[::-1]
        return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) >= 0.5


def corruption_masks(
    window: ObjectWindow, count: int, rng: np.random.Generator, methods: Methods = METHODS
) -> Iterator[tuple[np.ndarray, str]]:
    """`count` masks [H, W] with their method, target Dice stratified flat over [0, 1]."""
    targets = (rng.permutation(count) + rng.uniform(0, 1, count)) / count
    for target in targets:
        if rng.uniform() < EXTREME_SHARE:
            yield _extreme(window, rng)
        else:
            mask, _, method = corrupted(window.patch, float(target), rng, methods=methods)
            yield window.on_image(mask), method


def _extreme(window: ObjectWindow, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    kind = str(rng.choice(["exact", "empty", "full"], p=[0.6, 0.1, 0.3]))
    if kind == "exact":
        return window.truth, kind
    if kind == "empty":
        return np.zeros_like(window.truth), kind
    return np.ones_like(window.truth) if rng.uniform() < 0.3 else window.placed(np.ones_like(window.native)), kind


def classical_masks(window: ObjectWindow, box: BoxPrompt, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, str]]:
    """Masks [H, W] of methods that need no training, prompted with a box (image pixels) that overlaps the window."""
    native_box = _in_window(box, window)
    gray = ndimage.gaussian_filter(window.pixels.mean(axis=2), 1.0)
    x0, y0, x1, y1 = native_box
    inside = np.zeros(window.native.shape, bool)
    inside[y0:y1, x0:x1] = True
    cut = grabcut(window.pixels, _all_of_the_box(native_box), rounds=3)
    if cut[y0:y1, x0:x1].mean() > 0.03:  # it often shrinks small objects to nothing: that teaches little
        yield window.placed(cut), "grabcut"
    yield window.placed(_threshold(gray, inside, rng)), "threshold"
    yield window.placed(_region_growing(gray, native_box, rng)), "region growing"
    yield window.placed(_watershed(window.pixels, native_box, rng)), "watershed"


def _all_of_the_box(box: tuple[int, int, int, int]) -> Start:
    """GrabCut's start as in OpenCV's own example: everything in the box may be the object."""

    def start(shape: tuple[int, int], sx: float, sy: float) -> np.ndarray:
        x0, y0, x1, y1 = box
        labels = np.full(shape, cv2.GC_BGD, np.uint8)
        labels[int(y0 * sy) : int(np.ceil(y1 * sy)), int(x0 * sx) : int(np.ceil(x1 * sx))] = cv2.GC_PR_FGD
        return labels

    return start


def _in_window(box: BoxPrompt, window: ObjectWindow) -> tuple[int, int, int, int]:
    height, width = window.native.shape
    x0 = int(np.clip(round(box.x0) - window.cols.start, 0, width - 2))
    y0 = int(np.clip(round(box.y0) - window.rows.start, 0, height - 2))
    x1 = int(np.clip(round(box.x1) - window.cols.start, x0 + 2, width))
    y1 = int(np.clip(round(box.y1) - window.rows.start, y0 + 2, height))
    return x0, y0, x1, y1


def _threshold(gray: np.ndarray, inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from skimage.filters import threshold_otsu

    values = gray[inside]
    if values.max() - values.min() < 1:
        return inside
    level = threshold_otsu(values) + rng.normal(0, 0.15) * values.std()
    bright = inside & (gray > level)
    dark = inside & ~bright
    # the object is the class that touches the border of the box less
    rim = inside & ~ndimage.binary_erosion(inside)
    share = lambda m: (m & rim).sum() / max(m.sum(), 1)
    chosen = bright if share(bright) <= share(dark) else dark
    return ndimage.binary_opening(chosen) if rng.uniform() < 0.5 else chosen


def _region_growing(gray: np.ndarray, box: tuple[int, int, int, int], rng: np.random.Generator) -> np.ndarray:
    x0, y0, x1, y1 = box
    cy = int((y0 + y1) / 2 + rng.normal(0, 0.08) * (y1 - y0))
    cx = int((x0 + x1) / 2 + rng.normal(0, 0.08) * (x1 - x0))
    cy, cx = np.clip([cy, cx], 0, np.array(gray.shape) - 1)
    tolerance = rng.uniform(0.4, 2.0) * max(float(gray[y0:y1, x0:x1].std()), 1.0)
    labels, _ = ndimage.label(np.abs(gray - gray[cy, cx]) <= tolerance)
    return ndimage.binary_fill_holes(labels == labels[cy, cx])


def _watershed(pixels: np.ndarray, box: tuple[int, int, int, int], rng: np.random.Generator) -> np.ndarray:
    x0, y0, x1, y1 = box
    markers = np.ones(pixels.shape[:2], np.int32)
    grow = rng.uniform(0.0, 0.15)
    dy, dx = int(grow * (y1 - y0)), int(grow * (x1 - x0))
    markers[max(y0 - dy, 0) : y1 + dy, max(x0 - dx, 0) : x1 + dx] = 0
    seed = rng.uniform(0.2, 0.6) / 2
    cy, cx = (y0 + y1) / 2, (x0 + x1) / 2
    axes = (max(int(seed * (x1 - x0)), 1), max(int(seed * (y1 - y0)), 1))
    cv2.ellipse(markers, (int(cx), int(cy)), axes, 0, 0, 360, 2, -1)
    return cv2.watershed(np.ascontiguousarray(pixels), markers) == 2


def stored_predictions(store: Store) -> Iterator[tuple[dict[str, Any], int]]:
    """(manifest row of the true whole object, manifest row of the prediction) for every stored prediction."""
    rows = store.manifest
    for prediction, reference in rows.loc[rows.kind == "prediction", "reference"].items():
        yield rows.iloc[int(reference)].to_dict(), int(prediction)  # type: ignore[arg-type]
