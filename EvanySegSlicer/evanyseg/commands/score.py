"""`evanyseg score`: how good is this mask? One image or volume, or a table of pairs."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from ..bands import BandThresholds
from ..geometry.boxes import BoxFrame
from ..io.overwrite import files_in_table, refuse_overwriting
from ..io.tables import check_table_output, open_table
from ..io.targets import on_stdout
from ..scoring.missing_slices import EmptySliceStatus
from ..scoring.pairs import PairsScorer, log_of_pairs
from ..scoring.run import ScoreRun
from ..scoring.stacks import SliceStack
from . import score_image
from .support.console import (
    DISCLAIMER,
    band_text,
    estimate_cells,
    number_text,
    out,
    print_json,
    progress_bar,
    say,
    say_error,
    say_written,
    shown,
    table,
)
from .support.dicom import DicomReportOption, DicomSegOption, FractionalOption, SegmentedByOption, dicom_request
from .support.loading import Placement, load_pipeline
from .support.options import (
    IMAGE_HELP,
    MODELS,
    RESULTS,
    AxisOption,
    BackendOption,
    BandsOption,
    BoxFrameOption,
    BoxOption,
    CroppedOption,
    DeviceOption,
    EstimatorOption,
    IntensityOption,
    JsonOption,
    OutOption,
    SeriesOption,
    SliceOption,
    ThresholdOption,
    bands_of,
    box_of,
    preset_of,
    threshold_of,
)
from .support.results import check_stdout, described, identity_of, say_layout

TABLES = "Tables of pairs"
SHOWN = 15
PAIR = ("image", "mask")


def score(
    image: Annotated[Path | None, typer.Argument(help=IMAGE_HELP)] = None,
    mask: Annotated[Path | None, typer.Argument(help="Mask, label map or .seg.nrrd of that image.")] = None,
    box: BoxOption = None,
    box_frame: BoxFrameOption = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            metavar="CSV",
            help="Score every row of a table with the columns image,mask[,x0,y0,x1,y1[,box_frame]]; "
            "paths are relative to it.",
            rich_help_panel=TABLES,
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(help="Column with the label value in the mask; default: all above zero.", rich_help_panel=TABLES),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NAME", help="Only this segment (name, id or label value). Repeatable."),
    ] = None,
    slice_index: SliceOption = None,
    axis: AxisOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="With --pairs: go on with a run that was stopped.", rich_help_panel=TABLES),
    ] = False,
    output: OutOption = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Volume of codes (100 + 100 x Dice inside masks) with a Slicer colour table beside it; "
            "for a single slice a picture.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="One file with scores and pictures, worst first.", rich_help_panel=RESULTS),
    ] = None,
    estimator: EstimatorOption = "builtin",
    segmenter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Also judge slices without a mask (gaps, and beyond each end) with this SAM variant.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    series: SeriesOption = None,
    threshold: ThresholdOption = None,
    allow_cropped: CroppedOption = False,
    bands: BandsOption = (0.9, 0.7),
    dicom_seg: DicomSegOption = None,
    dicom_report: DicomReportOption = None,
    segmented_by: SegmentedByOption = None,
    fractional: FractionalOption = True,
    as_json: JsonOption = False,
) -> None:
    """Predict the Dice of masks without a reference, with an interval.

    \b
    evanyseg score slice.png mask.png --box 120 90 210 180
    evanyseg score ct.nii.gz labels.seg.nrrd --report report.html
    evanyseg score dicom_folder labels.nii.gz --axis coronal -o scores.csv
    evanyseg score dicom_folder seg.dcm --dicom-report quality.dcm
    evanyseg score --pairs pairs.csv --out scores.csv

    Exit code 1: some rows of a table failed (they say why, the others are scored). 2: nothing could be scored.
    """
    levels = bands_of(bands)
    if pairs is not None:
        single = (
            image, mask, box, label, slice_index, axis, overlay, report, segmenter, series, dicom_seg, dicom_report,
            segmented_by, None if fractional else "refused",
        )  # fmt: skip
        if any(v not in (None, []) for v in single):
            raise typer.BadParameter(
                "--pairs only goes with --out, --label-column, --box-frame, --resume, --intensity and options of models"
            )
        if output is None:
            raise typer.BadParameter("--pairs needs --out FILE for the scored table")
        where = Placement(device, backend)
        _score_pairs(pairs, output, label_column, box_frame, estimator, where, intensity, levels, as_json,
                     allow_cropped, resume, threshold_of(threshold))  # fmt: skip
        return
    if resume:
        raise typer.BadParameter("--resume goes with --pairs")
    if image is None or mask is None:
        raise typer.BadParameter("give an IMAGE and a MASK, or --pairs CSV")
    request = score_image.ScoreRequest(
        image, mask, box_of(box), box_frame, label or [], slice_index, axis, preset_of(intensity), levels, series,
        output, overlay, report, allow_cropped, dicom_request(dicom_seg, dicom_report, segmented_by, fractional),
        threshold_of(threshold),
    )  # fmt: skip
    refuse_overwriting(request.written, [image, mask, estimator, segmenter])
    score_image.check_endings(request)
    check_stdout(request.written, as_json)
    stack, dicom = score_image.prepare(request)
    pipeline = load_pipeline(estimator, segmenter, Placement(device, backend))
    with progress_bar("Scoring") as progress:
        result = score_image.run(request, stack, pipeline, progress, dicom)
    if as_json:
        print_json(score_image.document(request, stack, pipeline, result))
    else:
        for remark in stack.remarks:
            say(f"Note: {shown(remark)}")
        _show(stack, result, levels, f"{pipeline.estimator.level:.0%} interval", on_stdout(request.written))
        say(
            f"[dim]{pipeline.estimator.name} on {pipeline.estimator.device}; {stack.window.describe()}. {DISCLAIMER}[/]"
        )
    say_written((output, overlay, report, *request.dicom.written))


def _show(stack: SliceStack, result: ScoreRun, bands: BandThresholds, interval: str, aside: bool) -> None:
    console = out(aside)
    if stack.only is None:
        rows = [
            [
                shown(s.segment),
                number_text(s.mean_dice),
                band_text(s.mean_dice, bands),
                f"{s.scored}/{s.slices}",
                str(s.missing or ""),
                "" if s.worst_index is None else f"{s.worst_index} ({s.worst_dice:.2f})",
                "" if s.worst_run is None else f"{s.worst_run.first} - {s.worst_run.last}",
                "-" if s.scored == 0 else f"{s.poor_fraction:.0%}",
            ]
            for s in sorted(result.summaries, key=lambda s: (s.scored == 0, s.mean_dice))
        ]
        columns = ["Segment", ">Mean Dice", "Band", ">Scored", ">Missing?", ">Worst slice", ">Worst run", ">Poor"]
        console.print(table(f"Segments, {stack.planes.name} slices (mean weighted by area)", columns, rows))
    worst = result.worst_first
    rows = [
        [
            shown(r.segment),
            r.plane if stack.planes.name == "picture" else str(stack.planes.shown_index(r.index)),
            str(r.area),
            *_with_finding(estimate_cells(r.estimate, bands), r.finding),
        ]
        for r in worst[:SHOWN]
    ]
    title = f"The {len(rows)} worst of {len(worst)} slices" if len(worst) > 1 else "Predicted quality"
    columns = ["Segment", ">Slice", ">Pixels", ">Dice", "Band", interval, "Caveats"]
    console.print(table(title, columns, rows))


def _with_finding(cells: list[str], finding: EmptySliceStatus) -> list[str]:
    """What an empty slice is stands before the caveats."""
    if finding is EmptySliceStatus.MASK:
        return cells
    return [*cells[:-1], "; ".join([finding.value, *([cells[-1]] if cells[-1] else [])])]


def _score_pairs(
    pairs: Path,
    output: Path,
    label_column: str | None,
    box_frame: BoxFrame | None,
    estimator: str,
    where: Placement,
    intensity: str | None,
    bands: BandThresholds,
    as_json: bool,
    allow_cropped: bool,
    resume: bool,
    threshold: float | str | None,
) -> None:
    preset = preset_of(intensity)
    given = open_table(pairs, [*PAIR, *([label_column] if label_column else [])])
    refuse_overwriting([output], chain([estimator], files_in_table(given, PAIR)))
    check_table_output(output, json=False)
    check_stdout([output], as_json)
    say_layout(given)
    made_with = {
        "estimator": identity_of(estimator),
        "intensity": intensity,
        "label column": label_column,
        "box frame": box_frame.value if box_frame else None,
        "threshold": threshold,
        "cropped masks": "allowed" if allow_cropped else None,
    }
    log = log_of_pairs(given, output, described(made_with), resume)
    pipeline = load_pipeline(estimator, None, where)
    scorer = PairsScorer(
        pipeline, preset, label_column, allow_cropped=allow_cropped, threshold=threshold, box_frame=box_frame
    )
    with progress_bar("Scoring pairs") as progress:
        result = scorer.score(given, log, progress)
    scored = [s for s in result.scores if s == s]
    counts = {band: sum(bands.band(s).value == band for s in result.scores) for band in ("good", "check", "poor")}
    mean = sum(scored) / len(scored) if scored else float("nan")
    summary = {"rows": result.rows, "failed": result.failed, "unscored": result.unscored, "mean_pred_dice": mean}
    if as_json:
        failures = [{"row": n, "error": text} for n, text in result.failures]
        print_json({"pairs": str(pairs), "out": str(output), **summary, "bands": counts, "failures": failures})
    else:
        words = ", ".join(f"{n} {band}" for band, n in counts.items())
        say(f"{result.rows} rows: {words}, {result.unscored} unscored; mean predicted Dice {number_text(mean)}.")
        say_written([output])
    if result.failed:
        for number, text in result.failures:
            say_error(f"row {number}: {text}")
        more = result.failed - len(result.failures)
        tail = f" ({more} more: see the column caveats)" if more else ""
        say_error(f"{result.failed} of {result.rows} rows failed{tail}; the others are scored.")
        raise typer.Exit(1)
