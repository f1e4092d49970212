"""Doubles for training's evaluation: three heads by brightness, and an estimator that looks at the box."""

from __future__ import annotations

import numpy as np

from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import never_cancel
from evanyseg.quality.cases import CaseEstimator
from evanyseg.results import Candidates, Embedding, QualityEstimate


class BoxOverlapEstimator(CaseEstimator):
    """Scores a mask by how well its own box fits the prompt; without a prompt by how bright it is: no network."""

    name = "box overlap"
    device = "cpu"
    level = 0.9

    def estimate_cases(self, cases, maps=False, should_cancel=never_cancel):
        from evanyseg_training.evaluation.baselines.shape import box_iou

        for case in cases:
            mask_box = BoxPrompt.of_mask(case.mask)
            if mask_box is None:
                yield (
                    QualityEstimate.unscored(self.name, "empty mask")
                    if case.box is None
                    else QualityEstimate(0.0, 0.0, 0.1, self.level, self.name, caveats=("empty mask",))
                )
                continue
            value = (
                box_iou(mask_box, case.box) if case.box else float(np.clip(case.image[case.mask].mean() / 150, 0, 1))
            )
            bright = case.image[..., 0] / 255.0
            wrong = (1 - bright).astype(np.float32), bright.astype(np.float32)
            extra = {"false_positive": wrong[0], "false_negative": wrong[1]} if maps else {}
            low, high = max(value - 0.2, 0), min(value + 0.2, 1)
            yield QualityEstimate(value, low, high, self.level, self.name, 12 * (1 - value), **extra)


class LevelsSegmenter:
    """Three heads: pixels of the box above three levels of brightness. Its predicted IoU is right about their order."""

    name = "threshold"
    device = "cpu"
    supports_points = False
    supports_boxes = True
    LEVELS = (80, 105, 160)

    def embed(self, image, should_cancel=never_cancel):
        return Embedding(self.name, image.shape[:2], image[..., 0].astype(np.float32), image.nbytes)

    def segment(self, embedding, box=None, points=(), mask_input=None, should_cancel=never_cancel):
        inside = np.zeros(embedding.shape, bool)
        x0, y0, x1, y1 = (round(v) for v in box.as_tuple())
        inside[y0:y1, x0:x1] = True
        logits = np.stack([np.where(inside, embedding.features - level, -99.0) for level in self.LEVELS])
        return Candidates(logits, np.array([0.6, 0.9, 0.3]), np.array([0.8, 0.9, 0.7]), logits[:, ::4, ::4])
