"""Measures masks once and keeps the numbers, so that hundreds of adaptations are tried in minutes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evanyseg.adaptation.candidates import CandidateOptions, masks_of
from evanyseg.adaptation.features import Measured, measure
from evanyseg.adaptation.reference import Reference
from evanyseg.overlap import dice
from evanyseg.protocols import Segmenter
from evanyseg.quality.builtin import BuiltinEstimator
from evanyseg.quality.ood import image_statistics
from evanyseg.results import QualityCase

from ...data.readers import Record
from .objects import KnownObject, drawn_box, known_objects, other_masks

TRUTH, SYNTHETIC, PREDICTED, OTHER = range(4)
"""Kinds of rows: the true mask; the references' synthetic errors; a network's prediction; other masks."""


@dataclass(frozen=True)
class MeasuredSet:
    """Rows of one data set, all [N]: kind, dice, predicted, low, high, subject and object (indices), absolute [N, A],
    descriptor [N, D]; statistics [objects, S] of the true masks' windows. All with the prompt's box or
    all without."""

    name: str
    kind: np.ndarray
    dice: np.ndarray
    predicted: np.ndarray
    low: np.ndarray
    high: np.ndarray
    subject: np.ndarray
    object: np.ndarray
    absolute: np.ndarray
    descriptor: np.ndarray
    statistics: np.ndarray

    def measured(self, row: int) -> Measured:
        return Measured(self.absolute[row], self.descriptor[row])

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **self.__dict__)
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> MeasuredSet:
        with np.load(path) as stored:
            return cls(str(stored["name"]), *(stored[n] for n in list(cls.__dataclass_fields__)[1:]))


def measured_set(
    name: str,
    records: Sequence[Record],
    base: BuiltinEstimator,
    segmenter: Segmenter,
    most_subjects: int,
    most_per_subject: int,
    synthetic: int,
    with_box: bool,
) -> MeasuredSet:
    rows: list[tuple] = []
    statistics: list[np.ndarray] = []
    subjects: dict[str, int] = {}
    for number, one in enumerate(known_objects(records, most_subjects, most_per_subject)):
        subject = subjects.setdefault(one.subject, len(subjects))
        rows += _rows(one, number, subject, base, segmenter, synthetic, with_box, statistics)
    columns = [np.array(c) for c in zip(*rows, strict=True)]
    kind, value, predicted, low, high, who, which, absolute, descriptor = columns
    found = np.array(statistics)
    return MeasuredSet(name, kind, value, predicted, low, high, who, which, absolute, descriptor, found)


def _rows(
    one: KnownObject,
    number: int,
    subject: int,
    base: BuiltinEstimator,
    segmenter: Segmenter,
    synthetic: int,
    with_box: bool,
    statistics: list[np.ndarray],
) -> list[tuple]:
    rng = np.random.default_rng((zlib.crc32(one.set.encode()), number))
    box = drawn_box(one.truth, rng)
    reference = Reference(one.image, one.truth, box)
    from_reference = masks_of(reference, CandidateOptions(synthetic, seed=number), rng)
    masks = [(m.mask, TRUTH if m.is_truth else SYNTHETIC) for m in from_reference]
    masks += [(p, PREDICTED) for p in one.predictions if p.any()]
    masks += [(m, OTHER) for m, _ in other_masks(one, box, segmenter, rng)]
    found = base.measure_cases([QualityCase(one.image, m, box if with_box else None) for m, _ in masks])
    rows = []
    statistics.append(np.zeros(0))
    for (mask, kind), result in zip(masks, found, strict=True):
        measured = measure(one.image, mask, result)
        if measured is None or result.seen is None or not result.estimate.scored:
            continue
        if kind == TRUTH:
            statistics[-1] = image_statistics(result.seen.pixels, result.seen.auxiliary)
        said = result.estimate
        rows.append(
            (kind, dice(mask, one.truth), said.dice, said.low, said.high, subject, number, measured.absolute,
             measured.descriptor)
        )  # fmt: skip
    return rows
