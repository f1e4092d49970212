"""`evanyseg watch`: scores the masks that arrive in a folder, day and night."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import EvanySegError
from ...io.dicom.codes import SegmentAlgorithm
from ...io.dicom.headers import SEGMENTATIONS, read_header
from ...pipeline.slice_pipeline import SlicePipeline
from ...protocols import no_progress
from ...scoring.pair_rows import FAILED
from ...scoring.summary import SegmentSummary
from ...scoring.volumes import mean_of_slices
from ...watching.arrivals import Arrival, Inbox
from ...watching.hook import Hook
from ...watching.ledger import Ledger
from ...watching.page import DayPages
from .. import score_image
from ..support.console import say, say_error, shown
from ..support.dicom import DicomRequest, algorithm_of
from ..support.loading import Placement, load_pipeline
from ..support.options import (
    BackendOption,
    BandsOption,
    CroppedOption,
    DeviceOption,
    EstimatorOption,
    IntensityOption,
    NamesOption,
    bands_of,
    preset_of,
)

SCORES, CASES = "scores.csv", "cases"
SLICES, REPORT, QUALITY, SEG = "slices.csv", "report.html", "quality.dcm", "seg.dcm"
LOOKS, LONGEST_S = 150, 600.0
"""A look that finds nothing is followed by so many times its processor time of rest, ten minutes at most: below one
percent, however much lies there."""


def watch(
    folder: Annotated[Path, typer.Argument(metavar="IN", help="The folder that images and masks arrive in.")],
    output: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where tables, reports and pages go.")],
    masks: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Masks lie here, named as their images are.")
    ] = None,
    names: NamesOption = None,
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds for which the files of a case must not have changed.")
    ] = 10,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks into the folder.")] = 5,
    once: Annotated[
        bool, typer.Option("--once", help="Score what is there, then end (for cron and the like).")
    ] = False,
    hook: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND", help="Run this for each case below --below; facts are in EVANYSEG_* variables."
        ),
    ] = None,
    below: Annotated[float, typer.Option(min=0, max=1, help="Predicted Dice of a case's worst segment.")] = 0.7,
    estimator: EstimatorOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    allow_cropped: CroppedOption = False,
    segmented_by: Annotated[
        str | None,
        typer.Option(
            metavar="manual|NAME",
            help="Who makes the masks, a person or a program: those of DICOM series that are no SEG become one.",
        ),
    ] = None,
    bands: BandsOption = (0.9, 0.7),
) -> None:
    """Watch a folder: score each mask once it is whole, and write tables, reports and a page a day.

    \b
    evanyseg watch incoming -o quality
    evanyseg watch incoming -o quality --hook "python3 notify.py" --below 0.6
    evanyseg watch images --masks predictions -o quality --once

    A case is NAME.nii.gz with NAME_seg.nii.gz beside it (or _mask, _label, .seg.nrrd), or a folder with a DICOM series
    and its SEG or RTSTRUCT. It goes on after a restart where it was; a case whose files change is scored again. End it
    with Ctrl-C or SIGTERM.
    """
    inbox = Inbox(folder, masks, settle)
    _check_outside(output, [folder, *([masks] if masks else [])])
    levels, preset = bands_of(bands), preset_of(intensity)
    called = Hook.parsed(hook, below) if hook is not None else None
    made_by = algorithm_of(segmented_by)
    (output / CASES).mkdir(parents=True, exist_ok=True)
    ledger = Ledger(output / SCORES)
    pipeline = load_pipeline(estimator, None, Placement(device, backend))
    request = score_image.ScoreRequest(
        image=folder,
        mask=folder,
        box=None,
        box_frame=None,
        labels=[],
        slice_index=None,
        axis=None,
        preset=preset,
        bands=levels,
        series=None,
        out=None,
        overlay=None,
        report=None,
        allow_cropped=allow_cropped,
        names=names,
    )
    facts = {
        "Watched": str(folder.absolute()), "Masks": str(masks.absolute()) if masks else "",
        "Estimator": pipeline.estimator.name, "Intensity": intensity or "the default of each image",
    }  # fmt: skip
    pages = DayPages(output, ledger, levels, facts)
    if ledger.rows:
        say(f"{len(ledger.rows)} rows of earlier runs are in {shown(str(ledger.path))}.")
        pages.write(ledger.rows[-1]["time"][:10])  # the earlier run may have been stopped before it did
    say(f"Watching {shown(str(folder))}." + ("" if once else " End with Ctrl-C."))
    failed = 0
    try:
        while True:
            begin = time.process_time()
            ready = inbox.ready(ledger.knows)
            spent = time.process_time() - begin
            for one in ready:
                rows = _rows(one, request, output / CASES, pipeline, made_by)
                _tell(one, rows, called, output / CASES)
                kept = ledger.add(rows)
                failed += kept[0]["caveats"].startswith(FAILED)
                pages.due(kept[0]["time"][:10])
            pages.finish()
            if once and not inbox.unsettled:
                break
            rest = min(every, settle) if once and settle else every
            idle = not ready and not inbox.unsettled
            time.sleep(max(rest, min(spent * LOOKS, LONGEST_S)) if idle else rest)
    except BaseException as stop:
        stop.add_note(f"What is scored is in {ledger.path}; the same command goes on from there.")
        raise
    if failed:
        raise typer.Exit(1)


def _check_outside(output: Path, watched: list[Path]) -> None:
    """Raises EvanySegError for results that would be watched themselves."""
    for folder in watched:
        if output.resolve().is_relative_to(folder.resolve()):
            raise EvanySegError(f"The results would lie in the watched folder {folder}; give another --out.")


def _rows(
    one: Arrival,
    request: score_image.ScoreRequest,
    folder: Path,
    pipeline: SlicePipeline,
    made_by: SegmentAlgorithm | None = None,
    now: Callable[[], datetime] = datetime.now,
) -> list[dict[str, Any]]:
    """Score one case and write its results; a case that fails has one row that says why."""
    place = folder / one.name
    named = {"case": one.name, "image": str(one.image), "mask": str(one.mask), "fingerprint": one.fingerprint}
    try:
        asked = replace(request, image=one.image, mask=one.mask, out=place / SLICES, report=place / REPORT)
        stack, dicom = score_image.prepare(_with_dicom(asked, one, place, made_by))
        result = score_image.run(asked, stack, pipeline, no_progress, dicom)
    except (EvanySegError, OSError, MemoryError) as error:
        return [{**named, "time": _stamp(now()), "caveats": f"{FAILED}{error or type(error).__name__}"}]
    shared = {
        **named, "time": _stamp(now()), "estimator": pipeline.estimator.name, "intensity": stack.window.describe(),
    }  # fmt: skip
    intervals = {s.segment_id: _interval(result.rows, s.segment_id) for s in result.summaries}
    return [{**shared, **_summary(s, request, stack.planes.shown_index), **intervals[s.segment_id],
             "caveats": "; ".join([*stack.caveats, *stack.file_remarks])} for s in result.summaries]  # fmt: skip


def _with_dicom(
    asked: score_image.ScoreRequest, one: Arrival, place: Path, made_by: SegmentAlgorithm | None
) -> score_image.ScoreRequest:
    """With a measurement report where the mask is a DICOM SEG, or is to become one: a report refers to a SEG."""
    header = read_header(one.mask, ["SOPClassUID"]) if one.dicom else None
    is_seg = header is not None and str(header.SOPClassUID) in SEGMENTATIONS
    if not is_seg and (made_by is None or not one.image.is_dir()):
        return asked
    place.mkdir(parents=True, exist_ok=True)
    seg = None if is_seg else place / SEG
    return replace(asked, dicom=DicomRequest(seg, place / QUALITY, made_by))


def _summary(summary: SegmentSummary, request: score_image.ScoreRequest, index: Callable[[int], int]) -> dict[str, Any]:
    worst = summary.worst_index
    return {
        "segment": summary.segment, "segment_id": summary.segment_id, "pred_dice": summary.mean_dice,
        "band": summary.band(request.bands).value, "slices": summary.slices,
        "worst_slice": "" if worst is None else index(worst), "worst_dice": summary.worst_dice,
    }  # fmt: skip


def _interval(rows: list[Any], segment_id: str) -> dict[str, float]:
    _, low, high = mean_of_slices([row for row in rows if row.segment_id == segment_id])
    return {"low": low, "high": high}


def _stamp(now: datetime) -> str:
    return now.isoformat(sep=" ", timespec="seconds")


def _tell(one: Arrival, rows: Sequence[Mapping[str, str]], hook: Hook | None, folder: Path) -> None:
    first = rows[0]
    if first["caveats"].startswith(FAILED):
        say_error(f"{one.name}: {first['caveats'].removeprefix(FAILED)}")
        return
    scores = [float(row["pred_dice"]) for row in rows]
    worst = min((score for score in scores if score == score), default=math.nan)
    say(f"{first['time'][11:]}  {shown(one.name)}: {worst:.2f}" + (f" (worst of {len(rows)})" if len(rows) > 1 else ""))
    if hook is not None and worst < hook.below:
        wrong = hook.call({"case": one.name, "dice": f"{worst:.4f}", "image": str(one.image), "mask": str(one.mask),
                           "report": str(folder / one.name / REPORT)})  # fmt: skip
        if wrong:
            say_error(f"{one.name}: {wrong}.")
