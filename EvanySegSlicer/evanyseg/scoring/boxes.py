"""Segments and scores every box of a table with one segmenter: what comparing segmenters without ground truth needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import CancelledError, EvanySegError, ImageError
from ..geometry.boxes import BoxFrame
from ..geometry.plane_stack import PlaneStack, stack_of
from ..io.read import read_image
from ..io.tables import Table
from ..pipeline.intensity import IntensityPreset, window_of
from ..pipeline.slice_pipeline import SliceInput, SlicePipeline
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from .pair_rows import FAILED
from .table_boxes import BOX, FRAME, displayed_box_of_row, needed_cell

COLUMNS = ("image", *BOX, FRAME, "segmenter", "pred_dice", "low", "high", "caveats")


def score_boxes(
    table: Table,
    pipeline: SlicePipeline,
    preset: IntensityPreset | None = None,
    box_frame: BoxFrame | None = None,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
    wanted: Callable[[int], bool] = lambda number: True,
) -> Iterator[dict[str, Any]]:
    """One row of `COLUMNS` for each row of a table with image,x0,y0,x1,y1 (paths relative to it), further columns kept.

    `box_frame`: what boxes are counted in where the row's cell `box_frame` does not say it; every row returned does.
    The segmenter's best mask by predicted Dice counts. A row that fails has no score and 'error: ...' in `caveats`.
    `wanted`: says of a row's number (from 0) whether it shall be done. Raises CancelledError.
    """
    images = _Images(table.path.parent, preset)
    name = pipeline.segmenter.name if pipeline.segmenter is not None else ""
    for number, row in enumerate(table.rows()):
        if not wanted(number):
            continue
        raise_if_cancelled(should_cancel)
        progress(number / max(1, table.count), f"{name}: {row['image']}")
        scores: dict[str, Any] = {"pred_dice": None, "low": None, "high": None}
        try:
            planes, slice_ = images.slice(needed_cell(row, "image"))
            box, frame = displayed_box_of_row(row, planes, box_frame, table.layout.separator)
            if box is None or frame is None:
                raise ImageError("The box is empty; fill x0, y0, x1 and y1.")
            row = {**row, FRAME: frame.value}
            estimate = pipeline.segment(slice_, box, should_cancel=should_cancel).estimate
            scores = {"pred_dice": estimate.dice, "low": estimate.low, "high": estimate.high}
            caveats = "; ".join(estimate.caveats)
        except CancelledError:
            raise
        except (EvanySegError, OSError) as error:
            caveats = f"{FAILED}{error}"
        yield {**row, "segmenter": name, **scores, "caveats": caveats}


class _Images:
    """Reads images, keeping the last one: tables name several boxes of an image one after the other."""

    def __init__(self, folder: Path, preset: IntensityPreset | None) -> None:
        self.folder = folder
        self.preset = preset
        self._last: tuple[str, PlaneStack, SliceInput] | None = None

    def slice(self, name: str) -> tuple[PlaneStack, SliceInput]:
        if self._last is None or self._last[0] != name:
            volume = read_image(self.folder / name)
            planes = stack_of(volume)
            if planes.count > 1:
                raise ImageError(f"{volume.name} is a volume: a box belongs to one slice; save that slice as an image.")
            window = window_of(volume, self.preset)
            self._last = (name, planes, SliceInput(planes.pixels(0), window, planes.spacing, key=name))
        return self._last[1], self._last[2]
