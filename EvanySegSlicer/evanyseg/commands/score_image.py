"""Scoring one image or volume: what `evanyseg score IMAGE MASK` does, from files to files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..bands import BandThresholds
from ..errors import ImageError, OutputError
from ..geometry.boxes import BoxFrame
from ..io.dicom.masks import ReadImage
from ..io.read import read_image, read_segmentation
from ..io.segmentation import SHOWN, Segment, Segmentation
from ..io.tables import check_table_output, write_table
from ..io.write import IMAGES_2D, VOLUMES, ending, write_image_2d, write_labels, write_text
from ..overlay_codes import color_table_text
from ..pipeline.intensity import IntensityPreset
from ..pipeline.slice_pipeline import SlicePipeline
from ..prompts import BoxPrompt
from ..protocols import Progress
from ..report.images import outlined, slice_image
from ..report.measurements import measured_segments
from ..report.page import ReportData, ReportImage, ReportRow, report_html
from ..scoring.missing_slices import EmptySliceStatus, MissingSliceDetector
from ..scoring.run import ScoreRun, run_scoring
from ..scoring.stacks import SliceStack
from ..scoring.table_boxes import BOX, FRAME
from ..scoring.volumes import SliceScore, VolumeScorer
from .support.dicom import DicomRequest, DicomResults, prepare_dicom
from .support.prompts import shown_box
from .support.results import PAGES, check_ending

PICTURED = 24
COLUMNS = (
    "segment", "segment_id", "plane", "index", "position_mm", "area_px", "pred_dice", "low", "high", "band", "finding",
    *BOX, FRAME, "caveats", "estimator", "segmenter", "intensity",
)  # fmt: skip


@dataclass(frozen=True)
class ScoreRequest:
    """What the user asked for."""

    image: Path
    mask: Path
    box: BoxPrompt | None
    box_frame: BoxFrame | None
    labels: list[str]
    slice_index: int | None
    axis: str | None
    preset: IntensityPreset | None
    bands: BandThresholds
    series: str | None
    out: Path | None
    overlay: Path | None
    report: Path | None
    allow_cropped: bool = False
    dicom: DicomRequest = field(default_factory=DicomRequest)
    threshold: float | str | None = None
    names: str | None = None

    @property
    def written(self) -> list[Path | None]:
        """Every file that will be written."""
        colors = self.overlay and _color_table_path(self.overlay)
        return [self.out, self.overlay, self.report, colors, *self.dicom.written]


def check_endings(request: ScoreRequest) -> None:
    """Raises OutputError when a result's name says something else than what will be in it."""
    check_table_output(request.out)
    check_ending(request.report, "a report", PAGES, stream=True)
    check_ending(request.overlay, "an overlay", (*VOLUMES, *IMAGES_2D))


def prepare(request: ScoreRequest) -> tuple[SliceStack, DicomResults | None]:
    """Read and check everything, before a network is loaded; with what is to be written in DICOM.

    Raises EvanySegError for every input that cannot be used.
    """
    volume = read_image(request.image, request.series, request.slice_index)
    only = None if volume.source.frame is not None else request.slice_index
    image = ReadImage(volume, request.image, request.series)
    fractional, threshold = request.dicom.fractional, request.threshold
    segmentation = read_segmentation(
        request.mask, image=image, fractional=fractional, threshold=threshold, names=request.names
    )
    segmentation = segmentation.only(request.labels) if segmentation.segments else _empty(segmentation, request.mask)
    if request.box is not None and len(segmentation.segments) > 1:
        names = ", ".join([*segmentation.labels.values()][:SHOWN])
        raise ImageError(f"A box belongs to one object, but {request.mask.name} has {names}; name one with --label.")
    box = shown_box(volume, request.axis, only, request.box, request.box_frame)
    stack = SliceStack(volume, segmentation, request.axis, request.preset, only, box, request.allow_cropped)
    if stack.only is None and not stack.areas.any():
        names = ", ".join([*segmentation.labels.values()][:SHOWN])
        raise ImageError(f"There is nothing to score: no voxel of {request.mask.name} belongs to {names}.")
    if request.overlay is not None:
        _check_overlay(request.overlay, stack)
    return stack, prepare_dicom(request.dicom, image, request.mask, stack.segments)


