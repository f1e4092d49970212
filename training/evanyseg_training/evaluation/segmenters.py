"""How good the segmenter's masks are beside what needs no training, per data set and by size of the box.

Prompts are the paper's: one jittered box for each connected component with both sides of at least 16 px; the size
table also has the smaller ones. Dice is on the full image at the store's resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evanyseg.geometry.box_jitter import jittered
from evanyseg.io.write import write_text
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, Segmenter, no_progress

from ..data.store import Store
from ..files import write_table
from ..reporting.run_report import markdown_table
from .baselines.masks import CLASSICAL

SIZES = {"< 32 px": (0, 32), "32-96 px": (32, 96), "> 96 px": (96, 10**6)}
"""Bins of the longest side of the true box."""
OURS = ("segmenter", "segmenter, oracle of heads")


@dataclass(frozen=True)
class EvalOptions:
    """`splits` to measure; `most` objects of a set, drawn over as many images as possible; `jitter` of each box side
    (5-10 % with the default)."""

    splits: tuple[str, ...] = ("test", "heldout")
    most: int = 100
    jitter: float = 0.10
    seed: int = 11


def chosen_rows(store: Store, options: EvalOptions) -> pd.DataFrame:
    """The components to prompt for: seeded, at most `most` of a set, images taken in turn."""
    table = store.manifest
    table = table[(table.kind == "object") & table.component & table.split.isin(options.splits)]
    rng = np.random.default_rng(options.seed)
    table = table.iloc[rng.permutation(len(table))]
    turn = table.groupby(["set", "image_id"]).cumcount()
    table = table.assign(turn=turn).sort_values("turn", kind="stable")
    return table.groupby("set").head(options.most).sort_values(["set", "image_id"])


def evaluate_segmenter(
    store: Store,
    segmenter: Segmenter,
    options: EvalOptions | None = None,
    classical: Mapping[str, Callable[[np.ndarray, BoxPrompt], np.ndarray]] = CLASSICAL,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """One line per prompt: set, split, subject, paper, side, and the Dice of each method."""
    options = options or EvalOptions()
    rows = chosen_rows(store, options)
    lines: list[dict[str, object]] = []
    for image_id, group in rows.groupby("image_id", sort=False):
        image = store.image(int(image_id))
        embedding = segmenter.embed(image)
        progress(len(lines) / len(rows), str(group.set.iat[0]))
        for row in group.itertuples():
            truth, tight = store.mask(int(row.row)), store.box(int(row.row))
            rng = np.random.default_rng((options.seed, int(row.row)))
            box = jittered(tight, truth.shape, rng, options.jitter, options.jitter / 2)
            found = segmenter.segment(embedding, box)
            scores = [dice(mask, truth) for mask in found.masks]
            lines.append(
                {
                    "row": row.row, "set": row.set, "split": row.split, "subject": row.subject, "paper": row.paper,
                    "side": max(tight.width, tight.height), OURS[0]: scores[found.best], OURS[1]: max(scores),
                    "first head": scores[0], "predicted IoU": float(found.predicted_iou[found.best]),
                    **{name: dice(make(image, box), truth) for name, make in classical.items()},
                }
            )  # fmt: skip
    return pd.DataFrame(lines)


def per_set(cases: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice per (split, set) of the paper's prompts, and the macro mean of each split's sets."""
    methods = [c for c in (*OURS, *CLASSICAL) if c in cases]
    paper = cases[cases.paper]
    means = paper.groupby(["split", "set"])[methods].mean()
    means.insert(0, "prompts", paper.groupby(["split", "set"]).size())
    means.insert(1, "subjects", paper.groupby(["split", "set"]).subject.nunique())
    parts = []
    for split, group in means.groupby("split", sort=False):
        macro = group.mean().to_frame().T
        for count in ("prompts", "subjects"):
            macro[count] = int(group[count].sum())
        macro.index = pd.MultiIndex.from_tuples([(split, "macro mean")], names=["split", "set"])
        parts += [group, macro]
    return pd.concat(parts).astype({"prompts": int, "subjects": int})


def by_size(cases: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice per split and bin of the box's longest side, over all components."""
    methods = [c for c in (*OURS, *CLASSICAL) if c in cases]
    names = pd.cut(cases.side, [0, 32, 96, np.inf], right=False, labels=list(SIZES))
    grouped = cases.groupby(["split", names.rename("box side")], observed=True)
    out = grouped[methods].mean()
    out.insert(0, "prompts", grouped.size())
    return out


def write_report(cases: pd.DataFrame, out: Path, command: str, commit: str, seconds: float) -> Path:
    """cases.csv, per_set.csv, by_size.csv and segmenter.md in `out`; path of the page."""
    sets, sizes = per_set(cases), by_size(cases)
    write_table(out / "cases.csv", cases, digits=4)
    write_table(out / "per_set.csv", sets.reset_index(), digits=4)
    write_table(out / "by_size.csv", sizes.reset_index(), digits=4)
    lines = [
        "# The built-in segmenter beside methods that need no training",
        "",
        f"`{command}` at commit {commit}: {len(cases)} prompts, {int(cases.paper.sum())} of them with both sides of "
        f"at least 16 px, {seconds:.0f} s. Mean Dice on the full image; boxes jittered 5-10 % a side. 'segmenter' is "
        "the head with the highest predicted IoU, 'oracle of heads' the truly best of its four. Split 'test': unseen "
        "subjects of training sets; 'heldout': sets never trained on.",
        "",
        *_margins(sets),
        "",
        "## Per data set (components with both sides >= 16 px)",
        "",
        _table(sets),
        "",
        "## By the longest side of the true box (all components)",
        "",
        _table(sizes),
        "",
    ]
    page = out / "segmenter.md"
    write_text(page, "\n".join(lines))
    return page


def _table(frame: pd.DataFrame) -> str:
    flat = frame.reset_index()
    return markdown_table(list(flat.columns), flat.round(3).astype(str).to_numpy().tolist())


def _margins(sets: pd.DataFrame) -> list[str]:
    lines = []
    for split in sets.index.get_level_values("split").unique():
        macro = sets.loc[(split, "macro mean")]
        classical = macro[[c for c in CLASSICAL if c in macro]].astype(float)
        ours = float(macro[OURS[0]])
        lines.append(
            f"- {split}: macro Dice {ours:.3f}; best without training: {classical.idxmax()} {classical.max():.3f} "
            f"(difference {ours - classical.max():+.3f})"
        )
    return lines
