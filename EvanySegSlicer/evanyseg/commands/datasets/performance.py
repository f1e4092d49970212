"""`evanyseg performance`: how good is my model on data that nobody labelled?"""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import EvanySegError, ImageError
from ...io.overwrite import refuse_overwriting
from ...io.tables import Table, json_text, open_table, write_table
from ...io.write import write_text
from ...performance.engines import DEFAULT, ENGINES, reverse_engine
from ...performance.estimate import ModelData, ModelEstimates, model_estimates, require_checkpoints
from ...performance.folders import Checkpoint, checkpoints_in
from ...performance.page import DICE_COLUMNS, ESTIMATED, PerformancePage, dice_rows, performance_html
from ...performance.reading import TRUTH, ReadingOptions, missing_predictions, read_images
from ...performance.unfinished import Parts
from ...protocols import part_of
from ...report.file_remarks import collected, remarks_fields
from ..support.console import (
    DISCLAIMER,
    out,
    print_json,
    progress_bar,
    say,
    say_error,
    say_file_remarks,
    say_written,
    shown,
    table,
)
from ..support.loading import Placement, load_pipeline
from ..support.options import BackendOption, DeviceOption, EstimatorOption, IntensityOption, JsonOption, preset_of
from ..support.results import described, identity_of, say_layout

TABLE, DOCUMENT, PAGE = "checkpoints.csv", "performance.json", "performance.html"
UNFINISHED = "performance.partial"
"""A folder in that of the results: what a stopped run has made."""


