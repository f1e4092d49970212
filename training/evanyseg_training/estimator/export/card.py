"""The model card of an exported estimator: what it was trained on, what was measured, what it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evanyseg.quality.modes import NO_PROMPT

from ...data.set_notes import SetNote


def estimator_card(
    description: Mapping[str, Any], table: pd.DataFrame, notes: Mapping[str, SetNote], history: str
) -> str:
    """Markdown. table: the candidate table the run was trained on; history: how it was trained, in a sentence."""
    train = table[(table.split == "train") & (table.use == "train")]
    lines = [
        "# Built-in quality estimator",
        "",
        "Predicts the Dice of a segmentation mask, where it is wrong, and how sure that is, without ground truth. "
        "A window around the box (or around the mask itself) goes through a small network of convolutions and "
        "attention; see `nets/builtin_estimator.py` and `quality/context.py`. License of the weights: Apache-2.0.",
        "",
        "**Intended use:** finding the masks of a data set or volume that deserve a second look, comparing segmenters, "
        "choosing between candidates. Research software, not for clinical decisions.",
        "",
        "**Training.** " + history,
        "",
        "## Measured at export",
        "",
        "Splits are by subject; `val` chose the checkpoint, `val` and `calib` the recalibration, `calib` gave the "
        "intervals (their coverage on it is therefore by construction). Half of the masks by methods, half "
        "corrupted on purpose, all Dice values. Metrics on data sets never seen are in `training/RESULTS.md`.",
        "",
        "| mode | split | masks | macro Pearson r | macro MAE | coverage of the 90 % interval | mean width |",
        "|---|---|---|---|---|---|---|",
    ]
    for mode, title in (("box", "with box"), (NO_PROMPT, "without box")):
        f = description["metrics"][mode]
        lines.append(f"| {title} | val | {f['val_masks']} | {f['val_r']:.3f} | | {f['val_coverage']:.3f} | |")
        lines.append(
            f"| {title} | calib | {f['calib_masks']} | {f['calib_r']:.3f} | {f['calib_mae']:.3f} | "
            f"{f['calib_coverage']:.3f} | {f['calib_width']:.3f} |"
        )
    lines += ["", "## Data sets behind the weights", ""]
    lines += ["| set | subjects | objects | masks | license | citation |", "|---|---|---|---|---|---|"]
    for name, group in train.groupby("set"):
        note = notes.get(str(name), SetNote("", ""))
        subjects = group[["source", "subject"]].drop_duplicates().shape[0]
        lines.append(
            f"| {name} | {subjects} | {group.row.nunique()} | {len(group)} | {note.license} | {note.citation} |"
        )
    sources = ", ".join(f"{n} {m}" for m, n in train.mask_source.value_counts().items())
    lines += [
        "",
        f"Masks by source: {sources}. The licenses were collected with care, not by a lawyer.",
        "",
        "## Not seen in training",
        "",
        "Three-dimensional context; contours by hand except on lung nodules; masks of whole scans (objects much larger "
        "than their box); most organs outside the sets above. Inputs far from the training data are marked 'unlike the "
        "training data'; absence of the mark proves nothing.",
    ]
    return "\n".join(lines)
