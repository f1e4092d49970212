"""An estimator to whom every pixel counts: two front ends agree with it only if they show it the very same thing."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import ShouldCancel, never_cancel, raise_if_cancelled
from evanyseg.quality.cases import cases_of_image
from evanyseg.results import QualityCase, QualityEstimate


class DigestEstimator:
    """The predicted Dice is a checksum of image, mask and box, in [0, 1]; an empty mask has one as well."""

    name = "digest"
    device = "cpu"
    level = 0.9

    def estimate(
        self,
        image: np.ndarray,
        masks: np.ndarray,
        boxes: Sequence[BoxPrompt | None] | None = None,
        maps: bool = False,
        should_cancel: ShouldCancel = never_cancel,
    ) -> list[QualityEstimate]:
        return list(self.estimate_cases(cases_of_image(image, masks, boxes), maps, should_cancel))

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        for case in cases:
            raise_if_cancelled(should_cancel)
            parts = [case.image, case.mask, np.array(case.image.shape)]
            if case.box is not None:
                parts.append(np.array(case.box.as_tuple()).round(3))
            seen = 0
            for part in parts:
                seen = zlib.crc32(np.ascontiguousarray(part).tobytes(), seen)
            dice = round(seen / 2**32, 6)
            yield QualityEstimate(dice, dice, dice, self.level, self.name, caveats=case.caveats)
