"""`evanyseg assess`: how well do estimators do on your own cases whose truth is known?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..errors import EvanySegError
from ..io.overwrite import files_in_table, refuse_overwriting
from ..io.tables import check_table_output, open_table, write_table
from ..io.write import write_text
from ..metrics.assessment import Scores, less_error
from ..metrics.assessment import assess as measure
from ..report.assessment import WORDS, AssessmentData, assessment_html, interval_words, metric_words, verdict
from ..results import QualityEstimate
from ..scoring.known_rows import AssessedRow, assessed_rows, log_of_assessment
from ..scoring.known_truth import KnownOptions
from .support.console import out, print_json, progress_bar, say, say_error, say_row_notes, say_written, shown, table
from .support.loading import Placement
from .support.options import (
    RESULTS,
    BackendOption,
    BoxFrameOption,
    ClusterOption,
    DeviceOption,
    IntensityOption,
    JsonOption,
    OutOption,
    preset_of,
)
from .support.results import check_ending, check_stdout, described, identity_of, say_layout
from .support.scorers import known_scorer


def assess(
    pairs: Annotated[
        Path,
        typer.Argument(metavar="CSV", help="Columns image,mask,truth[,x0,y0,x1,y1][,subject][,label]."),
    ],
    truth_column: Annotated[str, typer.Option(metavar="COLUMN", help="Where the true mask is.")] = "truth",
    estimators: Annotated[
        list[str] | None,
        typer.Option("--estimator", metavar="NAME|FILE", help="Repeatable; a file of `evanyseg adapt` is one."),
    ] = None,
    most: Annotated[
        int, typer.Option("--slices", min=1, help="Slices taken of a volume, evenly over those with a mask.")
    ] = 20,
    box_frame: BoxFrameOption = None,
    intensity: IntensityOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    report: Annotated[
        Path | None, typer.Option(metavar="HTML", help="One file with tables and plots.", rich_help_panel=RESULTS)
    ] = None,
    output: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped.", rich_help_panel=RESULTS)
    ] = False,
    cluster: ClusterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure estimators on your own cases whose truth is known: errors, order, calibration, with 95 % intervals.

    \b
    evanyseg assess labelled.csv --truth-column truth --estimator builtin --estimator mine.safetensors --report r.html

    Subjects (column `subject`, else the image) are resampled whole. Cases that an estimator learned from must not be
    among them. Rows without a truth and cases without a score are counted and told. -o keeps one row a case. With -o
    or --report a run that was stopped goes on with --resume.

    Exit code 1: some rows could not be used (they say why).
    """
    names = list(dict.fromkeys(estimators or ["builtin"]))
    given = open_table(pairs, ["image", "mask", truth_column])
    named = files_in_table(given, ["image", "mask", truth_column])
    refuse_overwriting([output, report], [pairs, *names, *named])
    check_table_output(output)
    check_ending(report, "The report", (".html", ".htm"))
    check_stdout([output, report], as_json)
    say_layout(given)
    if resume and output is None and report is None:
        raise typer.BadParameter("--resume goes on with what is kept beside the file of -o or --report: give one")
    options = KnownOptions(truth_column, most, preset_of(intensity), box_frame)
    made_with = {
        "estimators": ", ".join(map(identity_of, names)),
        "truth column": truth_column,
        "slices": most,
        "intensity": intensity,
        "box frame": box_frame.value if box_frame else None,
    }
    log = log_of_assessment([output, report], described(made_with), resume)
    where = Placement(device, backend)
    with log:
        with (
            known_scorer(names, where, options, cluster) as scorer,
            progress_bar("Scoring", given.count, "rows") as progress,
        ):
            known = _Known.of(assessed_rows(scorer, given, log, progress), names, options)
        for problem in known.problems:
            say_error(problem)
        if not known.cases:
            log.remove()
            missing = f"; {known.without_truth} have no truth" if known.without_truth else ""
            raise EvanySegError(f"None of the {given.count} rows of {pairs.name} can be used{missing}.")
        data = _data(pairs.name, known, intensity)
        document = _document(data, known, given.count)
        if report is not None:
            write_text(report, assessment_html(data))
        if output is not None:
            rows = list(_case_rows(known))
            write_table(output, list(rows[0]), rows, {**document, "rows": rows})
        log.remove()
    if as_json:
        print_json(document)
    else:
        _show(data)
        say_row_notes(known.remarks, len(known.remarks))
    say_written([output, report])
    if known.problems:
        raise typer.Exit(1)


