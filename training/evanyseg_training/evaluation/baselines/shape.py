"""Facts about a mask that need no network: area, how it fills its box, components, holes, contrast along its
outline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from skimage.measure import euler_number, perimeter_crofton
from skimage.morphology import convex_hull_image

from evanyseg.prompts import BoxPrompt
from evanyseg.quality.context import ContextWindow

FEATURES = (
    "log area", "area over image", "box fill", "leak", "box iou", "components", "largest component", "holes",
    "hole area", "solidity", "compactness", "aspect", "edge contrast", "gradient ratio", "inside spread",
    "log box area",
)  # fmt: skip
_GRID = 96
"""Longest side, in pixels, of the grid for topology, hull and contrast: larger windows are subsampled."""


def shape_features(image: np.ndarray, mask: np.ndarray, box: BoxPrompt | None) -> np.ndarray:
    """float64 [len(FEATURES)] of a mask bool [H, W] on an image uint8 [H, W, 3]; without a box the mask's bounding box
    is used.

    An empty mask gives zeros for everything that does not exist.
    """
    return shape_features_for(image, mask, [box])[0]


def shape_features_for(image: np.ndarray, mask: np.ndarray, boxes: Sequence[BoxPrompt | None]) -> np.ndarray:
    """[len(boxes), len(FEATURES)]: one mask with several boxes; what no box changes is measured once."""
    mask_box = BoxPrompt.of_mask(mask)
    grid = _on_grid(image, mask, mask_box) if mask_box is not None else {}
    return np.stack([_with_box(mask, mask_box, box, grid) for box in boxes])


def _with_box(
    mask: np.ndarray, mask_box: BoxPrompt | None, box: BoxPrompt | None, grid: dict[str, float]
) -> np.ndarray:
    around = box or mask_box
    out = dict.fromkeys(FEATURES, 0.0)
    if around is not None:
        out["log box area"] = float(np.log(max(around.area, 1.0)))
        out["aspect"] = float(abs(np.log(around.width / around.height)))
    if mask_box is not None and around is not None:
        area = float(mask.sum())
        x0, y0, x1, y1 = (round(v) for v in around.as_tuple())
        in_box = float(mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)].sum())
        out |= {
            "log area": float(np.log(area)),
            "area over image": area / mask.size,
            "box fill": in_box / max(around.area, 1.0),
            "leak": 1 - in_box / area,
            "box iou": box_iou(mask_box, around),
        }
        out |= grid
    return np.array([out[name] for name in FEATURES])


def box_iou(a: BoxPrompt, b: BoxPrompt) -> float:
    """Intersection over union of two boxes."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    overlap = max(width, 0.0) * max(height, 0.0)
    return overlap / (a.area + b.area - overlap)


def _on_grid(image: np.ndarray, mask: np.ndarray, mask_box: BoxPrompt) -> dict[str, float]:
    window = ContextWindow.around(mask_box, mask.shape, 1.3)
    x0, y0, x1, y1 = window.clipped
    step = max(-(-max(x1 - x0, y1 - y0) // _GRID), 1)
    small = np.pad(mask[y0:y1:step, x0:x1:step], 2)
    if not small.any():
        return {}
    gray = np.pad(image[y0:y1:step, x0:x1:step].mean(axis=2), 2, mode="edge")
    labels, components = ndimage.label(small, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    filled = ndimage.binary_fill_holes(small)
    area = float(small.sum())
    hull = convex_hull_image(small) if area >= 3 else small
    length = max(float(perimeter_crofton(small, 4)), 1.0)
    inner = small & ~ndimage.binary_erosion(small, iterations=2)
    outer = ndimage.binary_dilation(small, iterations=2) & ~small
    spread = max(float(gray.std()), 1.0)
    contrast = abs(gray[inner].mean() - gray[outer].mean()) / spread if outer.any() else 0.0
    gradient = np.hypot(ndimage.sobel(gray, 0), ndimage.sobel(gray, 1))
    rim = small ^ ndimage.binary_erosion(small)
    return {
        "components": float(components),
        "largest component": float(sizes.max()) / area,
        "holes": float(components - euler_number(small, 2)),
        "hole area": float(filled.sum() - area) / area,
        "solidity": area / max(float(hull.sum()), 1.0),
        "compactness": min(4 * np.pi * area / length**2, 1.5),
        "edge contrast": float(contrast),
        "gradient ratio": float(gradient[rim].mean() / max(gradient.mean(), 1e-6)),
        "inside spread": float(gray[small].std() / spread),
    }
