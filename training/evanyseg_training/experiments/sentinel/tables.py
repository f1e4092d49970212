"""What the ablation says, with 95 % intervals: people are resampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.metrics.agreement import pearson, spearman
from evanyseg.metrics.at_k import average_precision_at_k, mean_over_classes
from evanyseg.metrics.bootstrap import group_counts, interval

from ...candidates.mask_sources import OTHER_OBJECT
from .run import GOOD, Ablation

if TYPE_CHECKING:
    import pandas as pd

LOW = 0.4
RESAMPLES = 300


def people(table: pd.DataFrame) -> np.ndarray:
    return (table.source + "|" + table.subject).to_numpy(str)


def metrics_of(table: pd.DataFrame, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """LCC, SROCC, MAP@5 and MAP@10 of masks with a class [N]: all first, then RESAMPLES resamples of people."""
    truth = table.dice.to_numpy(float)
    _, classes = np.unique(table.label.to_numpy(str), return_inverse=True)
    counts = np.concatenate([np.ones((1, len(truth))), group_counts(people(table), RESAMPLES)])
    found = {"LCC": pearson(truth, predicted, counts), "SROCC": spearman(truth, predicted, counts)}
    drawn = [np.repeat(np.arange(len(truth)), row.astype(int)) for row in counts]
    for k in (5, 10):
        found[f"MAP@{k}"] = np.array(
            [mean_over_classes(average_precision_at_k, truth[d], predicted[d], classes[d], k) for d in drawn]
        )
    return found


def ablation_table(found: Ablation) -> pd.DataFrame:
    """A row an arm: the four metrics, and the difference of LCC and MAP@10 to the first arm, on real masks."""
    import pandas as pd

    real = (found.test.mask_source != OTHER_OBJECT).to_numpy()
    table, rows, first = found.test[real], [], None
    for arm, predicted in zip(found.arms, found.predictions, strict=True):
        values = metrics_of(table, predicted[real])
        first = first or values
        row = {"arm": arm.name} | {name: interval(v).text() for name, v in values.items()}
        for name in ("LCC", "MAP@10"):
            row[f"{name} minus MSE"] = interval(values[name] - first[name]).text() if values is not first else "-"
        rows.append(row)
    return pd.DataFrame(rows)


def share_below(table: pd.DataFrame, predicted: np.ndarray) -> str:
    """Share of predictions [N] below LOW, in percent with its interval; a dash without any."""
    if not len(table):
        return "-"
    low = (predicted < LOW).astype(float)
    counts = np.concatenate([np.ones((1, len(low))), group_counts(people(table), RESAMPLES)])
    found = interval(100 * (counts @ low) / np.maximum(counts.sum(1), 1))
    return f"{found.value:.1f} [{found.low:.1f}, {found.high:.1f}]"


def wrong_table(found: Ablation, scored: pd.DataFrame | None) -> pd.DataFrame:
    """A row an estimator: percent below LOW of other objects' outlines, of good masks under another class's name, and
    of good masks."""
    import pandas as pd

    rows = []
    kinds = found.test.mask_source == OTHER_OBJECT
    good = (~kinds & (found.test.dice > GOOD)).to_numpy()
    other, titles = kinds.to_numpy(), ("other object's outline", "good mask, another class's name", "good mask")
    for arm, predicted, wrong in zip(found.arms, found.predictions, found.wrong, strict=True):
        swapped = np.isfinite(wrong) & ~other
        cells = [share_below(found.test[keep], values[keep])
                 for keep, values in ((other, predicted), (swapped, wrong), (good, predicted))]  # fmt: skip
        rows.append({"estimator": arm.name} | dict(zip(titles, cells, strict=True)))
    for name, column in (("built-in, with the prompt box", "box"), ("built-in, without a box", "no_prompt")):
        if scored is not None:
            of = {kind: scored[scored.kind == kind] for kind in (OTHER_OBJECT, "good")}
            cells = [share_below(of[OTHER_OBJECT], of[OTHER_OBJECT][column].to_numpy()), "-",
                     share_below(of["good"], of["good"][column].to_numpy())]  # fmt: skip
            rows.append({"estimator": name} | dict(zip(titles, cells, strict=True)))
    return pd.DataFrame(rows)
