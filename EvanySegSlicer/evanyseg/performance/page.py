"""Model-level estimates as one HTML document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template

from ..report.file_remarks import Remark, remarks_html
from ..report.frame import framed
from .correction import Corrected
from .estimate import ModelEstimates
from .mapping import Estimated
from .measures import WORDS
from .plots import line_svg

STYLE = """.plots { display: flex; flex-wrap: wrap; gap: 20px 28px; }
.plots > div { flex: 0 1 320px; min-width: 240px; }
.plots svg { display: block; width: 100%; height: auto; }
.plots h3 { margin: 0 0 4px; font-size: 14px; font-weight: 600; }
.plain th { padding: 7px 10px; }
.plain td:last-child { color: inherit; }
.big span { color: var(--soft); max-width: 70ch; }
.doubt { margin: 12px 0 0; padding: 8px 12px; border-left: 4px solid var(--poor); background: var(--ground); }
"""
CLOSING = """  <p>An estimate says what the metric would be if somebody labelled these images, as far as the
  checkpoints of one training and the labelled images tell. It is of the whole set, not of a single image. Images
  unlike the labelled ones (another scanner, another disease) can break the line without showing it: label a few of
  them and compare.</p>"""
DICE_COLUMNS = ("Checkpoint", "Estimated", "95 % interval", "Labelled", "Predicted Dice", "Reverse step", "Left out")
METRIC_COLUMNS = ("Metric", "Estimated", "95 % interval", "Measured on labelled", "Reverse step",
                  "Error of checkpoints left out", "r over checkpoints")  # fmt: skip


ESTIMATED = (
    "Estimated: by the reverse step, as nothing was scored.",
    "Estimated: measured on the labelled images, corrected by how much easier or harder the quality estimator finds "
    "the unlabelled ones.",
)
"""Without scores, with them."""


@dataclass(frozen=True)
class PerformancePage:
    """subject: what the unlabelled table is called; chosen: the checkpoint that the headline and the metrics' table are
    about; remarks: about how files were read."""

    subject: str
    found: ModelEstimates
    chosen: int
    facts: Mapping[str, str]
    remarks: Sequence[Remark]
    created: datetime


def performance_html(page: PerformancePage) -> str:
    """The document; every text is escaped, nothing is fetched from elsewhere."""
    found, k = page.found, page.chosen
    dice, best = found.of["dice"], found.best("dice")
    body = Template((files(__package__) / "page.html").read_text(encoding="utf-8")).substitute(
        headline=f"{best.value[k]:.2f}",
        headline_note=escape(
            f"estimated mean Dice of {found.checkpoints[k]} on the unlabelled images, 95 % interval "
            f"{best.low[k]:.2f} to {best.high[k]:.2f}; measured on the labelled ones {best.real[k]:.2f}"
        ),
        doubts="".join(f'<p class="doubt">{escape(doubt)}</p>' for doubt in found.doubts),
        note=escape(
            f"{ESTIMATED[found.by_images is not None]} Labelled: measured on the labelled images. Predicted Dice: "
            "the mean of the quality estimator over the unlabelled ones. Reverse step: from the line over checkpoints. "
            "Left out: a checkpoint's Dice on the labelled images by the line through the other ones; mean error "
            f"{dice.held_out_error:.3f}."
        ),
        checkpoint=escape(found.checkpoints[k]),
        dice_columns=_cells(DICE_COLUMNS, "th"),
        dice_rows="\n".join(_row(cells) for cells in dice_rows(found)),
        metric_columns=_cells(METRIC_COLUMNS, "th"),
        metric_rows="\n".join(_row(cells) for cells in metric_rows(found, k)),
        remarks=remarks_html(page.remarks, "performance.json"),
        plots="\n".join(
            f"<div><h3>{escape(WORDS[name])}</h3>{line_svg(WORDS[name], one)}</div>" for name, one in found.of.items()
        ),
    )
    heading = "Estimated performance without labels"
    return framed(heading, page.subject, page.created, body, page.facts, CLOSING, own_style=STYLE)


def dice_rows(found: ModelEstimates) -> list[list[str]]:
    """Cells of `DICE_COLUMNS`, a row a checkpoint."""
    dice, best = found.of["dice"], found.best("dice")
    return [
        [
            name,
            _number(best.value[k]),
            _span(best, k),
            _number(best.real[k]),
            _number(found.mean_scores[k]),
            _number(dice.value[k]),
            _number(dice.held_out[k]),
        ]
        for k, name in enumerate(found.checkpoints)
    ]


def metric_rows(found: ModelEstimates, checkpoint: int) -> list[list[str]]:
    """Cells of `METRIC_COLUMNS` for one checkpoint."""
    return [
        [
            WORDS[name],
            _number(found.best(name).value[checkpoint]),
            _span(found.best(name), checkpoint),
            _number(one.real[checkpoint]),
            _number(one.value[checkpoint]),
            _number(one.held_out_error),
            _number(one.r),
        ]
        for name, one in found.of.items()
    ]


def _span(one: Corrected | Estimated, k: int) -> str:
    return f"{_number(one.low[k])} to {_number(one.high[k])}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _row(cells: Sequence[str]) -> str:
    return f"<tr>{_cells(cells, 'td')}</tr>"


def _cells(cells: Sequence[str], tag: str) -> str:
    kind = lambda number: ' class="n"' if number else ""
    return "".join(f"<{tag}{kind(number)}>{escape(cell)}</{tag}>" for number, cell in enumerate(cells))
