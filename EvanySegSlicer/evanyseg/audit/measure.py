"""Scoring the labels of one case: an estimate from a few slices, and where the label lies in the image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..errors import EvanySegError
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_segmentation
from ..io.remote import shown
from ..io.segmentation import Segment, Segmentation
from ..pipeline.intensity import IntensityPreset
from ..pipeline.slice_pipeline import SlicePipeline
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Caveat
from ..scoring.pair_rows import FAILED
from ..scoring.stacks import SliceStack
from ..scoring.volumes import SliceScore, VolumeScorer, mean_of_slices
from .case import AuditCase, AuditRow


@dataclass(frozen=True)
class MeasureOptions:
    """most: slices of a volume that are scored, of each label (None: all); preset: how intensities become 8 bit (None:
    the usual one of the image); names: what label values are called (see `read_segmentation`)."""

    most: int | None = 10
    preset: IntensityPreset | None = None
    names: str | None = None
    threshold: float | str | None = None
    allow_cropped: bool = False


@dataclass(frozen=True)
class UnmeasuredCase:
    """A case, and the ids of its labels that an earlier run has measured."""

    case: AuditCase
    measured: frozenset[str] = frozenset()


class CaseMeasurer(Protocol):
    """Measures cases, here or elsewhere."""

    def rows(
        self, cases: Sequence[UnmeasuredCase], begun: Callable[[AuditCase], None], should_cancel: ShouldCancel = ...
    ) -> Iterator[list[AuditRow]]:
        """The rows of each case, in order: one a label; of a case that cannot be read or scored the one that says why.
        `begun` is told of cases. Raises CancelledError."""


class Measuring:
    """A CaseMeasurer in this process; one case in memory at a time."""

    def __init__(self, pipeline: SlicePipeline, options: MeasureOptions) -> None:
        self.pipeline, self.options = pipeline, options

    def rows(
        self,
        cases: Sequence[UnmeasuredCase],
        begun: Callable[[AuditCase], None],
        should_cancel: ShouldCancel = never_cancel,
    ) -> Iterator[list[AuditRow]]:
        """See `CaseMeasurer`."""
        for case in cases:
            raise_if_cancelled(should_cancel)
            begun(case.case)
            yield self.rows_of(case, should_cancel)

    def rows_of(self, given: UnmeasuredCase, should_cancel: ShouldCancel = never_cancel) -> list[AuditRow]:
        """Of one case."""
        try:
            return list(_rows(given.case, self.pipeline, self.options, given.measured, should_cancel))
        except (EvanySegError, OSError, MemoryError) as error:
            raise_if_cancelled(should_cancel)
            return [failed_case(given.case, str(error) or type(error).__name__)]


def failed_case(case: AuditCase, why: str) -> AuditRow:
    """The row of a case that could not be measured."""
    return replace(_blank(case, ", ".join(case.labels), ""), caveats=f"{FAILED}{why}")


def stack_of_case(
    case: AuditCase, options: MeasureOptions, keep: Callable[[Segment], bool] = lambda segment: True
) -> SliceStack:
    """The case's volume with the labels that count and are kept. Raises EvanySegError, OSError."""
    volume = read_image(case.image)
    found = read_segmentation(
        case.mask, image=ReadImage(volume, case.image), threshold=options.threshold, names=options.names or case.names
    )
    if case.labels:
        found = _called(found, case.labels[0]) if len(case.labels) == 1 else found.only(list(case.labels))
    found = replace(found, segments=tuple(segment for segment in found.segments if keep(segment)))
    return SliceStack(volume, found, preset=options.preset, allow_cropped=options.allow_cropped)


def _called(found: Segmentation, label: str) -> Segmentation:
    """The named segment; where the mask has but one, which nobody has named, that one, called so."""
    if len(found.segments) == 1:
        only = found.segments[0]
        if only.name in (only.id, str(only.value)) and label not in (only.id, only.name):
            return replace(found, segments=(replace(only, name=label),))
    return found.called(label)


