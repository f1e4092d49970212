"""Scores rows of a table of (image, mask) pairs as a stream, a few of them in memory at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import EvanySegError, ImageError
from ..geometry.boxes import BoxFrame
from ..geometry.plane_stack import PlaneStack, stack_of
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_labeled
from ..io.remote import joined
from ..io.segmentation import Segmentation
from ..pipeline.intensity import IntensityPreset, window_of, window_remarks
from ..pipeline.slice_pipeline import ScoreCase, SliceInput, SlicePipeline
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Caveat, QualityEstimate
from .batches import NumberedRow
from .stacks import SliceStack
from .table_boxes import BOX, FRAME, displayed_box_of_row, needed_cell
from .volumes import VolumeScorer, mean_of_slices

ADDED = ("pred_dice", "low", "high", "caveats", "estimator", "intensity")
FAILED = "error: "
"""How the `caveats` of a row begin that could not be scored."""
WHOLE_VOLUME = "mean over slices, interval too"


@dataclass(frozen=True)
class TablePlace:
    """What rows need of their table: the folder that their paths are relative to, and its separator."""

    folder: Path
    separator: str


@dataclass(frozen=True)
class PairOptions:
    """label_column: the column that names the mask's label value (or several, `1;2`); without it everything above zero
    is the object; box_frame: what boxes are counted in where the row's cell `box_frame` does not say it; names: what
    values are called."""

    preset: IntensityPreset | None = None
    label_column: str | None = None
    allow_cropped: bool = False
    threshold: float | str | None = None
    box_frame: BoxFrame | None = None
    names: str | None = None


@dataclass(frozen=True)
class ScoredRow:
    """cells: the row with the added columns, as it is written; dice: NaN for an unscored one; error: why it failed,
    else ''; remarks: about how a file was read."""

    number: int
    cells: dict[str, object] = field(repr=False)
    dice: float = math.nan
    error: str = ""
    remarks: tuple[str, ...] = ()

    @classmethod
    def failed(cls, number: int, cells: dict[str, object], error: str) -> ScoredRow:
        """A row that could not be scored: its cells, and why in `caveats`."""
        return cls(number, {**cells, "caveats": f"{FAILED}{error}"}, error=error)


def without_added(row: dict[str, str]) -> dict[str, object]:
    """What a row brings itself: results of an earlier scoring go."""
    return {name: cell for name, cell in row.items() if name not in ADDED}


def meant_by(row: Mapping[str, str], found: Segmentation, label: str) -> str:
    """What the mask of a row is meant to be: what it was asked for by, or the row's column `label`, where that is a
    word and no value; else what its only segment is called; '' where nobody says."""
    for told in (label, row.get("label", "").strip()):
        if told and not told.isdecimal():
            return told
    return found.segments[0].name if label and len(found.segments) == 1 else ""


class RowScorer(Protocol):
    """Scores rows, here or elsewhere."""

    def run(
        self,
        batches: Iterable[Sequence[NumberedRow]],
        place: TablePlace,
        emit: Callable[[ScoredRow], None],
        read: Callable[[int, str], None] = ...,
        should_cancel: ShouldCancel = ...,
    ) -> None:
        """Emit every row, in order, each as soon as it and all before it are done; no mask shares a network's batch
        with one of another batch of rows. `read` is told of rows that are begun (number, image). A row that cannot be
        scored is emitted with its error. Raises CancelledError."""


def nothing_read(number: int, image: str) -> None:
    """The default `read`."""


@dataclass
class _Waiting:
    number: int
    row: dict[str, str]
    estimate: QualityEstimate | None = None
    error: str = ""
    intensity: str = ""
    caveats: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    frame: BoxFrame | None = None


class PairRows:
    """A RowScorer in this process."""

    def __init__(self, pipeline: SlicePipeline, options: PairOptions | None = None) -> None:
        self.pipeline, self.options = pipeline, options or PairOptions()
        self._last: tuple[Path, PlaneStack, SliceInput | None] | None = None

    def run(
        self,
        batches: Iterable[Sequence[NumberedRow]],
        place: TablePlace,
        emit: Callable[[ScoredRow], None],
        read: Callable[[int, str], None] = nothing_read,
        should_cancel: ShouldCancel = never_cancel,
    ) -> None:
        """See `RowScorer`."""
        for batch in batches:
            self._run(batch, place, emit, read, should_cancel)

    def _run(
        self,
        rows: Sequence[NumberedRow],
        place: TablePlace,
        emit: Callable[[ScoredRow], None],
        read: Callable[[int, str], None],
        should_cancel: ShouldCancel,
    ) -> None:
        waiting: deque[_Waiting] = deque()
        pending: deque[_Waiting] = deque()  # those of `waiting` whose estimate the network still owes

        def emit_done() -> None:
            while waiting and (waiting[0].estimate is not None or waiting[0].error):
                emit(self._finished(waiting.popleft()))

        def cases() -> Iterator[ScoreCase]:
            for number, row in rows:
                raise_if_cancelled(should_cancel)
                read(number, row["image"])
                item = _Waiting(number, row)
                waiting.append(item)
                try:
                    case = self._case(item, place, should_cancel)
                except (EvanySegError, OSError, MemoryError) as error:
                    item.error = str(error) or type(error).__name__
                    case = None
                if case is not None:
                    pending.append(item)
                    yield case
                emit_done()

        for estimate in self.pipeline.score(cases(), should_cancel=should_cancel):
            pending.popleft().estimate = estimate
            emit_done()

    def _case(self, item: _Waiting, place: TablePlace, should_cancel: ShouldCancel) -> ScoreCase | None:
        """The row as a case for the network; None when the row was scored here (a volume)."""
        row, folder, options = item.row, place.folder, self.options
        planes, slice_ = self._image(joined(folder, needed_cell(row, "image")))
        volume = planes.volume
        label = row[options.label_column].strip() if options.label_column else ""
        image = ReadImage(volume, joined(folder, needed_cell(row, "image")))
        mask_path = joined(folder, needed_cell(row, "mask"))
        segmentation = read_labeled(mask_path, label, image, options.threshold, options.names)
        if slice_ is None:
            if any(row.get(name, "").strip() for name in BOX):
                raise ImageError(f"{volume.name} is a volume: a box belongs to one slice; leave the box empty.")
            stack = SliceStack(volume, segmentation, preset=options.preset, allow_cropped=options.allow_cropped)
            item.caveats, item.remarks = stack.caveats, stack.remarks
            scorer = VolumeScorer(stack, self.pipeline, label=meant_by(row, segmentation, label))
            scores = list(scorer.scores(should_cancel=should_cancel))
            item.intensity = stack.window.describe()
            item.estimate = self._mean(scores)
            return None
        item.intensity = slice_.window.describe()
        grid = segmentation.on_grid_of(volume, options.allow_cropped)
        item.caveats = grid.all_caveats
        item.remarks = volume.source.remarks + grid.remarks + window_remarks(volume, options.preset)
        mask = np.zeros(slice_.pixels.shape[:2], bool)
        for segment in grid.segments:
            mask |= planes.take(grid.layers[segment.layer], 0) == segment.value
        box, item.frame = displayed_box_of_row(row, planes, options.box_frame, place.separator)
        if box is not None:
            usable = box.validated(mask.shape)
            item.caveats += (Caveat.BOX_OFF_IMAGE,) * (usable != box)
            box = usable
        return slice_, mask, box, meant_by(row, segmentation, label)

    def _image(self, path: Path) -> tuple[PlaneStack, SliceInput | None]:
        """The image and, when it is a single slice, that slice; the last one is kept for rows that share it."""
        if self._last is None or self._last[0] != path:
            volume = read_image(path)
            planes = stack_of(volume)
            slice_ = None
            if planes.count == 1:
                window = window_of(volume, self.options.preset)
                slice_ = SliceInput(planes.pixels(0), window, planes.spacing)
            self._last = (path, planes, slice_)
        return self._last[1], self._last[2]

    def _mean(self, scores: list) -> QualityEstimate:
        name, level = self.pipeline.estimator.name, self.pipeline.estimator.level
        dice, low, high = mean_of_slices(scores)
        if math.isnan(dice):
            reasons = tuple(dict.fromkeys(c for s in scores for c in s.estimate.caveats)) or (Caveat.EMPTY_MASK,)
            return QualityEstimate.unscored(name, *reasons, level=level)
        return QualityEstimate(dice, low, high, level, name, caveats=(WHOLE_VOLUME,))

    def _finished(self, item: _Waiting) -> ScoredRow:
        row = without_added(item.row)
        row |= {"estimator": self.pipeline.estimator.name, "intensity": item.intensity}
        if item.frame is not None:
            row[FRAME] = item.frame.value
        if item.estimate is None:
            return ScoredRow.failed(item.number, row, item.error)
        estimate = replace(item.estimate, caveats=tuple(dict.fromkeys(item.caveats + item.estimate.caveats)))
        scores = {"pred_dice": estimate.dice, "low": estimate.low, "high": estimate.high}
        cells = {**row, **scores, "caveats": "; ".join(estimate.caveats)}
        return ScoredRow(item.number, cells, estimate.dice, remarks=item.remarks)
