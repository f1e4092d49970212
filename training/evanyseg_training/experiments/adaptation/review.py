"""What a reviewer feels: how many slices are opened until the poor ones are found, and what is left among the good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.adaptation.candidates import Candidate
from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.quality.builtin import BuiltinEstimator

from ...reporting.run_report import markdown_table
from .measuring import PREDICTED, MeasuredSet
from .tables import interval
from .trials import Answer, adapted, candidates, learned_from, like_waiting

if TYPE_CHECKING:
    import pandas as pd

POOR, GOOD, TRULY_POOR = 0.8, 0.9, 0.7
FOUND = 0.9
EVERY = 4
"""Slices opened between two learnings."""
LEAST_POOR, LEAST_SLICES = 3, 12
"""Sets with fewer have nothing to be found, or are looked through at once."""
ACCEPTED_WEIGHT = 0.3
"""As the scene layer gives it to an accepted slice."""
UNWEIGHTED = "within the band, no weights"
EVIDENCE = ("left out", "middle of the band", "within the band", UNWEIGHTED, "its Dice known")
"""What an accepted slice tells; unless it says so, references count by how much they are like what waits."""
ORDERS = ("as they lie", "built-in", "learning on the way", "perfect")


@dataclass(frozen=True)
class Review:
    """opened: slices until FOUND of the poor ones are found; slices, poor: how many there are; missed: share of truly
    poor ones among those called good after half of the slices were opened (nan: none is called good)."""

    order: str
    opened: int
    slices: int
    poor: int
    missed: float


def natural_rows(data: MeasuredSet) -> np.ndarray:
    """One mask for each image: a stored network's, else the built-in segmenter's."""
    stored = data.kind == PREDICTED
    return np.flatnonzero(stored if stored.any() else data.chosen)


def reviewed(data: MeasuredSet, base: BuiltinEstimator, options: AdaptationOptions) -> list[Review]:
    """One for each of ORDERS; none for a set that has too little to find. Every slice that is opened is corrected where
    its Dice is below GOOD, else accepted."""
    rows = natural_rows(data)
    truth = data.dice[rows]
    poor = int((truth < POOR).sum())
    if poor < LEAST_POOR or len(rows) < LEAST_SLICES:
        return []
    half = len(rows) // 2
    found = []
    for name in ORDERS:
        order, scores = _order(name, data, rows, half, base, options)
        needed = int(np.ceil(FOUND * poor))
        opened = int(np.flatnonzero(np.cumsum(truth[order] < POOR) >= needed)[0]) + 1
        left = order[half:]
        good = left[scores[left] >= GOOD]
        missed = float((truth[good] < TRULY_POOR).mean()) if len(good) else np.nan
        found.append(Review(name, opened, len(rows), poor, missed))
    return found


def _order(
    name: str, data: MeasuredSet, rows: np.ndarray, half: int, base: BuiltinEstimator, options: AdaptationOptions
) -> tuple[np.ndarray, np.ndarray]:
    """(indices into rows in the order of opening, scores [M] when `half` of them were opened)."""
    said = data.predicted[rows].astype(float)
    if name == "as they lie":
        return np.arange(len(rows)), said
    if name == "built-in":
        return np.argsort(said, kind="stable"), said
    if name == "perfect":
        return np.argsort(data.dice[rows], kind="stable"), data.dice[rows]
    order: list[int] = []
    scores = at_half = said
    for scores in _learning(data, rows, order, base, options):
        waiting = np.setdiff1d(np.arange(len(rows)), order)
        order += waiting[np.argsort(scores[waiting], kind="stable")][:EVERY].tolist()
        if len(order) <= half:
            at_half = scores
    return np.array(order), at_half


def _learning(
    data: MeasuredSet, rows: np.ndarray, order: Sequence[int], base: BuiltinEstimator, options: AdaptationOptions
) -> Iterator[np.ndarray]:
    """Scores of all rows, learned anew from what was opened since."""
    scores = data.predicted[rows].astype(float)
    while len(order) < len(rows):
        if order:
            scores = taught(data, rows, rows[list(order)], "within the band", base, options).dice
        yield scores


def taught(
    data: MeasuredSet, rows: np.ndarray, seen: np.ndarray, evidence: str, base: BuiltinEstimator,
    options: AdaptationOptions,
) -> Answer:  # fmt: skip
    """Answers about rows by what was learned from the masks `seen`: corrected ones with their truth, accepted ones as
    `evidence` says (one of EVIDENCE)."""
    own = np.zeros(len(data.dice), bool)
    own[seen] = True
    accepted = data.dice[seen] >= GOOD
    known = seen if evidence == "its Dice known" else seen[~accepted]
    made = candidates(data, own, data.object[known].tolist(), options)
    if evidence in ("middle of the band", "within the band", UNWEIGHTED):
        band = ((GOOD + 1) / 2,) * 2 if evidence == "middle of the band" else (GOOD, 1.0)
        for row in seen[accepted]:
            made.append(
                Candidate(data.measured(int(row)), band, float(data.predicted[row]), ACCEPTED_WEIGHT,
                          int(data.subject[row]), True, True, False)
            )  # fmt: skip
    if len({c.group for c in made}) < 2:
        return Answer(data.predicted[rows].astype(float), data.low[rows], data.high[rows])
    if evidence != UNWEIGHTED:
        made = like_waiting(made, data.predicted[np.setdiff1d(rows, seen)])
    return adapted(data, rows, learned_from(data, made, data.object[seen].tolist(), base, options))


def evidence_table(sets: Sequence[MeasuredSet], base: BuiltinEstimator, options: AdaptationOptions) -> pd.DataFrame:
    """One row per set and kind of evidence: half of the slices were opened, worst by the built-in score first, and the
    others are scored; 'as many, drawn': the same number of slices that nobody ordered."""
    import pandas as pd

    found = []
    for data in sets:
        rows = natural_rows(data)
        if len(rows) < LEAST_SLICES:
            continue
        worst = np.argsort(data.predicted[rows], kind="stable")
        drawn = np.random.default_rng(0).permutation(len(rows))
        half = len(rows) // 2
        for name, order, kind in (*((k, worst, k) for k in EVIDENCE), ("as many, drawn", drawn, "within the band")):
            left = rows[order[half:]]
            answer, truth = taught(data, left, rows[order[:half]], kind, base, options), data.dice[left]
            found.append(
                {"set": data.name, "evidence": name, "mae": float(np.abs(answer.dice - truth).mean()),
                 "bias": float((answer.dice - truth).mean()),
                 "coverage": float(((answer.low <= truth) & (truth <= answer.high)).mean()),
                 "before": float(np.abs(data.predicted[left] - truth).mean())}
            )  # fmt: skip
    return pd.DataFrame(found)


def evidence_text(table: pd.DataFrame) -> str:
    rows = []
    for name in dict.fromkeys(table.evidence):
        mine = table[table.evidence == name]
        rows.append(
            (name, len(mine), interval(mine.before.to_numpy()), interval(mine.mae.to_numpy()),
             interval(mine.bias.to_numpy(), signed=True), f"{mine.coverage.mean():.3f}")
        )  # fmt: skip
    head = ("accepted slices count as", "sets", "built-in MAE on the rest", "MAE on the rest", "bias", "coverage")
    return markdown_table(head, rows)


def review_table(sets: Sequence[MeasuredSet], base: BuiltinEstimator, options: AdaptationOptions) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([{"set": data.name, **vars(one)} for data in sets for one in reviewed(data, base, options)])


def review_text(table: pd.DataFrame) -> str:
    rows = []
    opened = table.pivot(index="set", columns="order", values="opened")
    for order in ORDERS:
        mine = table[table.order == order].set_index("set")
        ratio = (opened[order] / opened["built-in"]).to_numpy()
        rows.append(
            (order, len(mine), interval((mine.opened / mine.slices).to_numpy()), interval(ratio),
             interval(mine.missed.to_numpy()))
        )  # fmt: skip
    head = ("order", "sets", "share of the slices opened until 90 % of those below .8 are found", "of built-in's",
            "truly below .7 among those called good, half-way")  # fmt: skip
    each = [[name, *(str(int(opened.loc[name, o])) for o in ORDERS)] for name in opened.index]
    sizes = table.drop_duplicates("set").set_index("set")
    for line in each:
        line[1:1] = [str(sizes.slices[line[0]]), str(sizes.poor[line[0]])]
    return markdown_table(head, rows) + "\n" + markdown_table(["set", "slices", "below .8", *ORDERS], each)
