"""A segmenter by brightness and an estimator that knows the truth: right or wrong in ways a test can predict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import ShouldCancel, never_cancel, raise_if_cancelled
from evanyseg.quality.cases import CaseEstimator
from evanyseg.results import Candidates, Caveat, Embedding, QualityCase, QualityEstimate


class ThresholdSegmenter:
    """Segments what is brighter than `threshold` (of the 8-bit image) inside the box; without one, the whole image.

    Three candidates: the exact one, one a pixel smaller at the left, and the whole box. Points add or remove a
    5 x 5 patch. Counts its embeddings.
    """

    supports_points = True
    supports_boxes = True
    device = "cpu"

    def __init__(self, threshold: int = 127, name: str = "threshold") -> None:
        self.threshold = threshold
        self.name = name
        self.embedded = 0

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        raise_if_cancelled(should_cancel)
        self.embedded += 1
        return Embedding(self.name, image.shape[:2], image[..., 0].copy(), image[..., 0].nbytes)

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        raise_if_cancelled(should_cancel)
        gray = embedding.features
        inside = np.zeros(gray.shape, bool)
        box = box or BoxPrompt(0, 0, gray.shape[1], gray.shape[0])
        # pixels whose centre is in the box
        rows, cols = np.arange(gray.shape[0]) + 0.5, np.arange(gray.shape[1]) + 0.5
        inside = ((rows >= box.y0) & (rows < box.y1))[:, None] & ((cols >= box.x0) & (cols < box.x1))[None, :]
        exact = (gray > self.threshold) & inside
        if mask_input is not None:
            exact = mask_input > 0
        for point in points:
            near = (np.abs(rows - point.y) <= 2.5)[:, None] & (np.abs(cols - point.x) <= 2.5)[None, :]
            exact = exact | near if point.positive else exact & ~near
        smaller = exact & np.roll(exact, 1, axis=1)
        masks = np.stack([exact, smaller, inside])
        logits = np.where(masks, 10.0, -10.0).astype(np.float32)
        return Candidates(logits, np.array([0.9, 0.8, 0.3]), np.array([0.9, 0.9, 0.9]), logits)


class KnownTruthEstimator(CaseEstimator):
    """Knows the truth: a function from the 8-bit RGB image to the true mask; its prediction is the exact Dice.

    The interval is +- `half_width`; error maps are exact. An empty mask gets 0 with a box and unscored without.
    """

    device = "cpu"
    level = 0.9

    def __init__(
        self, truth: Callable[[np.ndarray], np.ndarray] | None = None, half_width: float = 0.05, name: str = "truth"
    ) -> None:
        self.truth = truth or (lambda image: image[..., 0] > 127)
        self.half_width = half_width
        self.name = name
        self.scored = 0

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        for case in cases:
            raise_if_cancelled(should_cancel)
            yield self._score(case, maps)

    def _score(self, case: QualityCase, maps: bool) -> QualityEstimate:
        self.scored += 1
        mask = case.mask
        if not mask.any():
            empty = (*case.caveats, Caveat.EMPTY_MASK)
            if case.box is None:
                return QualityEstimate.unscored(self.name, *empty)
            return QualityEstimate(0.0, 0.0, self.half_width, self.level, self.name, caveats=empty)
        truth = self.truth(case.image)
        dice = float(2 * (truth & mask).sum() / (truth.sum() + mask.sum()))
        return QualityEstimate(
            dice,
            max(0.0, dice - self.half_width),
            min(1.0, dice + self.half_width),
            self.level,
            self.name,
            hd95=1.0,
            false_positive=(mask & ~truth).astype(np.float32) if maps else None,
            false_negative=(truth & ~mask).astype(np.float32) if maps else None,
            caveats=case.caveats,
        )


def make_pipeline(
    threshold: int = 127, truth: Callable[[np.ndarray], np.ndarray] | None = None, name: str = "threshold"
) -> SlicePipeline:
    """A SlicePipeline of the two."""
    return SlicePipeline(KnownTruthEstimator(truth), ThresholdSegmenter(threshold, name))
