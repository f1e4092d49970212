"""`evanyseg score`: how good is this mask? One image or volume, or a table of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..bands import BandThresholds
from ..geometry.plane_stack import IMAGE_2D
from ..io.overwrite import refuse_overwriting
from ..io.targets import on_stdout
from ..scoring.missing_slices import EmptySliceStatus
from ..scoring.run import ScoreRun
from ..scoring.stacks import SliceStack
from . import score_image
from .score_pairs import score_pairs
from .support.console import (
    DISCLAIMER,
    band_text,
    estimate_cells,
    number_text,
    out,
    print_json,
    progress_bar,
    say,
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
    NamesOption,
    OutOption,
    SeriesOption,
    SliceOption,
    ThresholdOption,
    bands_of,
    box_of,
    preset_of,
    threshold_of,
)
from .support.results import check_stdout

TABLES = "Tables of pairs"
SHOWN = 15
SEGMENTS = 60
"""Lines of the terminal's tables; -o has all."""


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
        typer.Option(
            help="Column with the label in the mask (name, id or value; several: 1;2). Default: all above zero.",
            rich_help_panel=TABLES,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NAME", help="Only this segment: its name, else id, else value. Repeatable."),
    ] = None,
    names: NamesOption = None,
    slice_index: SliceOption = None,
    axis: AxisOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="With --pairs: go on with a run that was stopped.", rich_help_panel=TABLES),
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="local:N|tcp://HOST:PORT",
            help="With --pairs: score on N processes of this machine, or on the workers of a Dask scheduler.",
            rich_help_panel=TABLES,
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="With --pairs: score the I-th of N parts of the table alone; `evanyseg merge` joins them.",
            rich_help_panel=TABLES,
        ),
    ] = None,
    output: OutOption = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Volume of codes (100 + 100 x Dice inside masks) with a Slicer colour table beside it; "
            "for a single slice an image.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="One file with scores and images, worst first.", rich_help_panel=RESULTS),
    ] = None,
    estimator: EstimatorOption = "builtin",
    segmenter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Also assess slices without a mask (gaps, and beyond each end) with this SAM variant.",
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
                "--pairs only goes with --out, --label-column, --box-frame, --resume, --cluster, --shard, --intensity "
                "and options of models"
            )
        if output is None:
            raise typer.BadParameter("--pairs needs --out FILE for the scored table")
        where = Placement(device, backend)
        score_pairs(
            pairs=pairs,
            output=output,
            label_column=label_column,
            box_frame=box_frame,
            estimator=estimator,
            where=where,
            intensity=intensity,
            bands=levels,
            as_json=as_json,
            allow_cropped=allow_cropped,
            resume=resume,
            threshold=threshold_of(threshold),
            names=names,
            cluster=cluster,
            shard=shard,
        )
        return
    if resume or cluster is not None or shard is not None:
        raise typer.BadParameter("--resume, --cluster and --shard go with --pairs")
    if image is None or mask is None:
        raise typer.BadParameter("give an IMAGE and a MASK, or --pairs CSV")
    request = score_image.ScoreRequest(
        image=image,
        mask=mask,
        box=box_of(box),
        box_frame=box_frame,
        labels=label or [],
        slice_index=slice_index,
        axis=axis,
        preset=preset_of(intensity),
        bands=levels,
        series=series,
        out=output,
        overlay=overlay,
        report=report,
        allow_cropped=allow_cropped,
        dicom=dicom_request(dicom_seg, dicom_report, segmented_by, fractional),
        threshold=threshold_of(threshold),
        names=names,
    )
    refuse_overwriting(request.written, [image, mask, estimator, segmenter, names])
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
    labels = stack.segmentation.labels
    if stack.only is None:
        ranked = sorted(result.summaries, key=lambda s: (s.scored == 0, s.mean_dice))
        rows = [
            [
                shown(labels[s.segment_id]),
                number_text(s.mean_dice),
                band_text(s.mean_dice, bands),
                f"{s.scored}/{s.slices}",
                str(s.missing or ""),
                "" if s.worst_index is None else f"{s.worst_index} ({s.worst_dice:.2f})",
                "" if s.worst_run is None else f"{s.worst_run.first} - {s.worst_run.last}",
                "-" if s.scored == 0 else f"{s.poor_fraction:.0%}",
            ]
            for s in ranked[:SEGMENTS]
        ]
        columns = ["Segment", ">Mean Dice", "Band", ">Scored", ">Missing?", ">Worst slice", ">Worst run", ">Poor"]
        which = f"The {SEGMENTS} worst of {len(ranked)} segments" if len(ranked) > SEGMENTS else "Segments"
        console.print(table(f"{which}, {stack.planes.name} slices (mean weighted by area)", columns, rows))
    worst = result.worst_first
    rows = [
        [
            shown(labels[r.segment_id]),
            r.plane if stack.planes.name == IMAGE_2D else str(stack.planes.shown_index(r.index)),
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
