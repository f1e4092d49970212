"""Curves of one object after another, kept in a file each, so that a long run can be stopped and goes on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.io.write import write_text
from evanyseg.pipeline.information_gain import information_gain, nested_monte_carlo
from evanyseg.pipeline.next_click import GRID, NextClick, beliefs_at, next_click
from evanyseg.protocols import Segmenter
from evanyseg.segmenters.clicking import alternatives, check_clicks

from ...errors import RunError
from ..adaptation.objects import drawn_box
from .objects import Example
from .session import FROM_POINT, STARTS, Session, begin
from .strategies import DRAWS, ORACLE, STRATEGIES, dice_between

if TYPE_CHECKING:
    import pandas as pd

MONTE_CARLO = ((256, 16), (1024, 64))
"""Outer and inner draws whose bias is shown."""
SETTINGS = "settings.json"


@dataclass(frozen=True)
class CurveOptions:
    """clicks after the start; `oracle`: objects of each set for which every point of the grid is tried (may be raised
    later, the rest may not change)."""

    clicks: int = 5
    oracle: int = 8
    starts: tuple[str, ...] = STARTS
    seed: int = 0


Row = dict[str, object]


def measured_object(
    segmenter: Segmenter, example: Example, options: CurveOptions, strategies: Sequence[str]
) -> list[Row]:
    """One row per start, strategy, draw and click."""
    known = example.known
    seed = (options.seed, example.number, zlib.crc32(known.set.encode()))
    box = drawn_box(known.truth, np.random.default_rng(seed))
    embedding = segmenter.embed(known.image)
    rows: list[Row] = []
    for start in options.starts:
        first = begin(segmenter, embedding, known.truth, start, box)
        shared = {"set": known.set, "source": known.source, "subject": known.subject, "object": example.number,
                  "start": start, "share": float(known.truth.mean())}  # fmt: skip
        extra = _monte_carlo(first, np.random.default_rng(seed))
        for name in strategies:
            for draw in range(DRAWS.get(name, 1)):
                rng = np.random.default_rng((*seed, draw))
                told: Row = {"on_error": None, "expected": None}
                session, every = first, _best(first)
                for click in range(options.clicks + 1):
                    if click:
                        x, y = STRATEGIES[name](session, rng)
                        told = {"on_error": session.wrong(x, y), "expected": float(every.gains[int(y), int(x)])}
                        session = session.after(session.point(x, y))
                        every = _best(session)
                    rows.append(
                        {**shared, "strategy": name, "draw": draw, "click": click, **told, **_state(session, every),
                         **(extra if click == 0 else {})}
                    )  # fmt: skip
    return rows


def _best(session: Session) -> NextClick:
    return next_click(session.segmenter, session.answer, session.points)


def _state(session: Session, every: NextClick) -> Row:
    """eig and eig_pixels: the largest on the paper's grid and of all pixels; alike: the alternatives' mean Dice."""
    grid = next_click(session.segmenter, session.answer, session.points, GRID)
    logits, iou = alternatives(session.segmenter, session.answer)
    last = session.points[-1] if session.points else None
    return {
        "dice": session.dice, "eig": float(grid.gains.max()), "eig_pixels": float(every.gains.max()),
        "alike": dice_between(logits > 0), "predicted_iou": float(np.nanmax(iou)),
        "x": last.x if last else None, "y": last.y if last else None, "positive": last.positive if last else None,
    }  # fmt: skip


def _monte_carlo(session: Session, rng: np.random.Generator) -> Row:
    """The paper's estimate on its grid beside the exact form: the mean difference, and how much of the maximum its own
    choice has."""
    logits, _ = alternatives(session.segmenter, session.answer)
    _, _, beliefs = beliefs_at(logits, GRID)
    exact = information_gain(beliefs)
    out: Row = {}
    for outer, inner in MONTE_CARLO:
        found = nested_monte_carlo(beliefs, outer, inner, rng)
        name = f"{outer}x{inner}"
        at = np.unravel_index(int(np.argmax(found)), found.shape)
        out[f"bias_{name}"] = float((found - exact).mean())
        out[f"bias_at_maximum_{name}"] = float(found.max() - exact.max())
        out[f"regret_{name}"] = float(exact.max() - exact[at])
    return out


def run_curves(
    segmenter: Segmenter,
    examples: Sequence[Example],
    folder: Path,
    options: CurveOptions,
    tell: Callable[[str], None] = print,
) -> pd.DataFrame:
    """All objects, the oracle's last; those with a file in `folder` are taken from it. Raises RunError where the folder
    holds objects that were measured with other options, UnsupportedPromptError for segmenters without trained clicks.
    """
    import pandas as pd

    check_clicks(segmenter)
    settings = {name: value for name, value in asdict(options).items() if name != "oracle"}
    _same_settings(folder, {"segmenter": segmenter.name, **settings})
    quick = [name for name in STRATEGIES if name != ORACLE]
    passes = [("", quick, examples), ("_oracle", [ORACLE], [e for e in examples if e.number < options.oracle])]
    rows: list[Row] = []
    for ending, strategies, chosen in passes:
        for example in chosen:
            path = folder / f"{example.known.set}_{example.number:04d}{ending}.json"
            if not path.is_file():
                write_text(path, json.dumps(measured_object(segmenter, example, options, strategies)))
                tell(f"{example.known.set} {example.number}{ending}")
            rows += json.loads(path.read_text(encoding="utf-8"))
    if not rows:
        raise RunError("There are no objects to click on: none is whole, in one piece and 16 pixels wide.")
    return pd.DataFrame(rows)


def _same_settings(folder: Path, settings: dict[str, object]) -> None:
    path, now = folder / SETTINGS, json.loads(json.dumps(settings))
    if not path.is_file():
        write_text(path, json.dumps(now))
    elif json.loads(path.read_text(encoding="utf-8")) != now:
        raise RunError(f"{folder} holds curves that were measured with other options; give another folder.")


def starts_of(text: str) -> Sequence[str]:
    """'point,box' or one of them. Raises RunError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or set(names) - set(STARTS):
        raise RunError(f"'{text}' is no start; choose of {', '.join(STARTS)} (the paper's is {FROM_POINT}).")
    return names
