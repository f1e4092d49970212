"""Masks of known Dice, made from references: their own predictions, graded masks, the truth, synthetic errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.box_jitter import jittered_normally
from ..overlap import dice
from ..prompts import BoxPrompt
from ..protocols import Segmenter, ShouldCancel, never_cancel
from ..quality.builtin import BuiltinEstimator
from ..results import QualityCase
from .features import Measured, measure
from .reference import Reference

JITTER = 0.05
"""Deviation of each edge, as a share of its side, where a reference came without a box: what training prompts its
segmenters with."""


@dataclass(frozen=True)
class CandidateOptions:
    """synthetic: errors made per reference; boxes: jittered ones that each named segmenter answers; prediction_share:
    of a reference's weight that its own predictions (and graded masks) have where it has any; seed."""

    synthetic: int = 14
    boxes: int = 3
    prediction_share: float = 0.7
    seed: int = 0


@dataclass(frozen=True)
class Candidate:
    """bounds: between which its Dice lies, the same number twice where it is known; predicted: the built-in
    estimator's; weight: all of one reference add up to the reference's; group: index of the subject; own: a mask of the
    kind to be scored; has_box: scored with the prompt's box."""

    measured: Measured
    bounds: tuple[float, float]
    predicted: float
    weight: float
    group: int
    own: bool
    has_box: bool
    is_truth: bool

    @property
    def dice(self) -> float:
        """What is learned: the Dice, or what is nearest to the built-in answer of all that it can be."""
        low, high = self.bounds
        return min(max(self.predicted, low), high)


@dataclass(frozen=True)
class _Mask:
    mask: np.ndarray
    bounds: tuple[float, float]
    weight: float
    own: bool
    is_truth: bool = False


def masks_of(
    reference: Reference,
    options: CandidateOptions,
    rng: np.random.Generator,
    segmenters: Sequence[Segmenter] = (),
) -> list[_Mask]:
    """Every mask of a reference with its Dice; weights of one reference sum to its weight."""
    from .synthetic import synthetic_errors

    own = [_Mask(g.mask, g.bounds, g.weight, True) for g in reference.graded if g.mask.any()]
    made: list[_Mask] = []
    truth = reference.truth
    if truth is not None:
        own += [_known(p, dice(p, truth), own=True) for p in reference.predictions if p.any()]
        errors = synthetic_errors(reference.image, truth, options.synthetic, rng)
        made = [_known(truth, 1.0, is_truth=True), *(_known(m, d) for m, d in errors if m.any())]
        made += [_known(m, dice(m, truth)) for s in segmenters for m in _segmented(s, reference, truth, options, rng)]
    share = options.prediction_share if own and made else 1.0 if own else 0.0
    return _weighted(own, share * reference.weight) + _weighted(made, (1 - share) * reference.weight)


def _segmented(
    segmenter: Segmenter,
    reference: Reference,
    truth: np.ndarray,
    options: CandidateOptions,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """The segmenter's own choice for some boxes around the truth, that are a little off."""
    tight = BoxPrompt.of_mask(truth)
    assert tight is not None  # an empty truth is no reference
    embedding = segmenter.embed(reference.image)
    found = []
    for _ in range(options.boxes):
        box = jittered_normally(tight, truth.shape, rng, JITTER).validated(truth.shape)
        heads = segmenter.segment(embedding, box)
        found.append(heads.masks[int(np.argmax(heads.predicted_iou))])
    return [mask for mask in found if mask.any()]


def _known(mask: np.ndarray, value: float, own: bool = False, is_truth: bool = False) -> _Mask:
    return _Mask(mask, (value, value), 1.0, own, is_truth)


def _weighted(masks: list[_Mask], total: float) -> list[_Mask]:
    whole = sum(m.weight for m in masks)
    return [_Mask(m.mask, m.bounds, m.weight * total / whole, m.own, m.is_truth) for m in masks]


def prompt_of(reference: Reference, rng: np.random.Generator) -> BoxPrompt | None:
    """The reference's box, else the true mask's, a little off as people draw it."""
    if reference.box is not None:
        return reference.box
    tight = BoxPrompt.of_mask(reference.truth) if reference.truth is not None else None
    if tight is None:
        return None
    shape = reference.image.shape[:2]
    return jittered_normally(tight, shape, rng, JITTER).validated(shape)


def candidates_of(
    reference: Reference,
    base: BuiltinEstimator,
    options: CandidateOptions,
    should_cancel: ShouldCancel = never_cancel,
    segmenters: Sequence[Segmenter] = (),
) -> list[Candidate]:
    """The measured candidates of one reference, each with the prompt's box and without one. What is drawn depends on
    the reference alone, not on those beside it; their group is 0. Raises CancelledError."""
    rng = np.random.default_rng((options.seed, int.from_bytes(reference.digest())))
    masks = masks_of(reference, options, rng, segmenters)
    box = prompt_of(reference, rng)
    cases = [
        (m, b is not None, QualityCase(reference.image, m.mask, b))
        for b in ((box, None) if box is not None else (None,))
        for m in masks
    ]
    found = base.measure_cases([case for _, _, case in cases], False, should_cancel)
    made = []
    for (m, has_box, case), result in zip(cases, found, strict=True):
        measured = measure(reference.image, case.mask, result)
        if measured is not None and result.estimate.scored:
            made.append(Candidate(measured, m.bounds, result.estimate.dice, m.weight, 0, m.own, has_box, m.is_truth))
    return made
