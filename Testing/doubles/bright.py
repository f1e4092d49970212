"""Deterministic stand-ins for networks: they look at the image, so that a test sees whether the right slice arrived.

The "truth" of the stand-ins is: what is brighter than the middle of 0..255 belongs to the object.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import ShouldCancel, never_cancel, raise_if_cancelled
from evanyseg.quality.cases import CaseEstimator
from evanyseg.results import Candidates, Caveat, Embedding, QualityCase, QualityEstimate


class BrightEstimator(CaseEstimator):
    """Scores a mask by its Dice with the bright pixels around it (twice its box), batches of `batch`."""

    name = "bright"
    device = "cpu"
    level = 0.9

    def __init__(self, batch: int = 8) -> None:
        self.batch = batch
        self.seen: list[QualityCase] = []
        self.keep = False
        self.largest_batch = 0

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        stream = iter(cases)
        while batch := list(islice(stream, self.batch)):
            raise_if_cancelled(should_cancel)
            self.largest_batch = max(self.largest_batch, len(batch))
            if self.keep:
                self.seen += batch
            yield from (self._one(case, maps) for case in batch)

    def _one(self, case: QualityCase, maps: bool) -> QualityEstimate:
        assert case.image.dtype == np.uint8
        assert case.image.shape == (*case.mask.shape, 3)
        if not case.mask.any():
            if case.box is None:
                return QualityEstimate.unscored(self.name, *case.caveats, Caveat.EMPTY_MASK)
            return QualityEstimate(0.0, 0.0, 0.0, self.level, self.name, caveats=(*case.caveats, Caveat.EMPTY_MASK))
        around = (case.box or BoxPrompt.of_mask(case.mask)).scaled(2.0)
        window = np.zeros_like(case.mask)
        window[max(0, int(around.y0)) : math.ceil(around.y1), max(0, int(around.x0)) : math.ceil(around.x1)] = True
        truth = (case.image[..., 0] > 127) & window
        score = dice(case.mask, truth)
        wrong = (case.mask & ~truth).astype(np.float32) if maps else None
        lacking = (truth & ~case.mask).astype(np.float32) if maps else None
        low, high = max(0.0, score - 0.1), min(1.0, score + 0.1)
        return QualityEstimate(
            score, low, high, self.level, self.name, false_positive=wrong, false_negative=lacking, caveats=case.caveats
        )


class BrightSegmenter:
    """Three masks: the bright pixels in the box, the whole box, nothing but a corner of it."""

    name = "bright-box"
    device = "cpu"
    supports_points = True
    supports_boxes = True

    def __init__(self) -> None:
        self.embedded = 0

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        raise_if_cancelled(should_cancel)
        self.embedded += 1
        return Embedding(self.name, image.shape[:2], image[..., 0] > 127, image[..., 0].nbytes)

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        raise_if_cancelled(should_cancel)
        area = np.zeros(embedding.shape, bool)
        if box is not None:
            area[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)] = True
        for p in points:
            area[max(0, int(p.y) - 8) : int(p.y) + 8, max(0, int(p.x) - 8) : int(p.x) + 8] = p.positive
        corner = area & (np.cumsum(area.ravel()).reshape(area.shape) < 6)
        logits = np.stack([np.where(m, 4.0, -4.0) for m in (area & embedding.features, area, corner)])
        logits = logits.astype(np.float32)
        return Candidates(logits, np.array([0.8, 0.9, 0.1]), np.ones(3), logits[:, ::4, ::4])
