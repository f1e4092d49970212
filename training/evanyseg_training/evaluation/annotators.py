"""What is reported separately from the main tables: masks by human annotators, and predicted distances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.metrics.agreement import correlation

from .cases import CaseSet
from .predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd


def annotator_table(cases: CaseSet, predictions: Mapping[str, Mapping[str, Predictions]]) -> pd.DataFrame:
    """One row per mode, method and rater, and 'all': how well masks by human annotators are scored.

    `predictions`: mode -> method -> answers for `cases`, whose `mask_method` is the annotator's name.
    """
    import pandas as pd

    true, raters = cases.table.dice.to_numpy(float), cases.table.mask_method.to_numpy(str)
    rows = []
    for mode, methods in predictions.items():
        for method, found in methods.items():
            for rater in ("all", *np.unique(raters)):
                use = np.isfinite(found.dice) & ((raters == rater) | (rater == "all"))
                truth, answer = true[use], found.dice[use]
                rows.append(
                    {
                        "mode": mode, "method": method, "rater": rater, "masks": int(use.sum()),
                        "images": int(cases.table.image[use].nunique()), "mean dice": truth.mean(), "sd": truth.std(),
                        "mean answer": answer.mean(), "pearson": correlation(truth, answer),
                        "mae": np.abs(truth - answer).mean(),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def distance_table(cases: CaseSet, prediction: Predictions, mode: str) -> pd.DataFrame:
    """One row per data set: Spearman's correlation and the median error of the predicted HD95, in box diagonals (of the
    true object). Masks without a finite distance (one of the two is empty) are left out."""
    import pandas as pd

    assert prediction.hd95 is not None
    true = cases.masks.table.hd95.to_numpy(float)[cases.table["at"]]
    objects = [cases.store.box(int(row)) for row in cases.masks.table.row.to_numpy()[cases.table["at"]]]
    diagonal = np.array([np.hypot(box.width, box.height) for box in objects])
    true, answer = true / diagonal, prediction.hd95 / diagonal
    rows = []
    for name, of_set in cases.table.groupby("set"):
        at = of_set.index.to_numpy()
        at = at[np.isfinite(true[at]) & np.isfinite(answer[at])]
        if len(at) < 3:
            continue
        rows.append(
            {
                "set": name, "mode": mode, "masks": len(at), "spearman": correlation(true[at], answer[at], ranks=True),
                "median error": float(np.median(np.abs(true[at] - answer[at]))),
                "median truth": float(np.median(true[at])),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
