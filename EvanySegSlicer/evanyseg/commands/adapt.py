"""`evanyseg adapt`: learn from cases whose truth is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..errors import EvanySegError
from ..io.overwrite import files_in_table, refuse_overwriting
from ..io.tables import open_table
from ..metrics import agreement, failure
from .support.console import (
    number_text,
    out,
    print_json,
    progress_bar,
    say,
    say_error,
    say_row_notes,
    say_written,
    shown,
    table,
)
from .support.loading import Placement, load_estimator, load_segmenter
from .support.options import BackendOption, BoxFrameOption, DeviceOption, IntensityOption, JsonOption, preset_of
from .support.results import say_layout

SUFFIX = ".safetensors"
FILES = ("image", "truth", "prediction", "mask")


def adapt(
    references: Annotated[
        Path,
        typer.Argument(
            metavar="CSV", help="Columns image,truth and where known prediction, x0,y0,x1,y1, subject, label."
        ),
    ],
    output: Annotated[Path, typer.Option("--out", "-o", metavar=f"FILE{SUFFIX}", help="Where what was learned goes.")],
    most: Annotated[
        int, typer.Option("--slices", min=1, help="Slices taken of a volume, evenly over those with a mask.")
    ] = 10,
    synthetic: Annotated[int, typer.Option(min=0, help="Synthetic errors made per reference slice.")] = 14,
    segmenters: Annotated[
        list[str] | None,
        typer.Option(
            "--segmenter",
            metavar="NAME|FILE|none",
            help="Its masks under jittered boxes are learned from too (default: builtin; a server's are left out).",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What the estimator is called in tables.")] = "adapted",
    intensity: IntensityOption = None,
    box_frame: BoxFrameOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Let the built-in estimator learn from your own corrected cases.

    \b
    evanyseg adapt corrected.csv -o mine.safetensors
    evanyseg score scan.nii.gz mask.nii.gz --estimator mine.safetensors

    Neighboring rows that share image and truth bring several predictions of one object. Give the masks of the model
    that you want to score as `prediction`: they count most. What is learned is checked on subjects left out; where it
    does not help, the built-in estimator stays in charge, and that is said. The file holds numbers only, never pixels.

    Exit code 1: some rows could not be used (they say why).
    """
    from ..adaptation import file
    from ..adaptation.candidates import CandidateOptions
    from ..adaptation.fit import AdaptationOptions, LearnsElsewhere
    from ..adaptation.fit import adapt as fit
    from ..adaptation.table import NEEDED, TableOptions, references_of
    from ..device import require_package, server_address
    from ..quality.builtin import BuiltinEstimator

    if server_address(device) is None:
        require_package("sklearn", "scikit-learn", "Learning from corrections")
    if output.suffix.lower() != SUFFIX:
        raise EvanySegError(f"What is learned is kept as safetensors: name the file '{output.stem}{SUFFIX}'.")
    given = open_table(references, NEEDED)
    refuse_overwriting([output], [references, *files_in_table(given, [c for c in FILES if c in given.columns])])
    say_layout(given)
    with progress_bar("Reading the references") as progress:
        options = TableOptions(most, preset_of(intensity), box_frame)
        known, problems, notes = references_of(given, options, progress)
    for problem in problems:
        say_error(problem)
    if not known:
        raise EvanySegError(f"None of the {given.count} rows of {references.name} can be used.")
    base = load_estimator("builtin", Placement(device, backend))
    named = segmenters or (["builtin"] if server_address(device) is None else [])
    others = [load_segmenter(one, Placement(device, backend)) for one in named if one != "none"]
    assert isinstance(base, BuiltinEstimator | LearnsElsewhere)
    with progress_bar("Learning") as progress:
        found = fit(known, base, AdaptationOptions(CandidateOptions(synthetic)), name, progress, segmenters=others)
    said = file.save(output, found, known)
    document = {**summary(found, said, len(known)), "notes": [{"row": n, "note": text} for n, text in notes]}
    if as_json:
        print_json(document)
    else:
        say_row_notes(notes, len(notes))
        _show(document)
        say_written((output,))
    if problems:
        raise typer.Exit(1)


def summary(found: Any, said: Any, slices: int) -> dict[str, Any]:
    """What was learned and how it was checked, for people and for --json. Cross-validated over subjects."""
    check = found.check
    modes = {}
    for number, (mode, words) in enumerate(
        zip(found.estimator.learned.modes, ("with a box", "without a box"), strict=True)
    ):
        use = check.has_box == (number == 0)
        if not use.any():
            continue
        modes[words] = {
            "share": mode.choice.share,
            "before": _figures(check.low, check.builtin, check.builtin_inside, use & check.exact, check.own),
            "after": _figures(check.low, check.blended, check.inside, use & check.exact, check.own),
            "interval_level": mode.interval.level,
            "interval_half_widths": list(mode.interval.half),
        }
    return {
        "references": slices,
        "subjects": said.subjects,
        "helps": found.helps,
        "modes": modes,
        "remarks": list(said.remarks),
    }


def _figures(
    truth: np.ndarray, predicted: np.ndarray, inside: np.ndarray, use: np.ndarray, own: np.ndarray
) -> dict[str, float | int | None]:
    """Of masks of the kind to be scored where there are any: count, MAE, r, AUROC of a Dice below .8, share inside the
    interval. Only masks whose Dice is known."""
    use = use & own if (use & own).any() else use
    truth, predicted, inside = truth[use], predicted[use], inside[use]
    ones = np.ones((1, len(truth)))
    known = lambda metric: float(value) if np.isfinite(value := metric(truth, predicted, ones)[0]) else None
    return {
        "masks": len(truth),
        "mae": known(agreement.mae),
        "r": known(agreement.pearson),
        "auroc": known(failure.auroc),
        "coverage": float(np.nanmean(inside)) if np.isfinite(inside).any() else None,
    }


def _show(document: dict[str, Any]) -> None:
    rows = []
    text = lambda value: "-" if value is None else number_text(math.nan if value is None else value, 3)
    for words, mode in document["modes"].items():
        for when in ("before", "after"):
            f = mode[when]
            rows.append([words, when, str(f["masks"]), *(text(f[n]) for n in ("mae", "r", "auroc", "coverage"))])
    subjects = f"{document['references']} references of {document['subjects']} subjects"
    heads = ["", "", ">Masks", ">MAE", ">r", ">AUROC<.8", ">Inside interval"]
    out().print(table(f"{subjects}, each scored without its own", heads, rows))
    for words, mode in document["modes"].items():
        if mode["share"]:
            say(f"{words}: {mode['interval_level']:.0%} intervals, {mode['share']:.0%} of the answer is learned")
    for remark in document["remarks"]:
        say(f"Note: {shown(remark)}")
