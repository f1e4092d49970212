"""The report of `evanyseg assess`: estimators measured on cases whose truth is known, as one HTML file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template

import numpy as np

from ..metrics.assessment import COVERAGE, WIDTH, Assessment, Scores
from ..metrics.bootstrap import Interval
from .assessment_plots import reliability_svg, scatter_svg
from .frame import framed

STYLE = """.plots { display: flex; flex-wrap: wrap; gap: 28px; }
.plots > div { flex: 0 1 340px; min-width: 260px; }
.plots svg { display: block; width: 100%; height: auto; }
.plots p { margin: 4px 0 0; color: var(--soft); font-size: 13px; }
td:last-child { white-space: nowrap; color: inherit; }
.metrics th { padding: 7px 10px; }
"""
CLOSING = """  <p>The true Dice is the overlap of each mask with the true mask given for it; the predicted one was made
  without the true mask. Correlations are only as large as the true Dice varies: read them beside its SD. A
  reference used for learning must not be among these cases, or the learned estimator looks better than it
  is.</p>"""
WORDS = {
    "mae": "Mean absolute error",
    "bias": "Bias (predicted minus true)",
    "pearson": "Pearson r",
    "spearman": "Spearman r",
    "auroc<.8": "AUROC, true Dice below .8",
    "ap<.8": "Average precision, true Dice below .8",
    "slope": "Calibration slope (1 is right)",
    "ece": "Expected calibration error",
    COVERAGE: "Intervals that hold the truth",
    WIDTH: "Mean width of the intervals",
    "mean_true_dice": "Mean true Dice",
    "sd_true_dice": "SD of the true Dice",
}
"""Metrics in the order in which they are read."""


@dataclass(frozen=True)
class AssessmentData:
    """truth [n]; scores and found by estimator; differences: (estimator, MAE minus that of the first, cases that both
    scored); counted: how many cases of how many rows; facts: what the numbers were made with."""

    subject: str
    counted: str
    truth: np.ndarray
    scores: Mapping[str, Scores]
    found: Mapping[str, Assessment]
    differences: Sequence[tuple[str, Interval, int]]
    facts: Mapping[str, str]
    created: datetime


def assessment_html(data: AssessmentData) -> str:
    """The report as one HTML document that needs nothing else."""
    body = Template((files(__package__) / "assessment.html").read_text(encoding="utf-8")).substitute(
        counted=escape(data.counted),
        columns="<th></th>" + "".join(f"<th>{escape(name)}</th>" for name in data.found),
        rows="\n".join(_rows(data)),
        differences=_differences(data),
        plots="\n".join(_plots(name, data) for name in data.found),
    )
    heading = "Predicted against true Dice"
    return framed(heading, data.subject, data.created, body, data.facts, CLOSING, own_style=STYLE)


def interval_words(value: Interval, sign: str = "") -> str:
    """'0.123 [0.100 to 0.150]'; a dash where there is none."""
    if math.isnan(value.value):
        return "-"
    tail = "" if math.isnan(value.low) else f" [{value.low:{sign}.3f} to {value.high:{sign}.3f}]"
    return f"{value.value:{sign}.3f}{tail}"


def metric_words(name: str, found: Assessment) -> str:
    """The metric with its interval, as a person reads it."""
    return interval_words(found.metrics[name], "+" if name == "bias" else "")


def _rows(data: AssessmentData) -> list[str]:
    all_found = list(data.found.values())
    rows = [
        ("Cases scored (subjects)", [f"{f.cases} ({f.groups})" for f in all_found]),
        ("Cases unscored", [str(f.unscored) for f in all_found]),
        *((words, [metric_words(name, f) for f in all_found]) for name, words in WORDS.items()),
        ("Nominal level of the intervals", [f"{f.level:.0%}" for f in all_found]),
    ]
    line = lambda title, cells: f"<tr><td>{escape(title)}</td>{''.join(f'<td>{escape(c)}</td>' for c in cells)}</tr>"
    return [line(title, cells) for title, cells in rows]


def _differences(data: AssessmentData) -> str:
    if not data.differences:
        return ""
    first = next(iter(data.found))
    lines = "".join(
        f"<p>{escape(name)} minus {escape(first)}: {escape(interval_words(value, '+'))} on {count} cases that both "
        f"scored. {verdict(value)}</p>"
        for name, value, count in data.differences
    )
    return f"<section><h2>Difference of the mean absolute error</h2>{lines}</section>"


def verdict(value: Interval) -> str:
    """Whether a difference of errors is one."""
    if math.isnan(value.low):
        return "Too few subjects to tell."
    if value.low <= 0 <= value.high:
        return "The interval holds 0: no clear difference."
    return "The error is smaller." if value.high < 0 else "The error is larger."


def _plots(name: str, data: AssessmentData) -> str:
    use = np.isfinite(data.scores[name].dice)
    if not use.any():
        return f"<section><h2>{escape(name)}</h2><p>No case could be scored.</p></section>"
    truth, predicted = data.truth[use], data.scores[name].dice[use]
    return (
        f'<section><h2>{escape(name)}</h2><div class="plots"><div>{scatter_svg(truth, predicted)}'
        f"<p>One point a case. Below the dashed line the mask is worse than predicted.</p></div>"
        f"<div>{reliability_svg(truth, predicted)}<p>Mean true Dice in each tenth of predicted Dice, with the number "
        f"of cases. On the dashed line predictions are right on average.</p></div></div></section>"
    )
