"""The selection pool: several segmenters' masks for the same prompt, with what the segmenter says about its own."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.protocols import Progress, Segmenter, no_progress

from ..candidates.generators import SceneWindow, classical_masks, stored_predictions
from ..candidates.store import CandidateStore, CandidateWriter
from ..metrics.selection import SelectionResult, selection
from .baselines.signals import SIGNALS, jitter_agreement, mean_agreement, pairwise_dice
from .cases import CaseSet
from .comparison.model import Rival
from .predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

PART = "pool"
OWN_CHOICE = "segmenter's own choice"
"""The mask head with the highest predicted IoU: what the segmenter returns when nobody selects."""


@dataclass(frozen=True)
class PoolOptions:
    """`objects`: most prompts of a data set; `jitters`: boxes for the jitter agreement."""

    objects: int = 16
    jitters: int = 8
    seed: int = 4


def build_pool(
    cases: CaseSet,
    segmenter: Segmenter,
    rivals: Sequence[Rival],
    folder: Path,
    options: PoolOptions | None = None,
    progress: Progress = no_progress,
) -> CaseSet:
    """Masks of every candidate for some objects of a list, prompted with the list's jittered box.

    Candidates: each head of the segmenter, the rivals' last checkpoints, GrabCut, and a stored prediction if there is
    one. Written to `folder` as a candidate store. The table's extra columns are `SIGNALS`.
    """
    options = options or PoolOptions()
    prompts = cases.table.drop_duplicates("object")
    prompts = prompts[prompts.groupby("set").cumcount() < options.objects]
    stored: dict[int, list[int]] = {}
    for row, prediction in stored_predictions(cases.store):
        if not cases.store.manifest.people.iat[prediction]:
            stored.setdefault(int(row["row"]), []).append(prediction)
    writer = CandidateWriter(folder, PART)
    lines: list[dict[str, Any]] = []
    for done, (i, line) in enumerate(prompts.iterrows()):
        rng = np.random.default_rng([options.seed, done])
        named, signals = _candidates(cases, int(i), segmenter, rivals, stored, options, rng)  # type: ignore[call-overload]
        truth, box = cases.truth(int(i)), cases.box(int(i))  # type: ignore[call-overload]
        store_row = cases.store.manifest.iloc[int(cases.masks.table.row.iat[int(line["at"])])].to_dict()
        agreed = pairwise_dice([mask for _, mask in named])
        for k, (name, mask) in enumerate(named):
            writer.add(store_row, truth, mask, "pool", name, box)
            shared = {n: line[n] for n in ("set", "source", "subject", "image", "object", "area", "label")}
            said = {**dict.fromkeys(SIGNALS, float("nan")), **signals.get(name, {}), "pairwise dice": float(agreed[k])}
            made = {"at": len(lines), "maker": "pool", "family": name, "dice": writer.rows[-1]["dice"]}
            lines.append({**shared, **made, **said})
        progress((done + 1) / len(prompts), str(line["set"]))
    writer.close()
    import pandas as pd

    return CaseSet(cases.store, CandidateStore(folder, cases.store, [PART]), pd.DataFrame(lines))


def kept_pool(
    cases: CaseSet,
    segmenter: Segmenter,
    rivals: Sequence[Rival],
    cache: Path,
    options: PoolOptions,
    progress: Progress = no_progress,
) -> CaseSet:
    """`build_pool`, kept in `cache` under a name made from the prompts, the options and what the segmenter answers to
    the first prompt: other weights give another pool."""
    import pandas as pd

    box = cases.box(0)
    logits = segmenter.segment(segmenter.embed(cases.image(0)), box).logits
    told = (
        f"{options}|{'|'.join(cases.table.object)}|{[rival.name for rival in rivals]}|{np.round(logits, 2).tobytes()!r}"
    )
    folder = cache / f"pool-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        # made aside: a run cut short leaves nothing, and two runs may share the cache
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            made = Path(aside) / "pool"
            build_pool(cases, segmenter, rivals, made, options, progress).table.to_csv(made / "table.csv", index=False)
            with suppress(OSError):  # another run was first
                made.replace(folder)
    return CaseSet(cases.store, CandidateStore(folder, cases.store, [PART]), pd.read_csv(folder / "table.csv"))


def _candidates(
    cases: CaseSet,
    i: int,
    segmenter: Segmenter,
    rivals: Sequence[Rival],
    stored: dict[int, list[int]],
    options: PoolOptions,
    rng: np.random.Generator,
) -> tuple[list[tuple[str, np.ndarray]], dict[str, dict[str, float]]]:
    image, box = cases.image(i), cases.box(i)
    assert box is not None
    embedding = segmenter.embed(image)
    answer = segmenter.segment(embedding, box)
    agreement = jitter_agreement(segmenter, embedding, box, answer.masks, rng, options.jitters)
    named: list[tuple[str, np.ndarray]] = []
    signals: dict[str, dict[str, float]] = {}
    for k, mask in enumerate(answer.masks):
        name = f"{segmenter.name} head {k}"
        named.append((name, mask))
        others = [m for j, m in enumerate(answer.masks) if j != k]
        signals[name] = {
            "predicted iou": float(answer.predicted_iou[k]),
            "stability": float(answer.stability[k]),
            "head agreement": mean_agreement(mask, others),
            "jitter agreement": float(agreement[k]),
        }
    last = {rival.config.name: rival for rival in rivals}
    named += [(rival.config.name, rival.segment(image, [box])[0]) for rival in last.values()]
    row = int(cases.masks.table.row.iat[int(cases.table["at"].iat[i])])
    window = SceneWindow(cases.store, row, 2.5)
    named += [(family, mask) for mask, family in classical_masks(window, box, rng) if family == "grabcut"]
    if row in stored:
        named.append(("stored prediction", cases.store.prediction(stored[row][0])))
    return named, signals


@dataclass(frozen=True)
class PoolMatrix:
    """The pool as prompts x candidates: index [P, K] into the table (-1: no such candidate), truth [P, K] (NaN)."""

    names: list[str]
    index: np.ndarray
    truth: np.ndarray
    images: np.ndarray
    sets: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> PoolMatrix:
        names = sorted(table.family.unique())
        objects = table.object.unique()
        row = {name: i for i, name in enumerate(objects)}
        column = {name: k for k, name in enumerate(names)}
        index = np.full((len(objects), len(names)), -1)
        for i, (name, family) in enumerate(zip(table.object, table.family, strict=True)):
            index[row[name], column[family]] = i
        truth = np.where(index >= 0, table.dice.to_numpy(float)[index], np.nan)
        first = table.drop_duplicates("object")
        return cls(names, index, truth, first.image.to_numpy(), first.set.to_numpy())

    def spread(self, values: np.ndarray) -> np.ndarray:
        """[P, K] from a value per line of the table; NaN where there is no candidate."""
        return np.where(self.index >= 0, np.asarray(values, float)[self.index], np.nan)

    def own_choice(self, predicted_iou: np.ndarray) -> np.ndarray:
        """[P]: true Dice of the head that the segmenter prefers."""
        scores = np.where(np.isfinite(self.spread(predicted_iou)), self.spread(predicted_iou), -np.inf)
        return self.truth[np.arange(len(self.truth)), scores.argmax(1)]

    def singles(self, predicted_iou: np.ndarray) -> dict[str, np.ndarray]:
        """[P] true Dice of everything that answers every prompt."""
        everywhere = {n: self.truth[:, k] for k, n in enumerate(self.names) if np.isfinite(self.truth[:, k]).all()}
        return {OWN_CHOICE: self.own_choice(predicted_iou), **everywhere}

    def macro_of(self, values: np.ndarray) -> float:
        """Mean over sets of the mean over prompts."""
        return float(np.mean([values[self.sets == s].mean() for s in np.unique(self.sets)]))


def best_single(table: pd.DataFrame) -> str:
    """The segmenter with the best macro Dice; to be found on training sources."""
    matrix = PoolMatrix.of(table)
    singles = matrix.singles(table["predicted iou"].to_numpy())
    return max(singles, key=lambda name: matrix.macro_of(singles[name]))


def selection_results(
    table: pd.DataFrame, methods: Mapping[str, Predictions], single: str
) -> tuple[dict[str, SelectionResult], dict[str, float]]:
    """What each method's choice among all candidates is worth, and the macro Dice of each single segmenter."""
    matrix = PoolMatrix.of(table)
    singles = matrix.singles(table["predicted iou"].to_numpy())
    alone = singles[single]
    scores = {name: matrix.spread(p.dice) for name, p in methods.items()}
    found = {name: selection(matrix.truth, s, alone, matrix.images, matrix.sets) for name, s in scores.items()}
    return found, {name: matrix.macro_of(values) for name, values in singles.items()}