def run(
    request: ScoreRequest,
    stack: SliceStack,
    pipeline: SlicePipeline,
    progress: Progress,
    dicom: DicomResults | None = None,
) -> ScoreRun:
    """Score, then write what was asked for: each file atomically. Raises OutputError."""
    scorer = VolumeScorer(stack, pipeline, MissingSliceDetector(pipeline) if pipeline.segmenter is not None else None)
    images = PICTURED if request.report or (request.overlay and ending(request.overlay) in IMAGES_2D) else 0
    result = run_scoring(scorer, request.bands, request.overlay is not None, images, progress)
    if request.out is not None:
        write_table(
            request.out,
            COLUMNS,
            [row_fields(r, request.bands, stack.planes.shown_index(r.index)) for r in result.rows],
            document(request, stack, pipeline, result),
        )
    if request.overlay is not None:
        _write_overlay(request.overlay, stack, result, request.bands)
    if request.report is not None:
        write_text(request.report, report_html(_report(request, stack, pipeline, result)))
    if dicom is not None:
        seg, numbers = dicom.write(stack.segmentation)
        measured = measured_segments(result.rows, numbers, in_frames=stack.planes.axis == 2)
        dicom.write_report(seg, measured, pipeline.estimator, request.bands, *_dicom_facts(request, stack))
    return result


def _dicom_facts(request: ScoreRequest, stack: SliceStack) -> tuple[str, ...]:
    """How the numbers of a DICOM report came about, one line each."""
    box = "prompt box: " + (_box_text(stack) if stack.box is not None else "none, each mask's own")
    return f"intensity: {stack.window.describe()}", f"slices: {stack.planes.name}", box, f"mask: {request.mask.name}"


def row_fields(row: SliceScore, bands: BandThresholds, index: int) -> dict[str, Any]:
    """One row of the score table; `index`: what a person calls the slice."""
    e, box = row.estimate, row.box
    corners = box.as_tuple() if box is not None else (None,) * 4
    return {
        "segment": row.segment,
        "segment_id": row.segment_id,
        "plane": row.plane,
        "index": index,
        "position_mm": round(row.position, 3),
        "area_px": row.area,
        "pred_dice": e.dice,
        "low": e.low,
        "high": e.high,
        "band": bands.band(e.dice).value,
        "finding": row.finding.value,
        **{name: None if v is None else round(v, 2) for name, v in zip(BOX, corners, strict=True)},
        FRAME: BoxFrame.DISPLAY.value if box is not None else "",
        "caveats": "; ".join(e.caveats),
        "estimator": e.estimator,
        "segmenter": row.segmenter,
        "intensity": row.intensity,
    }


def document(request: ScoreRequest, stack: SliceStack, pipeline: SlicePipeline, result: ScoreRun) -> dict[str, Any]:
    """Everything about one scoring as plain data, for JSON."""
    return {
        "image": str(request.image),
        "mask": str(request.mask),
        "estimator": pipeline.estimator.name,
        "segmenter": pipeline.segmenter.name if pipeline.segmenter else None,
        "device": pipeline.estimator.device,
        "level": pipeline.estimator.level,
        "intensity": stack.window.describe(),
        "remarks": list(stack.remarks),
        "bands": {"good": request.bands.good, "check": request.bands.check},
        "summaries": [_summary_fields(s, request.bands) for s in result.summaries],
        "rows": [row_fields(r, request.bands, stack.planes.shown_index(r.index)) for r in result.rows],
    }


def _summary_fields(summary: Any, bands: BandThresholds) -> dict[str, Any]:
    run = summary.worst_run
    fields = {k: getattr(summary, k) for k in summary.__dataclass_fields__ if k != "worst_run"}
    worst = {"first": run.first, "last": run.last, "mean_dice": run.mean_dice} if run else None
    return {**fields, "band": summary.band(bands).value, "worst_run": worst}


