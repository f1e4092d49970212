"""Ridge regression of the mask on what the built-in segmenter's encoder sees at each pixel.

The answer is linear in the masks: the images' normal equations are solved once, and each further checkpoint costs two
products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg, ndimage

from ...geometry.resample import resized
from ...protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ...segmenters.features import Features
from .grids import WORK_SIDE, grown, shrunk
from .protocol import ReverseSegmenter
from .threshold import best_threshold

HIDDEN = 384
"""Random rectified features beside the linear ones: what a line cannot say (a band between two intensities)."""
RIDGE = 1e-3
"""Relative to the mean of the diagonal."""
BLURS = (0.0, 1.0, 2.0, 4.0)
"""Cells."""

Encoder = Callable[[np.ndarray, ShouldCancel], Features]


@dataclass(frozen=True)
class RidgeEngine:
    """encode: features of an image uint8 [H, W, 3] (`BuiltinSegmenter.features`)."""

    encode: Encoder
    seed: int = 0
    name: str = "ridge"

    def describe(
        self, pixels: np.ndarray, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
    ) -> np.ndarray:
        """float16 [N, 64 * 64, D]."""
        out = []
        for number, image in enumerate(pixels):
            progress(number / len(pixels), "encoding images")
            raise_if_cancelled(should_cancel)
            out.append(_cells(self.encode(image, should_cancel), image))
        return np.stack(out)

    def taught(
        self, support: np.ndarray, targets: np.ndarray, should_cancel: ShouldCancel = never_cancel
    ) -> ReverseSegmenter:
        count, width = len(support), support.shape[2]
        flat = support.reshape(-1, width).astype(np.float32)
        mean, scale = flat.mean(0), flat.std(0) + 1e-3
        rng = np.random.default_rng(self.seed)
        mix = (rng.standard_normal((width, HIDDEN)) / np.sqrt(width)).astype(np.float32)
        offsets = rng.uniform(-1, 1, HIDDEN).astype(np.float32)

        def design(described: np.ndarray) -> np.ndarray:
            x = (described.astype(np.float32) - mean) / scale
            return np.concatenate([x, np.maximum(x @ mix + offsets, 0), np.ones((len(x), 1), np.float32)], axis=1)

        size = width + HIDDEN + 1
        normal = np.zeros((size, size))
        for image in support:
            raise_if_cancelled(should_cancel)
            x = design(image)
            normal += x.T @ x
        normal[np.diag_indices(size)] += RIDGE * np.trace(normal) / size
        solved = linalg.cho_factor(normal)

        def segment(masks: np.ndarray) -> np.ndarray:
            share = shrunk(masks).reshape(count, -1)
            moments = np.zeros(size)
            for image, wanted in zip(support, share, strict=True):
                raise_if_cancelled(should_cancel)
                moments += design(image).T @ wanted
            weights = linalg.cho_solve(solved, moments).astype(np.float32)
            answer = lambda described: grown(
                np.stack([(design(image) @ weights).reshape(WORK_SIDE, WORK_SIDE) for image in described])
            )
            return answer(targets) > best_threshold(answer(support), masks)

        return segment


def _cells(features: Features, image: np.ndarray) -> np.ndarray:
    """float16 [64 * 64, D] of one image: three levels of the encoder, intensities at four scales, and the place."""
    levels = [np.asarray(part)[0].transpose(1, 2, 0) for part in (features.embedding, features.skip4, features.skip2)]
    parts = [resized(level, (WORK_SIDE, WORK_SIDE)) for level in levels]
    gray = resized(image.astype(np.float32) / 255, (WORK_SIDE, WORK_SIDE))
    parts += [ndimage.gaussian_filter(gray, (blur, blur, 0)) if blur else gray for blur in BLURS]
    at = np.linspace(-1, 1, WORK_SIDE, dtype=np.float32)
    rows, columns = np.meshgrid(at, at, indexing="ij")
    parts.append(np.stack([rows, columns, rows**2, columns**2, rows * columns], axis=-1))
    return np.concatenate(parts, axis=2).reshape(WORK_SIDE * WORK_SIDE, -1).astype(np.float16)
