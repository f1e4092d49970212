"""Cases whose truth is known, from a table: image, mask and the true mask of the same object."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import ImageError
from ..geometry.boxes import BoxFrame
from ..geometry.plane_stack import evenly
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_labeled
from ..io.remote import joined
from ..overlap import dice
from ..pipeline.intensity import IntensityPreset
from ..pipeline.slice_pipeline import SliceInput
from ..prompts import BoxPrompt
from .pair_rows import TablePlace, meant_by
from .stacks import SliceStack
from .table_boxes import box_of_one_slice, needed_cell


@dataclass(frozen=True)
class KnownCase:
    """One slice: its pixels, mask bool [H, W], box, true Dice, subject; label: what the mask is meant to be; caveats,
    remarks: what reading mask, truth and image cost, and what was assumed."""

    image: str
    index: int
    subject: str
    dice: float
    slice_: SliceInput = field(repr=False)
    mask: np.ndarray = field(repr=False)
    box: BoxPrompt | None = None
    label: str = ""
    caveats: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownOptions:
    """truth_column: names the column of the true masks; most: slices taken of a volume, evenly over those where the
    mask or the truth has something."""

    truth_column: str
    most: int = 20
    preset: IntensityPreset | None = None
    box_frame: BoxFrame | None = None


@dataclass(frozen=True)
class KnownCases:
    """The cases of rows. Without a column `subject` every image is one subject."""

    place: TablePlace
    options: KnownOptions

    def of_row(self, row: dict[str, str]) -> list[KnownCase] | None:
        """None: the row names no truth. Raises EvanySegError, OSError, MemoryError when it cannot be used."""
        if not row[self.options.truth_column].strip():
            return None
        folder, name = self.place.folder, needed_cell(row, "image")
        path = joined(folder, name)
        volume = read_image(path)
        image = ReadImage(volume, path)
        label = row.get("label", "").strip()
        masks, truths = (
            SliceStack(
                volume, read_labeled(joined(folder, needed_cell(row, column)), label, image), preset=self.options.preset
            )
            for column in ("mask", self.options.truth_column)
        )
        box = box_of_one_slice(row, masks.planes, self.options.box_frame, self.place.separator)
        filled = np.flatnonzero(masks.areas.sum(axis=0) + truths.areas.sum(axis=0))
        if not len(filled):
            raise ImageError("The mask and its truth are both empty: there is nothing to assess.")
        found = []
        subject, meant = row.get("subject", "").strip() or name, meant_by(row, masks.segmentation, label)
        caveats = (*masks.caveats, *(f"truth: {caveat}" for caveat in truths.caveats))
        remarks = tuple(dict.fromkeys(masks.remarks + truths.remarks))
        for index in map(int, evenly(filled, self.options.most)):
            mask, truth = masks.whole_mask(index), truths.whole_mask(index)
            shown = masks.slice_input(index)
            true = dice(mask, truth)
            found.append(KnownCase(name, index, subject, true, shown, mask, box, meant, caveats, remarks))
        return found
