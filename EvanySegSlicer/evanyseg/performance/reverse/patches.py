"""Label fusion by patches: a pixel asks the most similar patches nearby, in the images most like its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...geometry.plane_stack import evenly
from ...protocols import ShouldCancel, never_cancel, raise_if_cancelled
from .grids import WORK_SIDE, GrayEngine, grown, shrunk
from .neighbors import nearest_images
from .protocol import ReverseSegmenter
from .threshold import best_threshold


@dataclass(frozen=True)
class PatchEngine(GrayEngine):
    """images: support images asked by each target; reach: cells that a patch may lie away, in steps of `stride`; patch:
    cells along its side; kept: best patches that vote. Source of the idea: Coupe et al., NeuroImage 2011."""

    images: int = 6
    reach: int = 8
    stride: int = 2
    patch: int = 7
    kept: int = 8
    name: str = "patches"

    def taught(
        self, support: np.ndarray, targets: np.ndarray, should_cancel: ShouldCancel = never_cancel
    ) -> ReverseSegmenter:
        votes = self._votes(support, targets, nearest_images(support, targets, self.images), should_cancel)
        # the threshold is chosen on support images that others vote for
        sample = evenly(np.arange(len(support)), 16)
        others = nearest_images(support, support[sample], self.images + 1)[:, 1:]
        own = self._votes(support, support[sample], others, should_cancel) if others.shape[1] else None

        def segment(masks: np.ndarray) -> np.ndarray:
            raise_if_cancelled(should_cancel)
            share = shrunk(masks)
            threshold = best_threshold(_fused(own, share), masks[sample]) if own is not None else 0.5
            return _fused(votes, share) > threshold

        return segment

    def _votes(
        self, support: np.ndarray, targets: np.ndarray, asked: np.ndarray, should_cancel: ShouldCancel
    ) -> tuple[np.ndarray, np.ndarray]:
        """Flat indices into the support int32 [T, 64 * 64, kept] and weights float32 of the same shape."""
        grid = np.arange(WORK_SIDE)
        steps = range(-self.reach, self.reach + 1, self.stride)
        moves = [
            (np.clip(grid + dy, 0, WORK_SIDE - 1), np.clip(grid + dx, 0, WORK_SIDE - 1)) for dy in steps for dx in steps
        ]
        indices, weights = [], []
        for target, near in zip(targets, asked, strict=True):
            raise_if_cancelled(should_cancel)
            found, places = [], []
            for number in near:
                shifted = np.stack([support[number][np.ix_(ys, xs)] for ys, xs in moves])
                found.append(ndimage.uniform_filter((shifted - target) ** 2, (0, self.patch, self.patch)))
                places += [number * WORK_SIDE**2 + ys[:, None] * WORK_SIDE + xs for ys, xs in moves]
            distance = np.concatenate(found).reshape(len(places), -1)
            best = np.argpartition(distance, self.kept - 1, axis=0)[: self.kept]
            near_by = np.take_along_axis(distance, best, 0)
            scale = near_by.min(0) + 1e-3
            weight = np.exp(-near_by / scale)
            at = np.take_along_axis(np.stack(places).reshape(len(places), -1), best, 0)
            indices.append(at.T.astype(np.int32))
            weights.append((weight / weight.sum(0)).T.astype(np.float32))
        return np.stack(indices), np.stack(weights)


def _fused(votes: tuple[np.ndarray, np.ndarray], share: np.ndarray) -> np.ndarray:
    """float32 [T, 128, 128]: weighted votes of the support's masks float32 [S, 64, 64]."""
    indices, weights = votes
    soft = (share.reshape(-1)[indices] * weights).sum(2).reshape(-1, WORK_SIDE, WORK_SIDE)
    return grown(soft)
