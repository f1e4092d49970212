"""The three sets from tables: image, truth, and each checkpoint's prediction from its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import EvanySegError, ImageError
from ..geometry.plane_stack import evenly
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_labeled, read_segmentation
from ..io.remote import joined
from ..io.segmentation import Segment, Segmentation
from ..io.tables import Table
from ..pipeline.intensity import IntensityPreset
from ..pipeline.slice_pipeline import SlicePipeline
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..scoring.stacks import SliceStack
from ..scoring.table_boxes import needed_cell
from .cases import SIDE, Images, squared, squared_mask
from .folders import Checkpoint, names_of
from .unfinished import Arrays, Parts, state_of

TRUTH = "truth"


@dataclass(frozen=True)
class ReadingOptions:
    """most: slices of a volume, evenly over those that count; preset: how intensities become 8 bit; label: which
    segment, where a table has no column `label` (None: everything in a mask is the object)."""

    most: int = 10
    preset: IntensityPreset | None = None
    label: str | None = None


@dataclass(frozen=True)
class _Case:
    pixels: np.ndarray
    truth: np.ndarray | None
    predictions: np.ndarray
    scores: np.ndarray
    subject: str
    name: str
    remarks: tuple[tuple[str, str], ...] = ()


def read_images(
    table: Table,
    checkpoints: Sequence[Checkpoint],
    labeled: bool,
    pipeline: SlicePipeline | None,
    options: ReadingOptions,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
    kept: Parts | None = None,
) -> Images:
    """All rows of a table with the columns image[,truth][,subject][,label]; paths are relative to it.

    With checkpoints, slices of a volume count where half of them predict something (else: where any does, else all
    slices), so that labelled and unlabelled volumes are looked at alike; without (training images), where the truth has
    something. pipeline: scores the predictions (None: not scored). kept: where rows stay that are read.
    Raises ImageError that names the row or the missing predictions, CancelledError.
    """
    cases: list[_Case] = []
    for number, row in enumerate(table.rows()):
        raise_if_cancelled(should_cancel)
        progress(number / max(table.count, 1), f"reading {row.get('image', '')}")
        try:
            cases += _kept_row(table, row, checkpoints, labeled, pipeline, options, kept or Parts())
        except (EvanySegError, OSError, MemoryError) as error:
            raise ImageError(f"{table.path.name}, row {number + 2}: {error or type(error).__name__}") from error
    if not cases:
        raise ImageError(f"{table.path.name} has no rows.")
    none = np.zeros((0, SIDE, SIDE), bool)
    predictions = np.stack([case.predictions if len(checkpoints) else none for case in cases], axis=1)
    return Images(
        np.stack([case.pixels for case in cases]),
        np.stack([case.truth for case in cases if case.truth is not None]) if labeled else None,
        predictions,
        np.stack([case.scores for case in cases], axis=1),
        [case.subject for case in cases],
        [case.name for case in cases],
        list(dict.fromkeys(remark for case in cases for remark in case.remarks)),
    )


def missing_predictions(table: Table, checkpoints: Sequence[Checkpoint]) -> list[str]:
    """A sentence for each checkpoint that lacks predictions of images in the table: found before anything is read."""
    names = []
    for row in table.rows():
        image, truth = row["image"].strip(), row.get(TRUTH, "").strip()
        names.append(names_of(joined(table.path.parent, image), joined(table.path.parent, truth) if truth else None))
    out = []
    for one in checkpoints:
        lacking = [tried[0] for tried in names if one.mask_of(*tried) is None]
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            out.append(f"{one.name} has no mask named as {', '.join(lacking[:3])}{more} ({table.path.name})")
    return out


def _kept_row(
    table: Table,
    row: dict[str, str],
    checkpoints: Sequence[Checkpoint],
    labeled: bool,
    pipeline: SlicePipeline | None,
    options: ReadingOptions,
    kept: Parts,
) -> list[_Case]:
    """As `_of_row`; a row whose files and options are those of an earlier run is not read again."""
    image = joined(table.path.parent, needed_cell(row, "image"))
    truth = joined(table.path.parent, needed_cell(row, TRUTH)) if labeled else None
    masks = [one.mask_of(*names_of(image, truth)) for one in checkpoints]
    paths = [path for path in (image, truth, *masks) if path is not None]
    names, files = [one.name for one in checkpoints], [state_of(path) for path in paths]
    made_of = json.dumps([row, names, repr(options), labeled, pipeline is not None, files])
    make = lambda: _packed(_of_row(table, row, checkpoints, labeled, pipeline, options))
    return _unpacked(kept.get(made_of.encode("utf-8", "backslashreplace"), make), row)


def _packed(cases: Sequence[_Case]) -> Arrays:
    found = {
        "pixels": np.stack([case.pixels for case in cases]),
        "predictions": np.packbits(np.stack([case.predictions for case in cases]), axis=-1),
        "scores": np.stack([case.scores for case in cases]),
        "names": np.array([case.name for case in cases]),
        "remarks": np.array(cases[0].remarks, str).reshape(-1, 2),
    }
    truths = [case.truth for case in cases if case.truth is not None]
    return found | ({"truth": np.packbits(np.stack(truths), axis=-1)} if truths else {})


def _unpacked(kept: Arrays, row: dict[str, str]) -> list[_Case]:
    masks = lambda name: np.unpackbits(kept[name], axis=-1, count=SIDE).astype(bool)
    predictions = masks("predictions")
    truths = masks("truth") if "truth" in kept else [None] * len(predictions)
    subject = row.get("subject", "").strip() or row["image"].strip()
    remarks = tuple((str(image), str(text)) for image, text in kept["remarks"])
    return [
        _Case(pixels, truth, found, scores, subject, str(name), remarks)
        for pixels, truth, found, scores, name in zip(
            kept["pixels"], truths, predictions, kept["scores"], kept["names"], strict=True
        )
    ]


def _of_row(
    table: Table,
    row: dict[str, str],
    checkpoints: Sequence[Checkpoint],
    labeled: bool,
    pipeline: SlicePipeline | None,
    options: ReadingOptions,
) -> list[_Case]:
    path = joined(table.path.parent, needed_cell(row, "image"))
    read = _Row(path, row, table, options, labeled)
    truth = read.truth() if labeled else None
    said = list(truth.said_of(row[TRUTH].strip()) if truth is not None else ())
    files = [read.prediction_of(one) for one in checkpoints]
    indices = evenly(_slices(truth, [read.filled(file) for file in files]), options.most)
    masks: list[list[np.ndarray]] = [[] for _ in indices]
    shown = truth
    for file in files:  # one checkpoint's volume in memory at a time
        shown = read.prediction(file)
        said += shown.said_of(f"{file.parent.name}/{file.name}")
        for found, index in zip(masks, map(int, indices), strict=True):
            found.append(shown.whole_mask(index))
    assert shown is not None
    cases = []
    for found, index in zip(masks, map(int, indices), strict=True):
        one = shown.slice_input(index)
        scores = np.full(len(found), np.nan)
        if pipeline is not None and found:
            scores = np.array([e.dice for e in pipeline.score((one, mask, None, read.meant) for mask in found)])
        square = [squared_mask(one.grid.mask(mask)) for mask in found]
        true = squared_mask(one.grid.mask(truth.whole_mask(index))) if truth is not None else None
        name = row["image"].strip()
        cases.append(
            _Case(
                squared(one.model_image()),
                true,
                np.stack(square) if square else np.zeros((0, SIDE, SIDE), bool),
                scores,
                row.get("subject", "").strip() or name,
                name if shown.planes.count == 1 else f"{name}, slice {index}",
                tuple((name, text) for text in dict.fromkeys(said)),
            )
        )
    return cases


class _Row:
    """The files of one row, on the image's grid."""

    def __init__(self, path: Path, row: dict[str, str], table: Table, options: ReadingOptions, labeled: bool) -> None:
        self.volume = read_image(path)
        self.image = ReadImage(self.volume, path)
        self.preset = options.preset
        self.label = row.get("label", "").strip() or options.label
        self.meant = self.label if self.label and not self.label.isdecimal() else ""
        self.truth_path = joined(table.path.parent, needed_cell(row, TRUTH)) if labeled else None
        self.names = names_of(path, self.truth_path)

    def truth(self) -> SliceStack:
        assert self.truth_path is not None
        segmentation = read_labeled(self.truth_path, self.label or "", self.image)
        return SliceStack(self.volume, segmentation, preset=self.preset)

    def prediction_of(self, checkpoint: Checkpoint) -> Path:
        path = checkpoint.mask_of(*self.names)
        if path is None:
            raise ImageError(f"{checkpoint.name} has no mask named as {self.names[0]}.")
        return path

    def prediction(self, path: Path) -> SliceStack:
        segmentation = read_segmentation(path, binary=not self.label, image=self.image)
        return SliceStack(self.volume, _labeled(segmentation, self.label), preset=self.preset)

    def filled(self, path: Path) -> np.ndarray:
        """bool [slices]: where the prediction has something."""
        return self.prediction(path).areas.sum(axis=0) > 0


def _labeled(segmentation: Segmentation, label: str | None) -> Segmentation:
    """The wanted segments of a prediction. One that is not there was not found by that checkpoint: an empty mask, not a
    mistake of the user's, as the truth has shown that the label exists."""
    if not label:
        return segmentation
    wanted: list[Segment] = []
    for name in label.split(";"):
        try:
            wanted += segmentation.called(name).segments
        except ImageError:
            continue
    return replace(segmentation, segments=tuple(dict.fromkeys(wanted)))


def _slices(truth: SliceStack | None, filled: Sequence[np.ndarray]) -> np.ndarray:
    if not filled:
        assert truth is not None
        shown = np.flatnonzero(truth.areas.sum(axis=0))
        if not len(shown):
            raise ImageError("The true mask is empty: a training image without the object teaches nothing here.")
        return shown
    share = np.mean(filled, axis=0)
    for least in (0.5, 1e-9):
        if (share >= least).any():
            return np.flatnonzero(share >= least)
    return np.arange(len(share))
