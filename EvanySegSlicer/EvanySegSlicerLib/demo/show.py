"""What `evanyseg demo` calls: run it, write everything, say where it is and how long each stage took."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from evanyseg.commands.support.prompts import shown_prompts
from evanyseg.geometry.boxes import BoxFrame
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt

from ..scene.table.records import MISSING
from .learn import Lesson
from .output import ranked, write_all
from .plan import SEEN_IN_TRAINING
from .run import DemoRow, DemoRun, Say, prompt_for, run_template, run_volume


def template(make_pipeline: Callable[[], SlicePipeline], say: Say) -> DemoRun:
    """The demo on the brain template."""
    return run_template(make_pipeline, say)


def own_volume(
    path: Path,
    axis: str | None,
    index: int | None,
    box: BoxPrompt | None,
    box_frame: BoxFrame | None,
    preset: str,
    make_pipeline: Callable[[], SlicePipeline],
    say: Say,
) -> DemoRun:
    """The demo on a user's volume. `axis`, `index`, `box` and `box_frame` mean what they mean to `evanyseg segment`.

    Raises ImageError, GeometryError, PromptError.
    """
    from evanyseg.io.read import read_image

    say(f"Reading {path.name}")
    volume = read_image(path)
    for remark in volume.source.remarks:
        say(remark)
    planes = stack_of(volume, axis)
    prompt = prompt_for(volume, planes.axis, index)
    shown = shown_prompts(planes, prompt.index, box, (), box_frame)[0]
    return run_volume(volume, prompt, shown, make_pipeline, say, preset)


def finish(run: DemoRun, folder: Path, say: Say) -> dict[str, Any]:
    """Write pictures, table, report, scene and segmentation; the result as one document for people and pipes."""
    facts = _facts(run)
    files = write_all(run, folder, facts, say)
    rows = [_row(r) for r in ranked(run.rows)]
    return {
        "subject": run.stage.volume.GetName(),
        "facts": facts,
        "rows": rows,
        "comparison": comparison(run.rows),
        "lesson": lesson_of(run.lesson),
        "seconds": {k: round(v, 2) for k, v in run.seconds.items()},
        "files": {k: str(getattr(files, k)) for k in ("folder", "sheet", "report", "table", "scene", "segmentation")},
    }


def comparison(rows: list[DemoRow]) -> dict[str, float] | None:
    """Predicted against true Dice over the slices that have both; None without a reference."""
    pairs = [
        (r.record.dice, r.true, r.record.low, r.record.high) for r in rows if r.true is not None and r.record.scored
    ]
    if len(pairs) < 2:
        return None
    dice, true, low, high = np.array(pairs).T
    varied = dice.std() > 0 and true.std() > 0
    return {
        "slices": len(pairs),
        "mean_absolute_error": float(np.abs(dice - true).mean()),
        "pearson": float(np.corrcoef(dice, true)[0, 1]) if varied else math.nan,
        "true_sd": float(true.std()),
        "inside_interval": float(((true >= low) & (true <= high)).mean()),
    }


def lesson_of(lesson: Lesson | None) -> dict[str, Any] | None:
    """What learning brought on the slices that were not corrected; None where nothing was learned."""
    if lesson is None:
        return None
    return {
        "segment": lesson.segment,
        "corrected": list(lesson.corrected),
        "others": len(lesson.true),
        "error_before": lesson.error(lesson.before),
        "error_after": lesson.error(lesson.after),
        "helps": lesson.helps,
        "remarks": list(lesson.remarks),
    }


def print_result(document: dict[str, Any]) -> None:
    """Tables for the terminal."""
    from evanyseg.bands import BandThresholds
    from evanyseg.commands.support.console import DISCLAIMER, band_text, interval_text, number_text, out, shown, table

    console, bands = out(), BandThresholds()
    worst = document["rows"][:15]
    cells = [
        [
            shown(r["segment"]),
            f"{r['plane']} {r['index']}",
            number_text(r["dice"]),
            band_text(math.nan if r["missing"] else r["dice"], bands) if not r["missing"] else "missing?",
            interval_text(r["low"], r["high"]),
            "-" if r["true"] is None else f"{r['true']:.2f}",
            f"{r['wrong_mm2']:.0f}",
            shown(r["caveats"]),
        ]
        for r in worst
    ]
    title = f"Look at these first ({len(worst)} of {len(document['rows'])} slices)"
    heads = ("Segment", "Slice", ">Predicted", "Band", "Interval", ">True", ">Wrong mm²", "Caveats")
    console.print(table(title, heads, cells))
    found = document["comparison"]
    if found:
        console.print(
            f"Against the reference, {found['slices']} slices: mean absolute error {found['mean_absolute_error']:.2f}, "
            f"r {found['pearson']:.2f} (SD of the true Dice {found['true_sd']:.2f}), "
            f"{found['inside_interval']:.0%} inside their interval."
        )
    if document["lesson"]:
        console.print(shown(_lesson_text(document["lesson"])))
    trained = document["facts"].get("Built-in models' training")
    if trained:
        console.print(f"Built-in models' training: {trained}.")
    console.print(table("Time", ("Stage", ">s"), [[k, f"{v:.1f}"] for k, v in document["seconds"].items()]))
    files = document["files"]
    labels = {"sheet": "Pictures", "report": "Report", "table": "Table", "scene": "Scene", "segmentation": "Segments"}
    for key, label in labels.items():
        console.print(f"{label:9} {shown(files[key])}", soft_wrap=True)
    console.print(f"[dim]{DISCLAIMER}[/]")


def _lesson_text(lesson: dict[str, Any]) -> str:
    start = f"{lesson['segment']}: {len(lesson['corrected'])} slices corrected by the tissue map, "
    if not lesson["helps"]:
        return f"{start}which do not help yet: the built-in estimator stays."
    return (
        f"{start}the mean absolute error on the other {lesson['others']}: "
        f"{lesson['error_before']:.2f} before, {lesson['error_after']:.2f} learned."
    )


def _facts(run: DemoRun) -> dict[str, str]:
    pipeline = run.stage.review.pipeline
    stories = [(p.segment, p.story) for p, _, _ in run.prompts] + [(o.segment, o.story) for o, _ in run.olds]
    seen = "; ".join(f"{name}: {story}" for name, story in stories)
    known = dict.fromkeys(p.structure for p, _, _ in run.prompts if p.structure in SEEN_IN_TRAINING)
    built_in = pipeline is not None and pipeline.segmenter is not None and pipeline.segmenter.name == "builtin"
    trained = "; ".join(f"{name}: {SEEN_IN_TRAINING[name]}" for name in known) if built_in else ""
    snapshot = run.stage.review.reader.snapshot()
    return {
        "Volume": f"{snapshot.name}, {' x '.join(str(d) for d in snapshot.dims)} voxels",
        "Segmenter": f"{pipeline.segmenter.name} on {pipeline.segmenter.device}"
        if pipeline and pipeline.segmenter
        else "",
        "Quality estimator": f"{pipeline.estimator.name} on {pipeline.estimator.device}" if pipeline else "",
        "Intensity window": snapshot.window.describe(),
        "What was scored": seen,
        "Built-in models' training": trained,
    }


def _row(row: DemoRow) -> dict[str, Any]:
    r = row.record
    return {
        "segment": r.segment,
        "plane": r.plane,
        "index": r.index,
        "dice": r.dice,
        "low": r.low,
        "high": r.high,
        "band": r.band,
        "missing": r.kind == MISSING,
        "true": row.true,
        "wrong_mm2": r.wrong_mm2,
        "caveats": r.caveats,
    }
