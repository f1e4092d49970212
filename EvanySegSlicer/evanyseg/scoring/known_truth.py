"""Cases whose truth is known, from a table: image, mask and the true mask of the same object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..errors import EvanySegError, ImageError
from ..geometry.boxes import BoxFrame
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_labeled
from ..io.tables import Table
from ..overlap import dice
from ..pipeline.intensity import IntensityPreset
from ..pipeline.slice_pipeline import SliceInput
from ..prompts import BoxPrompt
from ..protocols import Progress, no_progress
from .stacks import SliceStack, evenly
from .table_boxes import box_of_one_slice, needed_cell


@dataclass(frozen=True)
class KnownCase:
    """One slice: row of the table (as a spreadsheet counts), its slice, mask bool [H, W], box, true Dice, subject."""

    row: int
    image: str
    index: int
    subject: str
    dice: float
    slice_: SliceInput = field(repr=False)
    mask: np.ndarray = field(repr=False)
    box: BoxPrompt | None = None


@dataclass
class KnownCases:
    """Reads a table lazily. `without_truth`: rows whose truth is not given; `problems`: sentences about rows that could
    not be used. Both are complete when the cases have been run through.

    truth_column: names the column of the true masks; most: slices taken of a volume, evenly over those where the mask
    or the truth has something. Without a column `subject` every image is one subject.
    """

    table: Table
    truth_column: str
    most: int = 20
    preset: IntensityPreset | None = None
    box_frame: BoxFrame | None = None
    without_truth: int = 0
    problems: list[str] = field(default_factory=list)

    def cases(self, progress: Progress = no_progress) -> Iterator[KnownCase]:
        for number, row in enumerate(self.table.rows()):
            progress(number / max(self.table.count, 1), row.get("image", ""))
            if not row[self.truth_column].strip():
                self.without_truth += 1
                continue
            try:
                yield from self._of_row(number + 2, row)
            except (EvanySegError, OSError, MemoryError) as error:
                self.problems.append(f"row {number + 2}: {error or type(error).__name__}")

    def _of_row(self, number: int, row: dict[str, str]) -> list[KnownCase]:
        folder, name = self.table.path.parent, needed_cell(row, "image")
        volume = read_image(folder / name)
        image = ReadImage(volume, folder / name)
        label = row.get("label", "").strip()
        masks, truths = (
            SliceStack(volume, read_labeled(folder / needed_cell(row, column), label, image), preset=self.preset)
            for column in ("mask", self.truth_column)
        )
        box = box_of_one_slice(row, masks.planes, self.box_frame, self.table.layout.separator)
        filled = np.flatnonzero(masks.areas.sum(axis=0) + truths.areas.sum(axis=0))
        if not len(filled):
            raise ImageError("The mask and its truth are both empty: there is nothing to assess.")
        found = []
        subject = row.get("subject", "").strip() or name
        for index in map(int, evenly(filled, self.most)):
            mask, truth = masks.whole_mask(index), truths.whole_mask(index)
            found.append(
                KnownCase(number, name, index, subject, dice(mask, truth), masks.slice_input(index), mask, box)
            )
        return found
