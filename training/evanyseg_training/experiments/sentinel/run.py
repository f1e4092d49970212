"""The ablation: every arm trained for the same steps on the same crops, measured on people that none of them saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.protocols import QualityEstimator
from evanyseg.quality.conditioned.class_table import ClassTable
from evanyseg.results import QualityCase

from ...candidates.mask_sources import OTHER_OBJECT
from ...candidates.store import CandidateStore
from ...errors import CandidateError
from ...estimator.conditioned.samples import UNSEEN, Crops, SampleOptions, crops_of
from ...estimator.conditioned.train import ARMS, Arm, TrainOptions, export, predict, train_arm
from ...files import write_table

if TYPE_CHECKING:
    import pandas as pd

GOOD = 0.8
"""True Dice above which a mask should not be taken for one of another object."""


@dataclass(frozen=True)
class Ablation:
    """test: the crops of unseen people; predictions [arms, N] under their own class; wrong [arms, N]: those of good
    masks under the name of a class that is not on the image (NaN for others)."""

    arms: Sequence[Arm]
    test: pd.DataFrame
    predictions: np.ndarray
    wrong: np.ndarray


def run_ablation(
    masks: CandidateStore,
    names: ClassTable,
    folder: Path,
    samples: SampleOptions,
    training: TrainOptions,
    tell: Callable[[str], None],
    arms: Sequence[Arm] = ARMS,
) -> Ablation:
    """All arms; what is finished stays in `folder` and is not made again. Arms that are told the text of the class are
    also written as files for `--estimator`. Raises CandidateError."""
    crops = crops_of(masks, names, samples, folder / "crops")
    unseen = crops.table.split.isin(UNSEEN).to_numpy()
    train, test = crops.where(~unseen), crops.where(unseen)
    classes = sorted(train.table.label.unique())
    if len(classes) < 2:
        raise CandidateError(
            f"All {len(train.table)} masks to train on are of one class, {classes[0]}: telling it says nothing, and "
            "what it adds cannot be measured. Give candidates of two classes or more."
        )
    tell(f"{len(train.table)} masks to train on, {len(test.table)} of unseen people")
    found, wrong = [], []
    for arm in arms:
        net, conditions = train_arm(arm, train, names, folder, training, tell)
        if arm.file:
            export(folder / arm.file, net, names, crops.pixels.shape[2])
        found.append(predict(net, conditions, test, list(test.table.label)))
        wrong.append(np.full(len(test.table), np.nan))
        shown = swappable(test)
        wrong[-1][shown] = predict(net, conditions, test.where(shown), list(test.table.wrong[shown]))
    write_table(
        folder / "predictions.parquet", test.table.assign(**{a.name: p for a, p in zip(arms, found, strict=True)})
    )
    return Ablation(arms, test.table, np.stack(found), np.stack(wrong))


def swappable(crops: Crops) -> np.ndarray:
    """Good masks [N] that some class is not on the image of."""
    table = crops.table
    keep: np.ndarray = ((table.dice > GOOD) & (table.wrong != "")).to_numpy()
    return keep


def scored_by(
    estimator: QualityEstimator, masks: CandidateStore, most: int, seed: int, tell: Callable[[str], None]
) -> pd.DataFrame:
    """An estimator without classes on `most` masks of other objects and as many good ones of unseen people, each with
    the box it was prompted with: set, source, subject, dice, kind ('other object' or 'good'), box, no_prompt."""
    import pandas as pd

    table = masks.table[masks.table.split.isin(UNSEEN) & masks.table.qx0.notna()]
    kinds = {OTHER_OBJECT: table[table.mask_source == OTHER_OBJECT], "good": table[
        (table.mask_source != OTHER_OBJECT) & (table.dice > GOOD)]}  # fmt: skip
    parts = []
    for kind, mine in kinds.items():
        order = np.random.default_rng(seed).permutation(len(mine))[:most]
        parts.append(mine.iloc[order].assign(kind=kind))
    chosen = pd.concat(parts)
    found = {}
    for name, with_box in (("box", True), ("no_prompt", False)):
        cases = (
            QualityCase(masks.store.image(image), masks.mask(at), masks.prompt(at) if with_box else None)
            for at, image in zip(chosen.index, chosen.image_id, strict=True)
        )
        found[name] = [e.dice for e in estimator.estimate_cases(cases)]
        tell(f"{len(chosen)} masks scored, {name}")
    return chosen[["set", "source", "subject", "dice", "kind"]].reset_index(drop=True).assign(**found)