def performance(
    checkpoints: Annotated[
        list[Path],
        typer.Option(
            metavar="DIR",
            help="Folder of a checkpoint's predicted masks, named as the images are; repeatable, in the order of "
            "training. One folder that holds such folders will do.",
        ),
    ],
    train: Annotated[Path, typer.Option(metavar="CSV", help="Labelled training images: columns image,truth.")],
    labeled: Annotated[
        Path,
        typer.Option(
            "--labelled", metavar="CSV", help="Labelled images that the model was not trained on: image,truth."
        ),
    ],
    unlabeled: Annotated[
        Path, typer.Option("--unlabelled", metavar="CSV", help="Images without labels: the column image.")
    ],
    output: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where table and page go.")],
    label: Annotated[
        str | None,
        typer.Option(metavar="NAME|ID|VALUE", help="Segment that is meant, where tables have no column label."),
    ] = None,
    reverse: Annotated[
        str, typer.Option(metavar="|".join(ENGINES), help="What segments the training images in reverse.")
    ] = DEFAULT,
    slices: Annotated[int, typer.Option(min=1, help="Slices taken of a volume, evenly over those with a mask.")] = 10,
    scores: Annotated[
        bool, typer.Option("--scores/--no-scores", help="Also the mean predicted Dice of the quality estimator.")
    ] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    estimator: EstimatorOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate Dice, Jaccard, precision, recall, pixel correlation and HD95 of a model on unlabelled images.

    \b
    evanyseg performance --checkpoints predictions --train a.csv --labelled b.csv --unlabelled c.csv -o performance

    Works on masks alone, so any framework's output will do: predict the images of --labelled and --unlabelled with
    several checkpoints of one training, a folder each. Tables may have the columns subject and label. (SPE, arXiv
    2504.15667.)
    """
    engine = reverse_engine(reverse)
    if output.exists() and not output.is_dir():
        raise EvanySegError(f"{output} is a file; give the folder that table and page shall go to.")
    found = checkpoints_in(checkpoints)
    tables = [open_table(path, needed) for path, needed in
              ((train, ["image", TRUTH]), (labeled, ["image", TRUTH]), (unlabeled, ["image"]))]  # fmt: skip
    names = [output / name for name in (TABLE, DOCUMENT, PAGE)]
    refuse_overwriting(names, [train, labeled, unlabeled])
    for one in tables:
        say_layout(one)
    _complete(tables, found)
    options = ReadingOptions(slices, preset_of(intensity), label)
    made_with = {"estimator": identity_of(estimator) if scores else None, "backend": backend, "device": device}
    with progress_bar("Estimating") as progress, Parts(output / UNFINISHED, described(made_with), resume) as kept:
        pipeline = load_pipeline(estimator, None, Placement(device, backend)) if scores else None
        read = lambda of, by, known, begin: read_images(
            of, by, known, pipeline, options, part_of(progress, begin, 0.2), kept=kept
        )
        data = ModelData(
            read(tables[0], [], True, 0.0),
            read(tables[1], found, True, 0.2),
            read(tables[2], found, False, 0.4),
            tuple(one.name for one in found),
        )
        estimates = model_estimates(data, engine, part_of(progress, 0.6, 0.4), kept=kept)
    facts = {
        "Checkpoints": f"{len(found)}: {found[0].name} to {found[-1].name}",
        "Training images": f"{len(data.train)} of {train}",
        "Labelled images": f"{len(data.labeled)} of {labeled}",
        "Unlabelled images": f"{len(data.unlabeled)} of {unlabeled}",
        "Reverse engine": engine.name,
        "Estimator of mean predicted Dice": identity_of(estimator) if scores else "",
        "Intensity": intensity or "the default of each image",
        "Working grid": "128 x 128 pixels, metrics included; at most 64 images teach the reverse engine",
        "Slices of a volume": f"at most {slices}, evenly over those with a mask",
    }
    chosen = len(found) - 1
    rows = _rows(estimates)
    output.mkdir(parents=True, exist_ok=True)
    write_table(output / TABLE, list(rows[0]), rows)
    remarks = collected([*data.train.remarks, *data.labeled.remarks, *data.unlabeled.remarks])
    document = {
        "facts": facts, "doubts": list(estimates.doubts), "remarks": remarks_fields(remarks), "checkpoints": rows,
    }  # fmt: skip
    write_text(output / DOCUMENT, json_text(document) + "\n")
    page = PerformancePage(unlabeled.name, estimates, chosen, facts, remarks, datetime.now())
    write_text(output / PAGE, performance_html(page))
    if as_json:
        print_json(document)
    else:
        _show(estimates)
        say_file_remarks(remarks)
    say_written(names)


def _complete(tables: list[Table], found: list[Checkpoint]) -> None:
    """Raises ImageError when a table is empty, EvanySegError for too few checkpoints, ImageError when predictions are
    missing: found before an image is read."""
    for one in tables:
        if not one.count:
            raise ImageError(f"{one.path.name} has no rows.")
    require_checkpoints(len(found))
    predicted = tables[1:]
    lacking = [sentence for one in predicted for sentence in missing_predictions(one, found)]
    if lacking:
        for sentence in lacking[:5]:
            say_error(sentence)
        raise ImageError(
            f"Predictions are missing in {len(lacking)} of {len(found) * len(predicted)} places; each checkpoint's "
            "folder needs one mask for each image of --labelled and --unlabelled."
        )


def _rows(found: ModelEstimates) -> list[dict[str, Any]]:
    rows = []
    for k, name in enumerate(found.checkpoints):
        row: dict[str, Any] = {"checkpoint": name}
        for metric, one in found.of.items():
            best = found.best(metric)
            row |= {metric: best.value[k], f"{metric}_low": best.low[k], f"{metric}_high": best.high[k],
                    f"{metric}_labelled": one.real[k], f"{metric}_reverse": one.value[k],
                    f"{metric}_reverse_low": one.low[k], f"{metric}_reverse_high": one.high[k],
                    f"{metric}_pseudo": one.there[k]}  # fmt: skip
        row["mean_pred_dice"] = found.mean_scores[k]
        row["dice_both"] = found.from_both.value[k] if found.from_both is not None else math.nan
        rows.append(row)
    return rows


def _show(found: ModelEstimates) -> None:
    cells = [[shown(cell) for cell in row] for row in dice_rows(found)]
    columns = [DICE_COLUMNS[0], *(f">{name}" for name in DICE_COLUMNS[1:])]
    out().print(table("Dice on the unlabelled images", columns, cells))
    dice = found.of["dice"]
    say(ESTIMATED[found.by_images is not None])
    say(
        "Reverse step: left out in turn, the checkpoints' Dice on the labelled images is estimated with an error of "
        f"{dice.held_out_error:.3f} (mean) and r {dice.r:.2f}."
    )
    for doubt in found.doubts:
        say(f"[yellow]Doubt:[/] {shown(doubt)}")
    say(f"[dim]{DISCLAIMER}[/]")