def _empty(segmentation: Segmentation, path: Path) -> Segmentation:
    """A 2D mask with nothing in it is a case of its own; a whole volume with nothing in it is a mistake."""
    if 1 not in segmentation.grid.shape:
        raise ImageError(f"{path.name} has no label above zero: there is nothing to score.")
    return replace(segmentation, segments=(Segment("mask", "mask", 1),))


def _check_overlay(path: Path, stack: SliceStack) -> None:
    if ending(path) in IMAGES_2D and stack.only is None:
        raise OutputError(f"{path.name} is a 2D image, the overlay is a volume; write .nii.gz, .nrrd or .mha.")


def _write_overlay(path: Path, stack: SliceStack, result: ScoreRun, bands: BandThresholds) -> None:
    if ending(path) in IMAGES_2D:
        index = stack.only or 0
        picture = stack.window.apply(stack.planes.pixels(index))
        for row in reversed(result.pictured):  # the worst on top
            if row.mask is not None and row.mask.any():
                picture = outlined(picture, row.mask, bands.band(row.dice))
        write_image_2d(path, picture)
        return
    if result.overlay is None:
        raise OutputError(f"There is no overlay to write to {path}.")
    write_labels(path, result.overlay, replace(stack.volume, array=result.overlay))
    colors = _color_table_path(path)
    if colors is not None:
        write_text(colors, color_table_text(bands))


def _color_table_path(overlay: Path) -> Path | None:
    """Slicer's colour table beside an overlay volume; 2D images have their colours."""
    if ending(overlay) not in VOLUMES:
        return None
    return overlay.with_name(f"{overlay.name[: -len(ending(overlay))]}.ctbl")


def _report(request: ScoreRequest, stack: SliceStack, pipeline: SlicePipeline, result: ScoreRun) -> ReportData:
    images = [
        ReportImage(
            _report_row(row, stack),
            slice_image(
                stack.window.apply(stack.planes.pixels(row.index)),
                row.mask if row.mask is not None else np.zeros(stack.planes.shape, bool),
                request.bands.band(row.dice),
                stack.planes.spacing,
                row.box if request.box is not None or row.finding is not EmptySliceStatus.MASK else None,
                side=300 if len(result.pictured) > 1 else 520,
            ),
        )
        for row in result.pictured
    ]
    volume = stack.volume
    k, j, i = volume.shape
    facts = {
        "Image": f"{request.image.name}, {i} x {j}" + ("" if volume.planar else f" x {k} voxels"),
        "Spacing": " x ".join(f"{s:.3g}" for s in volume.spacing) + " mm" if volume.has_geometry else "",
        "Segmentation": request.mask.name,
        "Slices": "" if volume.planar else f"{stack.planes.name}, {stack.planes.count}",
        "Prompt box": _box_text(stack) or "none: each mask's bounding box",
        "Quality estimator": f"{pipeline.estimator.name} on {pipeline.estimator.device}",
        "Segmenter": f"{pipeline.segmenter.name}, for slices without a mask" if pipeline.segmenter else "",
        "Intensity window": stack.window.describe(),
        "Remarks": " ".join(stack.remarks),
    }
    return ReportData(
        subject=f"{request.mask.name} on {request.image.name}",
        summaries=[
            replace(s, segment=stack.segmentation.labels[s.segment_id])
            for s in sorted(result.summaries, key=lambda s: (np.isnan(s.mean_dice), s.mean_dice))
        ],
        rows=[_report_row(r, stack) for r in result.worst_first],
        images=images,
        facts=facts,
        bands=request.bands,
        created=datetime.now(),
        level=pipeline.estimator.level,
        strips=stack.only is None,
    )


def _report_row(row: SliceScore, stack: SliceStack) -> ReportRow:
    note = "" if row.finding is EmptySliceStatus.MASK else row.finding.value
    index = stack.planes.shown_index(row.index)
    label = stack.segmentation.labels[row.segment_id]
    return ReportRow(label, row.plane, index, row.position, row.area, row.estimate, note)


def _box_text(stack: SliceStack) -> str:
    if stack.box is None:
        return ""
    corners = ", ".join(f"{v:g}" for v in stack.box.as_tuple())
    return f"{corners} (display frame)" if stack.volume.has_geometry else corners
