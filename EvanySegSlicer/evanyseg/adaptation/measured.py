"""What was measured of references, kept between learnings: one more reference costs only itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..protocols import Segmenter, ShouldCancel, never_cancel
from ..quality.builtin import BuiltinEstimator
from ..quality.ood import image_statistics
from ..results import QualityCase
from .candidates import Candidate, CandidateOptions, candidates_of
from .reference import Reference

MOST = 256
"""References kept: numbers only, about 0.1 MB each."""


@dataclass(frozen=True)
class MeasuredReference:
    """candidates; window: statistics [STATISTICS] of the window around its mask, None where there is none."""

    candidates: tuple[Candidate, ...]
    window: np.ndarray | None

    def in_group(self, group: int) -> list[Candidate]:
        """The candidates with another subject's number."""
        return [replace(c, group=group) for c in self.candidates]


class MeasuredReferences:
    """By content: a reference that is changed, another estimator or other options are measured anew."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[bytes, str, CandidateOptions, tuple[str, ...]], MeasuredReference] = OrderedDict()

    def copy(self) -> MeasuredReferences:
        """With the same references, to be used by another thread."""
        made = MeasuredReferences()
        made._kept = self._kept.copy()
        return made

    def of(
        self,
        reference: Reference,
        base: BuiltinEstimator,
        options: CandidateOptions,
        should_cancel: ShouldCancel = never_cancel,
        segmenters: Sequence[Segmenter] = (),
    ) -> MeasuredReference:
        """Raises CancelledError."""
        key = (reference.digest(), base.fingerprint, options, tuple(s.name for s in segmenters))
        if key not in self._kept:
            found = tuple(candidates_of(reference, base, options, should_cancel, segmenters))
            self._kept[key] = MeasuredReference(found, _window(reference, base))
        self._kept.move_to_end(key)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return self._kept[key]


def _window(reference: Reference, base: BuiltinEstimator) -> np.ndarray | None:
    mask = reference.truth if reference.truth is not None else reference.graded[0].mask
    (found,) = base.measure_cases([QualityCase(reference.image, mask, reference.box)])
    return image_statistics(found.seen.pixels, found.seen.auxiliary) if found.seen is not None else None
