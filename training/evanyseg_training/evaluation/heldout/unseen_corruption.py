"""Wrong masks of kinds that training never sees: the subgroup 'unseen corruption' of the evaluation.

Never add these to `candidates.corruption`, nor train on them: that is their whole point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from evanyseg.prompts import BoxPrompt

from ...candidates.corruption import ObjectPatch, bisect
from ...candidates.corruption.base import MaskAtStrength
from ...candidates.generators import ObjectWindow

UNSEEN_METHODS = ("polygon", "foreign outline")
K_MEANS = "k-means"
_FEW, _MANY = 3, 24


def polygon(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """A hasty annotator: the outline through fewer and fewer clicks, each further off (up to 0.8 radii)."""
    contour = _outline(patch.truth)
    start, noise = int(rng.integers(len(contour))), rng.normal(0, 1, (_MANY, 2))
    spacing = np.sort(rng.uniform(0, 1, _MANY))

    def make(strength: float) -> np.ndarray:
        clicks = round(_MANY * (_FEW / _MANY) ** strength)
        at = (start + spacing[np.linspace(0, _MANY - 1, clicks).astype(int)] * len(contour)).astype(int) % len(contour)
        corners = contour[np.sort(at)] + 0.8 * strength * patch.radius * noise[:clicks]
        return _filled(corners, patch.truth.shape)

    return make


def foreign_outline(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """Somebody else's shape: a random star-shaped outline fades in, around a center that drifts away."""
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    waves = np.arange(1, 6)
    phases, sizes = rng.uniform(0, 2 * np.pi, 5), rng.normal(0, 0.35, 5) / waves
    star = patch.radius * np.exp((sizes[:, None] * np.cos(waves[:, None] * angles + phases[:, None])).sum(0))
    row, col = patch.center
    contour = _outline(patch.truth)
    true_radii = np.interp(
        angles,
        *_polar(contour[:, 1] - row, contour[:, 0] - col),
        period=2 * np.pi,
    )
    drift = rng.uniform(0, 2 * np.pi)

    def make(strength: float) -> np.ndarray:
        radii = (1 - strength) * true_radii + strength * star
        shift = max(strength - 0.4, 0.0) * 3.5 * patch.radius
        corners = np.stack(
            [
                col + shift * np.cos(drift) + radii * np.cos(angles),
                row + shift * np.sin(drift) + radii * np.sin(angles),
            ],
            1,
        )
        return _filled(corners, patch.truth.shape)

    return make


METHODS: dict[str, Callable[[ObjectPatch, np.random.Generator], MaskAtStrength]] = {
    "polygon": polygon,
    "foreign outline": foreign_outline,
}


def unseen_corruption_masks(
    window: ObjectWindow, count: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, str]]:
    """`count` masks [H, W] of these methods, target Dice stratified over [0, 1]."""
    for i, place in enumerate(rng.permutation(count)):
        name = UNSEEN_METHODS[i % len(UNSEEN_METHODS)]
        mask, _ = bisect(METHODS[name](window.patch, rng), window.patch.truth, (place + rng.uniform()) / count)
        yield window.on_image(mask), name


def k_means_mask(window: ObjectWindow, box: BoxPrompt, rng: np.random.Generator) -> np.ndarray:
    """bool [H, W]: the color cluster (of 3, by OpenCV's k-means) that is commonest in the middle of the box."""
    height, width = window.native.shape
    x0, x1 = np.clip([round(v) - window.cols.start for v in (box.x0, box.x1)], 0, width)
    y0, y1 = np.clip([round(v) - window.rows.start for v in (box.y0, box.y1)], 0, height)
    inside = window.pixels[y0:y1, x0:x1]
    out = np.zeros(window.native.shape, bool)
    if inside.size >= 3 * 6:
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 15, 0.5)
        samples = inside.reshape(-1, 3).astype(np.float32)
        start = np.zeros(len(samples), np.int32)
        found = cv2.kmeans(samples, 3, start, stop, 2, cv2.KMEANS_PP_CENTERS)
        labels = np.asarray(found[1]).reshape(y1 - y0, x1 - x0)
        h, w = int(y1 - y0), int(x1 - x0)
        center = labels[h // 3 : h - h // 3, w // 3 : w - w // 3].ravel()
        out[y0:y1, x0:x1] = labels == np.bincount(center).argmax()
    return window.placed(out)


def _outline(mask: np.ndarray) -> np.ndarray:
    """float [N, 2] (x, y) of the outline of the largest component."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=len)[:, 0].astype(float)


def _polar(dy: np.ndarray, dx: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = np.mod(np.arctan2(dy, dx), 2 * np.pi)
    order = np.argsort(angle)
    return angle[order], np.hypot(dy, dx)[order]


def _filled(corners: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(canvas, [np.round(corners).astype(np.int32)], 1)
    return canvas.astype(bool)
