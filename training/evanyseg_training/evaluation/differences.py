"""Two versions of one model on the same masks and boxes: does a rounding, another backend or another device matter?

Both are measured against the truth (so that a loss shows as a loss) and against each other (so that a change shows even
where it cancels out in a mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.metrics.agreement import mae, pearson
from evanyseg.metrics.bootstrap import Metric
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, QualityEstimator, Segmenter, no_progress
from evanyseg.quality.modes import MODES

from .cases import CaseSet

if TYPE_CHECKING:
    import pandas as pd

STEP = 0.005
"""A score that moves by more than this has changed for a reader: it is counted."""


def estimator_answers(cases: CaseSet, estimator: QualityEstimator, progress: Progress = no_progress) -> pd.DataFrame:
    """One line for each case and mode: set, mode, truth, dice, low, high (NaN where unscored)."""
    import pandas as pd

    lines = []
    for number, mode in enumerate(MODES):
        for i, found in enumerate(estimator.estimate_cases(cases.quality_cases(mode))):
            line = {"set": cases.table.set.iat[i], "mode": mode, "truth": float(cases.table.dice.iat[i])}
            lines.append({**line, "dice": found.dice, "low": found.low, "high": found.high})
            progress((number + i / len(cases)) / len(MODES), f"{estimator.name} {mode}")
    return pd.DataFrame(lines)


def segmenter_answers(
    cases: CaseSet, segmenter: Segmenter, progress: Progress = no_progress
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """One line for each object's box (set, truth: the Dice of the best head's mask, dice: its predicted IoU), and the
    masks bool [H, W]."""
    import pandas as pd

    lines, masks = [], []
    once = cases.table.drop_duplicates("object")
    image: tuple[object, object] = (None, None)
    for done, i in enumerate(once.index):
        if image[0] != once.image.loc[i]:
            image = (once.image.loc[i], segmenter.embed(cases.image(i)))
        box = cases.box(i)
        assert isinstance(box, BoxPrompt)
        found = segmenter.segment(image[1], box)  # type: ignore[arg-type]
        mask = found.masks[found.best]
        masks.append(mask)
        iou = float(found.predicted_iou[found.best])
        lines.append({"set": once.set.loc[i], "mode": "box", "truth": dice(mask, cases.truth(i)), "dice": iou})
        progress(done / len(once), f"{segmenter.name} segments")
    return pd.DataFrame(lines), masks


def estimator_table(answers: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """For each mode: r and mean absolute error of both versions (over all masks, and the mean over the sets), how far
    their Dice lie apart (mean, largest, how many beyond STEP), and the difference of the intervals' ends."""
    import pandas as pd

    rows = []
    for mode in MODES:
        first, second = (a[a["mode"] == mode].reset_index(drop=True) for a in answers)
        kept = (first.dice.notna() & second.dice.notna()).to_numpy()
        if (first.dice.notna() != second.dice.notna()).any():
            raise ValueError("The two versions do not leave the same masks unscored.")
        first, second = first[kept], second[kept]
        far = np.abs(first.dice - second.dice)
        ends = np.abs(first[["low", "high"]].to_numpy() - second[["low", "high"]].to_numpy())
        rows.append(
            {
                "mode": mode, "masks": len(first), "sets": first.set.nunique(),
                "r A": _of(pearson, first), "r B": _of(pearson, second),
                "macro r A": _macro(pearson, first), "macro r B": _macro(pearson, second),
                "mae A": _of(mae, first), "mae B": _of(mae, second),
                "mean |A-B|": far.mean(), "max |A-B|": far.max(), f"|A-B| > {STEP}": int((far > STEP).sum()),
                "max interval |A-B|": ends.max(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def segmenter_table(answers: Sequence[tuple[pd.DataFrame, list[np.ndarray]]]) -> pd.DataFrame:
    """Mean Dice against the truth of both versions (over the prompts, and over the sets), and how their masks and
    predicted IoU differ."""
    import pandas as pd

    (first, masks), (second, others) = answers
    between = np.array([dice(a, b) for a, b in zip(masks, others, strict=True)])
    pixels = sum(int((a != b).sum()) for a, b in zip(masks, others, strict=True))
    row = {
        "prompts": len(first), "sets": first.set.nunique(),
        "Dice A": first.truth.mean(), "Dice B": second.truth.mean(),
        "macro Dice A": first.groupby("set").truth.mean().mean(),
        "macro Dice B": second.groupby("set").truth.mean().mean(),
        "Dice of A and B": between.mean(), "lowest": between.min(), "pixels that differ": pixels,
        "max |IoU A-B|": np.abs(first.dice - second.dice).max(),
    }  # fmt: skip
    return pd.DataFrame([row])


def columns(table: pd.DataFrame) -> str:
    """A table of few rows, turned: a line for each metric."""
    shown = lambda value: f"{value:.6f}" if isinstance(value, float) else str(value)
    return "\n".join(f"{name:22}" + "".join(f"{shown(v):>12}" for v in table[name].tolist()) for name in table)


def _of(metric: Metric, answers: pd.DataFrame) -> float:
    return float(metric(answers.truth.to_numpy(), answers.dice.to_numpy(), np.ones((1, len(answers))))[0])


def _macro(metric: Metric, answers: pd.DataFrame) -> float:
    return float(np.nanmean([_of(metric, group) for _, group in answers.groupby("set") if len(group) > 2]))