@dataclass
class _Known:
    """cases: (row as a spreadsheet counts, image, slice, subject, true Dice); estimates: of each, by estimator."""

    options: KnownOptions
    estimates: dict[str, list[QualityEstimate]]
    cases: list[tuple[int, str, int, str, float]]
    without_truth: int
    problems: list[str]
    remarks: list[tuple[int, str]]

    @classmethod
    def of(cls, rows: Sequence[AssessedRow], names: Sequence[str], options: KnownOptions) -> _Known:
        below = 1  # the header, as a spreadsheet counts
        return cls(
            options,
            {name: [case.estimates[n] for row in rows for case in row.cases] for n, name in enumerate(names)},
            [(r.number + below, r.image.strip(), c.index, c.subject, c.dice) for r in rows for c in r.cases],
            sum(row.without_truth for row in rows),
            [f"row {row.number + below}: {row.problem}" for row in rows if row.problem],
            [(row.number + below, row.remarks) for row in rows if row.remarks],
        )


def _data(name: str, known: _Known, intensity: str | None) -> AssessmentData:
    cases, estimates = known.cases, known.estimates
    truth, subjects = np.array([c[4] for c in cases]), np.array([c[3] for c in cases])
    column = lambda said, what: np.array([getattr(e, what) for e in said], float)
    scores = {
        label: Scores(column(said, "dice"), column(said, "low"), column(said, "high"), said[0].level)
        for label, said in estimates.items()
    }
    first = next(iter(scores))
    rows = len({c[0] for c in cases})
    counts = (("rows without a truth", known.without_truth), ("rows that could not be used", len(known.problems)))
    left = [f"{what}: {count}" for what, count in counts if count]
    counted = f"{len(cases)} cases of {rows} rows, {len(set(subjects))} subjects"
    return AssessmentData(
        name,
        counted + (f"; left out: {', '.join(left)}" if left else ""),
        truth,
        scores,
        {label: measure(truth, s, subjects) for label, s in scores.items()},
        [(label, *less_error(truth, scores[first], s, subjects)) for label, s in scores.items() if label != first],
        {
            "Estimators": ", ".join(_named(label, said[0].estimator) for label, said in estimates.items()),
            "Intensity": intensity or "the usual window of each image",
            "Column of the truth": known.options.truth_column,
            "Slices of a volume": f"at most {known.options.most}, evenly over those where mask or truth has something",
        },
        datetime.now(),
    )


def _named(given: str, name: str) -> str:
    return given if given == name else f"{given} ({name})"


def _document(data: AssessmentData, known: _Known, rows: int) -> dict[str, object]:
    first = next(iter(data.found))
    return {
        "rows": rows,
        "cases": len(data.truth),
        "without_truth": known.without_truth,
        "failed": len(known.problems),
        "problems": known.problems,
        "remarks": [{"row": number, "remark": text} for number, text in known.remarks],
        "estimators": [
            {
                "estimator": name,
                "cases": f.cases,
                "unscored": f.unscored,
                "subjects": f.groups,
                "interval_level": f.level,
                "metrics": {m: asdict(value) for m, value in f.metrics.items()},
            }
            for name, f in data.found.items()
        ],
        "mae_differences": [
            {"estimator": name, "minus": first, "cases": count, **asdict(value)}
            for name, value, count in data.differences
        ],
    }


def _case_rows(known: _Known) -> Iterator[dict[str, object]]:
    for number, (row, image, index, subject, dice) in enumerate(known.cases):
        for name, said in known.estimates.items():
            e = said[number]
            yield {
                "row": row, "image": image, "slice": index, "subject": subject, "true_dice": dice, "estimator": name,
                "pred_dice": e.dice, "low": e.low, "high": e.high, "caveats": "; ".join(e.caveats),
            }  # fmt: skip


def _show(data: AssessmentData) -> None:
    found = list(data.found.values())
    rows = [
        ["Cases scored (subjects)", *(f"{f.cases} ({f.groups})" for f in found)],
        ["Cases unscored", *(str(f.unscored) for f in found)],
        *([words, *(shown(metric_words(name, f)) for f in found)] for name, words in WORDS.items()),
    ]
    out().print(table(shown(data.counted), ["", *(shown(name) for name in data.found)], rows))
    first = next(iter(data.found))
    for name, value, count in data.differences:
        words = f"{name} minus {first}, mean absolute error on {count} cases: {interval_words(value, '+')}."
        say(shown(f"{words} {verdict(value)}"))
