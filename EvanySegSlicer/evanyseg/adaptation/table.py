"""References from a table: image, truth, and where known prediction, box, subject and label."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..errors import EvanySegError, ImageError
from ..geometry.boxes import BoxFrame
from ..geometry.plane_stack import evenly
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_labeled
from ..io.remote import joined
from ..io.tables import Table
from ..pipeline.intensity import IntensityPreset
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..scoring.stacks import SliceStack
from ..scoring.table_boxes import box_of_one_slice, needed_cell
from .reference import Reference

NEEDED = ("image", "truth")
PREDICTION, MASK = "prediction", "mask"
"""Columns of a model's masks: the second is the name that the other tables have for it."""
OPTIONAL = (PREDICTION, MASK, "subject", "label")


@dataclass(frozen=True)
class TableOptions:
    """most: slices taken of a volume, evenly over those where the truth has a mask; preset: how intensities become
    8 bit (None: the usual one of the image); box_frame: of boxes of volumes of one slice."""

    most: int = 10
    preset: IntensityPreset | None = None
    box_frame: BoxFrame | None = None


def references_of(
    table: Table,
    options: TableOptions,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> tuple[list[Reference], list[str], list[tuple[int, str]]]:
    """References, a sentence for each row that could not be used, and notes about files as (row, sentences).

    Rows are counted as a spreadsheet does. Neighboring rows that share image, truth and label bring several predictions
    of one object. Paths are relative to the table. Without a subject every image is one of its own: slices of one
    volume share theirs.
    Raises CancelledError.
    """
    found: list[Reference] = []
    problems: list[str] = []
    notes: list[tuple[int, str]] = []
    done = 0
    same = lambda row: (row.get("image", ""), row.get("truth", ""), row.get("label", ""))
    for _, group in groupby(table.rows(), same):
        rows = list(group)
        raise_if_cancelled(should_cancel)
        progress(done / max(table.count, 1), rows[0].get("image", ""))
        try:
            made, remarks = _of_rows(table, rows, options)
            found += made
            notes += [(done + 2, " ".join(remarks))] if remarks else []
        except (EvanySegError, OSError, MemoryError) as error:
            place = f"row {done + 2}" if len(rows) == 1 else f"rows {done + 2} to {done + 1 + len(rows)}"
            problems.append(f"{place}: {error or type(error).__name__}")
        done += len(rows)
    return found, problems, notes


def _of_rows(
    table: Table, rows: list[dict[str, str]], options: TableOptions
) -> tuple[list[Reference], tuple[str, ...]]:
    """The references of rows about one object, and what was assumed or lost when their files were read."""
    first, folder = rows[0], table.path.parent
    image_path = joined(folder, needed_cell(first, "image"))
    volume = read_image(image_path)
    image = ReadImage(volume, image_path)
    label = first.get("label", "").strip()
    stack = lambda name: SliceStack(volume, read_labeled(joined(folder, name), label, image), preset=options.preset)
    true_name = needed_cell(first, "truth")
    truth = stack(true_name)
    column = PREDICTION if PREDICTION in first else MASK
    names = [name for row in rows if (name := row.get(column, "").strip())]
    predictions = [stack(name) for name in names]
    subject = first.get("subject", "").strip() or first["image"].strip()
    shown = np.flatnonzero(truth.areas.sum(axis=0))
    if not len(shown):
        raise ImageError(f"The truth {first['truth']} is empty: there is nothing to learn from it.")
    boxes = (box_of_one_slice(row, truth.planes, options.box_frame, table.layout.separator) for row in rows)
    box = next((box for box in boxes if box is not None), None)
    made = []
    for index in map(int, evenly(shown, options.most)):
        one = truth.slice_input(index)
        grid = one.grid
        made.append(
            Reference(
                one.model_image(),
                grid.mask(truth.whole_mask(index)),
                grid.box(box) if box is not None else None,
                tuple(grid.mask(p.whole_mask(index)) for p in predictions),
                subject=subject,
            )
        )
    stacks = [(true_name, truth), *zip(names, predictions, strict=True)]
    said = [text for name, one in stacks for text in one.said_of(name)]
    return made, tuple(dict.fromkeys(said))
