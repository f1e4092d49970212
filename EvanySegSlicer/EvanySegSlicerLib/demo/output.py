"""What the demo leaves behind: images, table, report, and a scene and segmentation that desktop Slicer opens."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from evanyseg.io.segmentation import segment_labels
from evanyseg.io.tables import write_table
from evanyseg.io.targets import sentence
from evanyseg.io.write import write_text
from evanyseg.report.page import ReportData, ReportImage, ReportRow, report_html

from ..scene.headless.scene_files import save_segmentation
from ..scene.table.exports import report_rows
from ..scene.table.records import COLUMNS
from ..scene.table.summaries import score_summary
from .images import Shot, contact_sheet, photograph_3d, scatter, take
from .run import DemoRow, DemoRun, Say


@dataclass(frozen=True)
class DemoFiles:
    """Where everything is."""

    folder: Path
    table: Path
    report: Path
    scene: Path
    segmentation: Path
    sheet: Path
    images: dict[str, Path]


NAMES = ("demo.png", "scores.csv", "report.html", "scene.mrb", "segmentation.seg.nrrd")


def files_written(folder: Path) -> list[Path]:
    """What another demo in this folder would replace."""
    folder = folder.absolute()
    return [*(folder / name for name in NAMES), *(folder / "pictures").glob("*")]


def make_folder(folder: Path) -> None:
    """Make the demo's folder and see that files can be made in it. Raises OutputError."""
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise sentence(folder, error) from error


def write_all(run: DemoRun, folder: Path, facts: dict[str, str], say: Say) -> DemoFiles:
    """Write everything into `folder` (made if needed). Raises OutputError, EvanySegError."""
    try:
        return _write_all(run, folder.absolute(), facts, say)
    except OSError as error:
        raise sentence(folder, error) from error


def _write_all(run: DemoRun, folder: Path, facts: dict[str, str], say: Say) -> DemoFiles:
    make_folder(folder)
    images = folder / "pictures"
    with run.timed("Rendering the slice views", say):
        shots = shots_of(run)
        files = take(run.stage, shots, images)
        files["3d"] = photograph_3d(run.stage, _stacks(run), images / "3d-bands.png")
        plot = scatter(run.rows, images / "predicted-true.png", run.lesson)
        if plot is not None:
            files["predicted-true"] = plot
        sheet = contact_sheet(
            [*(files[s.name] for s in shots), files["3d"], *([plot] if plot else [])], folder / "demo.png"
        )
    with run.timed("Writing table and report", say):
        table = folder / "scores.csv"
        write_table(
            table, (*COLUMNS, "true_dice"), [{**asdict(r.record), "true_dice": r.true} for r in ranked(run.rows)]
        )
        report = folder / "report.html"
        write_text(report, report_html(_report(run, files, shots, facts)))
    with run.timed("Saving scene and segmentation", say):
        scene, segmentation = folder / "scene.mrb", folder / "segmentation.seg.nrrd"
        save_segmentation(run.stage.segmentation, segmentation)
        run.stage.slicer.save_mrb(scene)
    return DemoFiles(folder, table, report, scene, segmentation, sheet, files)


def ranked(rows: Sequence[DemoRow]) -> list[DemoRow]:
    """The order a reviewer would take: largest expected wrong area first, unscored last."""
    return sorted(rows, key=lambda r: -r.record.wrong_mm2 if r.record.scored else 1.0)


def shots_of(run: DemoRun) -> list[Shot]:
    """Every prompted slice, and cuts across the propagated stacks that show the bands."""
    reader = run.stage.review.reader
    shots = []
    for number, (prompt, segment_id, box) in enumerate(run.prompts):
        plane = reader.plane(prompt.axis, prompt.index)
        rows = [r.record for r in run.rows if r.record.key == (segment_id, *plane.key)]
        name = f"{number + 1}-{prompt.segment.lower().replace(',', '').replace(' ', '-')}"
        shots.append(Shot(f"{name}-{plane.name}", prompt.segment, plane, segment_id, rows, box, legend=number == 0))
    for old, segment_id in run.olds:
        plane = reader.plane(old.axis, old.slipped[0])
        rows = [r.record for r in run.rows if r.record.key == (segment_id, *plane.key)]
        shots.append(Shot(f"{len(shots) + 1}-old-mask-{plane.name}", old.segment, plane, segment_id, rows))
    crossed = [(p.segment, p.axis, s) for p, s, _ in run.prompts[:2]] + [(o.segment, o.axis, s) for o, s in run.olds]
    for name, axis, segment_id in crossed:
        other = next(a for a in (1, 0, 2) if a != axis)  # coronal, or sagittal where that is the prompted plane
        index = _fullest(run, segment_id, other)
        if index is not None:
            plane = reader.plane(other, index)
            title = f"{name}: its slices' bands, seen across"
            shots.append(Shot(f"bands-{len(shots)}-{plane.name}", title, plane, segment_id, legend=True))
    return shots


def _stacks(run: DemoRun) -> list[str]:
    """Segments on several slices, but not those that would hide the others: what is worth seeing in 3D."""
    if run.olds:
        return [segment_id for _, segment_id in run.olds]
    return [segment_id for _, segment_id, _ in run.prompts]


def _fullest(run: DemoRun, segment_id: str, axis: int) -> int | None:
    """Slice across `axis` where the segment is largest; None when it is empty."""
    store, reader = run.stage.review.store, run.stage.review.reader
    count = reader.snapshot().dims[axis]
    areas = [int(store.mask(segment_id, reader.plane(axis, i)).sum()) for i in range(count)]
    return int(np.argmax(areas)) if max(areas, default=0) else None


def _report(run: DemoRun, files: dict[str, Path], shots: Sequence[Shot], facts: dict[str, str]) -> ReportData:
    rows = [_report_row(run, r) for r in ranked(run.rows)]
    bands = run.stage.review.thresholds
    records = [r.record for r in run.rows]
    names = segment_labels({r.segment_id: r.segment for r in records})
    summaries = [score_summary(n, [r for r in records if r.segment_id == i], bands) for i, n in names.items()]
    images = []
    for shot in shots:
        row = next((r for r in rows for s in shot.rows if r.segment == s.segment and r.index == s.index), None)
        if row is not None:
            images.append(ReportImage(row, _pixels(files[shot.name])))
    extra = [(s.title, _pixels(files[s.name])) for s in shots if not s.rows]
    if "predicted-true" in files:
        extra.insert(
            0, ("Predicted against true Dice (reference: the template's tissue maps)", _pixels(files["predicted-true"]))
        )
    extra.append(("Bands in 3D", _pixels(files["3d"])))
    subject = run.stage.volume.GetName()
    return ReportData(subject, summaries, rows, images, facts, bands, datetime.now(), figures=extra)


def _report_row(run: DemoRun, row: DemoRow) -> ReportRow:
    reader = run.stage.review.reader
    made = report_rows([row.record], lambda r: reader.plane(r.axis, r.index).pixel_area)[0]
    if row.true is None:
        return made
    return replace(made, note="; ".join(filter(None, (made.note, f"true Dice {row.true:.2f}"))))


def _pixels(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"))
