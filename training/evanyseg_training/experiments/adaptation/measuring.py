"""Measures masks once and keeps the numbers, so that hundreds of adaptations are tried in minutes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evanyseg.adaptation.candidates import CandidateOptions, masks_of
from evanyseg.adaptation.features import Measured, measure
from evanyseg.adaptation.reference import Reference
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Segmenter
from evanyseg.quality.builtin import BuiltinEstimator
from evanyseg.quality.context import ContextWindow, coverage, window_image
from evanyseg.quality.ood import image_statistics
from evanyseg.results import QualityCase

from ...data.readers import Record
from ...evaluation.comparison.model import ComparisonSegmenter
from .objects import KnownObject, Subjects, drawn_box, flat_masks, known_objects, pool_masks

TRUTH, SYNTHETIC, PREDICTED, OTHER, POOL = range(5)
"""Kinds of rows: the true mask; what is made from references (synthetic errors, the segmenter's masks); a network's
stored prediction; other masks of flat lists; masks that are there to be chosen from (the built-in segmenter's heads,
comparison networks)."""
CELLS = 64
"""Side of the window around each box in which reverse classification registers."""
WINDOW = 2.0


@dataclass(frozen=True)
class MeasuredSet:
    """Rows of one data set, all [N]: kind, method, flat (on the flat list), chosen (the built-in segmenter's own
    choice), dice, predicted, low, high, subject and object (indices), absolute [N, A], descriptor [N, D], cells
    [N, 512] (the mask in its window, packed). Of each object: statistics [S] of the true mask's window, windows uint8
    [64, 64]. All with the prompt's box or all without."""

    name: str
    kind: np.ndarray
    method: np.ndarray
    flat: np.ndarray
    chosen: np.ndarray
    dice: np.ndarray
    predicted: np.ndarray
    low: np.ndarray
    high: np.ndarray
    subject: np.ndarray
    object: np.ndarray
    absolute: np.ndarray
    descriptor: np.ndarray
    cells: np.ndarray
    statistics: np.ndarray
    windows: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """bool [N]: of the first object of its subject."""
        _, at = np.unique(self.subject, return_index=True)
        return np.isin(self.object, self.object[at])

    def measured(self, row: int) -> Measured:
        return Measured(self.absolute[row], self.descriptor[row])

    def mask(self, rows: np.ndarray) -> np.ndarray:
        """bool [M, 64, 64]: masks in their windows."""
        bits: np.ndarray = np.unpackbits(self.cells[rows], axis=-1).reshape(-1, CELLS, CELLS) > 0
        return bits

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **self.__dict__)
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> MeasuredSet:
        with np.load(path) as stored:
            return cls(str(stored["name"]), *(stored[n] for n in list(cls.__dataclass_fields__)[1:]))


@dataclass(frozen=True)
class Measuring:
    """What measures and what makes masks. subjects: most of a set with masks of all kinds; images: most of a set in
    all, the others with synthetic errors and one network's masks alone; comparison: further networks whose masks can be
    chosen."""

    base: BuiltinEstimator
    segmenter: Segmenter
    comparison: Sequence[ComparisonSegmenter] = field(default=())
    subjects: int = 26
    images: int = 26
    per_subject: int = 1
    synthetic: int = 14
    with_box: bool = True

    def measured(self, name: str, records: Sequence[Record]) -> MeasuredSet:
        rows: list[tuple] = []
        statistics: list[np.ndarray] = []
        windows: list[np.ndarray] = []
        subjects: dict[str, int] = {}
        wanted = Subjects(self.subjects, self.images, self.per_subject)
        for number, one in enumerate(known_objects(records, wanted)):
            subject = subjects.setdefault(one.subject, len(subjects))
            made, shown, window = self._rows(one, number, subject)
            rows += made
            statistics.append(shown)
            windows.append(window)
        columns = [*map(np.array, zip(*rows, strict=True)), np.array(statistics), np.array(windows)]
        names = [n for n in MeasuredSet.__dataclass_fields__ if n != "name"]
        return MeasuredSet(name, **dict(zip(names, columns, strict=True)))

    def _rows(self, one: KnownObject, number: int, subject: int) -> tuple[list[tuple], np.ndarray, np.ndarray]:
        rng = np.random.default_rng((zlib.crc32(one.set.encode()), number))
        box = drawn_box(one.truth, rng)
        masks = self._masks(one, number, box, rng)
        cases = [QualityCase(one.image, m.mask, box if self.with_box else None) for m in masks]
        window = ContextWindow.around(box, one.image.shape, WINDOW)
        rows = []
        shown = np.zeros(0)
        for found, result in zip(masks, self.base.measure_cases(cases), strict=True):
            measured = measure(one.image, found.mask, result)
            if measured is None or result.seen is None or not result.estimate.scored:
                continue
            if found.kind == TRUTH:
                shown = image_statistics(result.seen.pixels, result.seen.auxiliary)
            said = result.estimate
            cells = np.packbits(coverage(window.crop(found.mask, False), CELLS) > 127)
            rows.append(
                (found.kind, found.method, found.flat, found.chosen, dice(found.mask, one.truth), said.dice, said.low,
                 said.high, subject, number, measured.absolute, measured.descriptor, cells)
            )  # fmt: skip
        gray = window_image(one.image, window, CELLS).mean(axis=0).astype(np.uint8)
        return rows, shown, gray

    def _masks(self, one: KnownObject, number: int, box: BoxPrompt, rng: np.random.Generator) -> list[_Mask]:
        reference = Reference(one.image, one.truth, box)
        from_reference = masks_of(reference, CandidateOptions(self.synthetic, seed=number), rng, (self.segmenter,))
        masks = [
            _Mask(m.mask, TRUTH, "truth") if m.is_truth else _Mask(m.mask, SYNTHETIC, "own") for m in from_reference
        ]
        masks += [_Mask(p, PREDICTED, "stored prediction", True) for p in one.predictions if p.any()]
        heads = self.segmenter.segment(self.segmenter.embed(one.image), box)
        best = int(np.argmax(heads.predicted_iou))
        if not one.whole:
            return masks + (
                [_Mask(heads.masks[best], POOL, f"head {best}", False, True)] if heads.masks[best].any() else []
            )
        masks += [_Mask(m, OTHER, name, True) for m, name in flat_masks(one, box, rng)]
        on_list = set(rng.permutation(len(heads.masks))[:2].tolist())
        for at, mask in enumerate(heads.masks):
            if mask.any():
                masks.append(_Mask(mask, OTHER if at in on_list else POOL, f"head {at}", at in on_list, at == best))
        masks += [_Mask(m, POOL, name) for m, name in pool_masks(one, box, self.comparison)]
        return masks


@dataclass(frozen=True)
class _Mask:
    mask: np.ndarray
    kind: int
    method: str
    flat: bool = False
    chosen: bool = False
