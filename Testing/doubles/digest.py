"""An estimator to whom every pixel counts: two front ends agree with it only if they show it the very same thing."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np

from evanyseg.protocols import ShouldCancel, never_cancel, raise_if_cancelled
from evanyseg.quality.cases import CaseEstimator
from evanyseg.results import QualityCase, QualityEstimate


class DigestEstimator(CaseEstimator):
    """The predicted Dice is a checksum of image, mask and box, in [0, 1]; an empty mask has one as well."""

    name = "digest"
    device = "cpu"
    level = 0.9

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