def _rows(
    case: AuditCase,
    pipeline: SlicePipeline,
    options: MeasureOptions,
    measured: Collection[str],
    should_cancel: ShouldCancel,
) -> Iterator[AuditRow]:
    stack = stack_of_case(case, options, lambda segment: segment.id not in measured)
    if not stack.segments:
        return
    by_segment: dict[str, list[_Placed]] = {}
    for score in VolumeScorer(stack, pipeline, keep_masks=True, most=options.most).scores(should_cancel=should_cancel):
        by_segment.setdefault(score.segment_id, []).append(_Placed.of(score))
    for row, segment in enumerate(stack.segments):
        yield _row(case, stack, segment, stack.areas[row], by_segment.get(segment.id, []), pipeline)


@dataclass(frozen=True)
class _Placed:
    """A slice's score with the middle (y, x) of its mask, which is let go of."""

    score: SliceScore
    middle: np.ndarray

    @classmethod
    def of(cls, score: SliceScore) -> _Placed:
        filled = np.argwhere(score.mask) if score.mask is not None and score.area else np.zeros((0, 2))
        middle = filled.mean(axis=0) + 0.5 if len(filled) else np.full(2, np.nan)
        return cls(replace(score, mask=None), middle)


def _row(
    case: AuditCase,
    stack: SliceStack,
    segment: Segment,
    areas: np.ndarray,
    placed: list[_Placed],
    pipeline: SlicePipeline,
) -> AuditRow:
    scores = [p.score for p in placed]
    scored = [s for s in scores if s.area and s.estimate.scored]
    blank = replace(
        _blank(case, segment.name, segment.id),
        estimator=pipeline.estimator.name,
        intensity=stack.window.describe(),
        remarks=" ".join(stack.file_remarks),
    )
    slices = int(np.count_nonzero(areas))
    doubts = list(dict.fromkeys(c for s in scores for c in s.estimate.caveats))
    if not slices:
        return replace(blank, caveats=Caveat.EMPTY_MASK)
    plane = stack.planes.plane(0)
    thickness = plane.thickness if stack.planes.count > 1 else 1.0
    blank = replace(
        blank,
        slices=slices,
        size=float(areas.sum()) * plane.pixel_area * thickness,
        center=_center(stack, areas, placed),
        caveats="; ".join(doubts),
    )
    if not scored:
        return blank
    dice, low, high = mean_of_slices(scored)
    worst = min(scored, key=lambda s: s.dice)
    return replace(
        blank, scored=len(scored), dice=dice, low=low, high=high, worst_slice=worst.index, worst_dice=worst.dice
    )


def _center(stack: SliceStack, areas: np.ndarray, placed: list[_Placed]) -> tuple[float, float, float]:
    """Shares of the image's extent towards right, anterior and superior: exact across the slices, from those that were
    scored within them. Of 2D images: right is x from their right edge, superior is y from their lower one."""
    planes = stack.planes
    shown = [p for p in placed if not np.isnan(p.middle[0])]
    if not shown:
        return (np.nan, np.nan, np.nan)
    weights = np.array([p.score.area for p in shown], float)
    y, x = np.average([p.middle for p in shown], axis=0, weights=weights)
    z = float(np.average(np.arange(len(areas)), weights=areas))
    height, width = planes.shape
    if planes.count == 1:
        return (1 - float(x) / width, np.nan, 1 - float(y) / height)
    first, last = planes.plane(0), planes.plane(planes.count - 1)
    corners = np.array(
        [p.to_ras(np.array([[cx, cy]]))[0] for p in (first, last) for cx in (0, width) for cy in (0, height)]
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    at = first.pixel_to_ras @ [float(x), float(y), 0.0, 1.0]
    at = at[:3] + z / max(planes.count - 1, 1) * (last.pixel_to_ras[:3, 3] - first.pixel_to_ras[:3, 3])
    share = (at - low) / np.maximum(high - low, 1e-6)
    return (float(share[0]), float(share[1]), float(share[2]))


def _blank(case: AuditCase, label: str, label_id: str) -> AuditRow:
    return AuditRow(
        case.name,
        case.subject,
        label,
        label_id,
        shown(case.image),
        shown(case.mask),
        truth=case.truth,
        metadata=case.metadata,
    )
