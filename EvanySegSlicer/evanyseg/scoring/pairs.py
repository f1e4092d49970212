"""Scores a table of (image, mask) pairs as a stream: any number of rows, a few of them in memory at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import EvanySegError, ImageError
from ..geometry.boxes import BoxFrame
from ..geometry.plane_stack import PlaneStack, stack_of
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_segmentation
from ..io.tables import Table, score_number
from ..pipeline.intensity import IntensityPreset, window_of, window_remarks
from ..pipeline.slice_pipeline import SliceInput, SlicePipeline
from ..prompts import BoxPrompt
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..results import Caveat, QualityEstimate
from .stacks import SliceStack
from .table_boxes import BOX, FRAME, columns_with_frame, displayed_box_of_row, needed_cell
from .unfinished import RowLog
from .volumes import VolumeScorer, mean_of_slices

ADDED = ("pred_dice", "low", "high", "caveats", "estimator", "intensity")
FAILED = "error: "
"""How the `caveats` of a row begin that could not be scored."""
WHOLE_VOLUME = "mean over slices, interval too"


@dataclass
class PairsResult:
    """What was done: counts, the first failures and remarks as (row number, sentence), and the scores for a summary.

    remarked: how many rows have a remark (about how a file was read).
    """

    rows: int = 0
    failed: int = 0
    unscored: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)
    remarked: int = 0
    remarks: list[tuple[int, str]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def fail(self, row: int, why: str, shown: int) -> None:
        """A row failed; of the reasons the first `shown` are kept."""
        self.failed += 1
        if len(self.failures) < shown:
            self.failures.append((row, why))


def log_of_pairs(table: Table, out: Path, run: str = "", resume: bool = False) -> RowLog:
    """Where the scored rows of a table go: its columns and the added ones. Raises OutputError; see `RowLog`."""
    kept = columns_with_frame([c for c in table.columns if c and c not in ADDED])
    return RowLog(out, [*kept, *ADDED], run, resume)


@dataclass
class _Waiting:
    number: int
    """Of the row in the table, from 1."""
    row: dict[str, str]
    estimate: QualityEstimate | None = None
    error: str = ""
    intensity: str = ""
    caveats: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    frame: BoxFrame | None = None


class PairsScorer:
    """Streams one table through an estimator.

    `label_column`: the column that names the mask's label value (or several, `1;2`); without it everything above zero
    is the object; `box_frame`: what boxes are counted in where the row's cell `box_frame` does not say it; `names`:
    what values are called. Paths in the table are relative to the table.
    """

    def __init__(
        self,
        pipeline: SlicePipeline,
        preset: IntensityPreset | None = None,
        label_column: str | None = None,
        shown: int = 20,
        allow_cropped: bool = False,
        threshold: float | str | None = None,
        box_frame: BoxFrame | None = None,
        names: str | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.preset = preset
        self.label_column = label_column
        self.shown = shown
        self.allow_cropped = allow_cropped
        self.threshold = threshold
        self.box_frame = box_frame
        self.names = names
        self._last: tuple[Path, PlaneStack, SliceInput | None] | None = None

    def score(
        self,
        table: Table,
        log: RowLog,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
    ) -> PairsResult:
        """Write the rows of `table` with the added columns to `log` (see `log_of_pairs`), in the same order, after
        those that it has already; those of them that failed are tried again. A row that fails keeps its place, with the
        reason in `caveats`.

        Raises ImageError when the table is not the one that the log's rows are of, OutputError, CancelledError.
        """
        result = PairsResult()
        with log:
            first, failed = _counted(log, table, result)
            read = lambda number, image: progress(number / max(1, table.count), image)

            def emit(item: _Waiting) -> None:
                row = self._finished(item, result)
                if item.number <= first:
                    log.replace(item.number - 1, row)
                else:
                    log.write(row)

            self._score_rows(table, lambda number: number > first or number in failed, read, emit, should_cancel)
            log.finish()
        return result

    def _score_rows(
        self,
        table: Table,
        wanted: Callable[[int], bool],
        read: Callable[[int, str], None],
        emit: Callable[[_Waiting], None],
        should_cancel: ShouldCancel,
    ) -> None:
        """Emit the `wanted` rows (from 1), in order, each as soon as it and all before it are done."""
        waiting: deque[_Waiting] = deque()
        pending: deque[_Waiting] = deque()  # those of `waiting` whose estimate the network still owes

        def emit_done() -> None:
            while waiting and (waiting[0].estimate is not None or waiting[0].error):
                emit(waiting.popleft())

        def cases() -> Iterator[tuple[SliceInput, np.ndarray, BoxPrompt | None]]:
            for number, row in enumerate(table.rows(), start=1):
                if not wanted(number):
                    continue
                raise_if_cancelled(should_cancel)
                read(number - 1, row["image"])
                item = _Waiting(number, row)
                waiting.append(item)
                try:
                    case = self._case(item, table, should_cancel)
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

    def _case(
        self, item: _Waiting, table: Table, should_cancel: ShouldCancel
    ) -> tuple[SliceInput, np.ndarray, BoxPrompt | None] | None:
        """The row as a case for the network; None when the row was scored here (a volume)."""
        row, folder = item.row, table.path.parent
        planes, slice_ = self._image(folder / needed_cell(row, "image"))
        volume = planes.volume
        label = row[self.label_column].strip() if self.label_column else ""
        image = ReadImage(volume, folder / needed_cell(row, "image"))
        mask_path = folder / needed_cell(row, "mask")
        segmentation = read_segmentation(
            mask_path, binary=not label, image=image, threshold=self.threshold, names=self.names if label else None
        )
        if slice_ is None:
            if any(row.get(name, "").strip() for name in BOX):
                raise ImageError(f"{volume.name} is a volume: a box belongs to one slice; leave the box empty.")
            segmentation = segmentation.only(label.split(";") if label else [])
            stack = SliceStack(volume, segmentation, preset=self.preset, allow_cropped=self.allow_cropped)
            item.caveats, item.remarks = stack.caveats, stack.remarks
            scores = list(VolumeScorer(stack, self.pipeline).scores(should_cancel=should_cancel))
            item.intensity = stack.window.describe()
            item.estimate = self._mean(scores)
            return None
        item.intensity = slice_.window.describe()
        segmentation = segmentation.only(label.split(";")) if label and segmentation.segments else segmentation
        grid = segmentation.on_grid_of(volume, self.allow_cropped)
        item.caveats = grid.all_caveats
        item.remarks = volume.source.remarks + grid.remarks + window_remarks(volume, self.preset)
        mask = np.zeros(slice_.pixels.shape[:2], bool)
        for segment in grid.segments:
            mask |= planes.take(grid.layers[segment.layer], 0) == segment.value
        box, item.frame = displayed_box_of_row(row, planes, self.box_frame, table.layout.separator)
        if box is not None:
            usable = box.validated(mask.shape)
            item.caveats += (Caveat.BOX_OFF_IMAGE,) * (usable != box)
            box = usable
        return slice_, mask, box

    def _image(self, path: Path) -> tuple[PlaneStack, SliceInput | None]:
        """The image and, when it is a single slice, that slice; the last one is kept for rows that share it."""
        if self._last is None or self._last[0] != path:
            volume = read_image(path)
            planes = stack_of(volume)
            slice_ = None
            if planes.count == 1:
                window = window_of(volume, self.preset)
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

    def _finished(self, item: _Waiting, result: PairsResult) -> dict[str, object]:
        result.rows += 1
        row: dict[str, object] = {k: v for k, v in item.row.items() if k not in ADDED}
        row |= {"estimator": self.pipeline.estimator.name, "intensity": item.intensity}
        if item.frame is not None:
            row[FRAME] = item.frame.value
        if item.estimate is None:
            result.fail(item.number, item.error, self.shown)
            return {**row, "caveats": f"{FAILED}{item.error}"}
        estimate = replace(item.estimate, caveats=tuple(dict.fromkeys(item.caveats + item.estimate.caveats)))
        result.remarked += bool(item.remarks)
        if item.remarks and len(result.remarks) < self.shown:
            result.remarks.append((item.number, " ".join(item.remarks)))
        result.unscored += not estimate.scored
        result.scores.append(estimate.dice)
        scores = {"pred_dice": estimate.dice, "low": estimate.low, "high": estimate.high}
        return {**row, **scores, "caveats": "; ".join(estimate.caveats)}


def _counted(log: RowLog, table: Table, result: PairsResult) -> tuple[int, set[int]]:
    """Counts the rows of an earlier run; returns how many they are, and the numbers (from 1) of those that failed.

    Raises ImageError when the table changed.
    """
    number, failed = 0, set()
    for number, (row, before) in enumerate(zip(table.rows(), log.finished(), strict=False), start=1):
        if any(before[name] != row[name] for name in row if name not in (*ADDED, FRAME)):
            raise ImageError(
                f"Row {number} of {table.path.name} is not the one that was scored before the run was stopped; "
                f"delete {log.partial} to start again."
            )
        if before["caveats"].startswith(FAILED):
            failed.add(number)
            continue
        result.rows += 1
        score = score_number(before["pred_dice"])
        result.unscored += math.isnan(score)
        result.scores.append(score)
    return number, failed
