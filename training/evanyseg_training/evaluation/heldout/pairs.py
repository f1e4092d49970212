"""The frozen list of pairs that every metric is measured on.

For each data set of one split: objects on as many images as possible, many masks of each, and from those a selection
that is flat over ten bins of true Dice as far as possible; half synthetic corruption and classical methods, half
model-generated ('balanced'). Stored predictions are listed once more as they come ('unfiltered'): the narrow spread of
Dice that models have.

Everything is drawn from hashes of names and a seed, never from positions in a table, so that a rebuilt data store gives
the same list. On disk: a candidate store with one part, and `pairs.csv` with a line for each of its masks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.geometry.box_jitter import jittered
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, no_progress

from ...candidates.mask_sources import MODEL_GENERATED, STORED
from ...candidates.store import CandidateStore, CandidateWriter
from ...data.former_names import former_method, with_current_names
from ...data.manifest import HELDOUT, order_key
from ...data.store import Store
from ...errors import HeldoutListError, ManifestError
from ...files import write_table
from .sources import Draft, MaskSource, drafts_of

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
PART = "frozen"
CSV_COLUMNS = (
    "pair", "set", "source", "subject", "split", "image", "slice", "label", "component", "object", "mask_source",
    "mask_method", "balanced", "unfiltered", "qx0", "qy0", "qx1", "qy1", "area", "dice", "hd95", "nsd", "mask",
)  # fmt: skip


@dataclass(frozen=True)
class HeldoutOptions:
    """`objects`: most objects of a set; `pairs`: most pairs of a set in the balanced list (half synthetic, half
    model-generated);
    `unfiltered`: most stored predictions of a set taken as they come. Box edges are off by jitter[0]..jitter[1]."""

    split: str = HELDOUT
    objects: int = 32
    pairs: int = 160
    unfiltered: int = 50
    jitter: tuple[float, float] = (0.05, 0.10)
    smallest_side: int = 6
    seed: int = 2026


def build_heldout(
    store: Store,
    folder: Path,
    mask_sources: list[MaskSource],
    options: HeldoutOptions | None = None,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """Write the list into `folder` (new or empty) and return its table.

    Raises ManifestError when the split has no objects, CandidateError when the folder has a list already.
    """
    options = options or HeldoutOptions()
    objects = chosen_objects(store, options)
    if objects.empty:
        raise ManifestError(f"The store has no objects in its {options.split} split.")
    writer = CandidateWriter(folder, PART)
    lines: list[dict[str, Any]] = []
    for done, (name, of_set) in enumerate(objects.groupby("set")):
        progress(done / objects.set.nunique(), str(name))
        for row, draft, balanced, unfiltered in _pairs_of(store, of_set, mask_sources, options):
            _write(store, writer, lines, row, draft, balanced, unfiltered)
    writer.close()
    import pandas as pd

    table = pd.DataFrame(lines, columns=list(CSV_COLUMNS))
    write_table(folder / "pairs.csv", table, digits=4)
    progress(1.0, "done")
    return table


def read_heldout(folder: Path, store: Store) -> tuple[CandidateStore, pd.DataFrame]:
    """The masks and the list. Raises HeldoutListError when either is missing or they do not belong together."""
    import pandas as pd

    if not (folder / "pairs.csv").is_file():
        raise HeldoutListError(f"{folder} has no pairs.csv; build the list with evanyseg-train heldout.")
    masks = CandidateStore(folder, store, [PART])
    table = with_current_names(pd.read_csv(folder / "pairs.csv", dtype={"subject": str}))
    if len(masks) != len(table):
        raise HeldoutListError(f"{folder}: pairs.csv has {len(table)} lines for {len(masks)} masks; rebuild the list.")
    return masks, table


def object_key(store: Store, row: dict[str, Any]) -> str:
    """Name of an object that does not depend on how the store was made."""
    path = store.images.path.iat[int(row["image_id"])]
    box = ",".join(str(int(row[n])) for n in ("x0", "y0", "x1", "y1"))
    return f"{path}|{row['label']}|{row['mask_value']}|{box}"


def chosen_objects(store: Store, options: HeldoutOptions) -> pd.DataFrame:
    """Rows of the true objects, every set capped. Objects with stored predictions and new images come first."""
    rows = store.manifest
    wanted = (rows.kind == "object") & (rows.split == options.split)
    side = np.minimum(rows.x1 - rows.x0, rows.y1 - rows.y0)
    predicted = set(rows.loc[(rows.kind == "prediction") & ~rows.human_annotator, "reference"])
    rows = rows[wanted & (side >= options.smallest_side)]
    rows = rows.assign(
        order=[order_key(options.seed, r["set"], object_key(store, r)) for r in rows.to_dict("records")],
        predicted=rows.row.isin(predicted),
    ).sort_values("order")
    # turn by turn over subjects, then over the images of a subject; in the first half of turns what has predictions
    rows = rows.assign(turn=rows.groupby(["set", "image_id", "predicted"]).cumcount() * 2 + ~rows.predicted)
    rows = rows.sort_values(["turn", "order"], kind="stable")
    rows = rows.assign(visit=rows.groupby(["set", "subject"]).cumcount())
    rows = rows.sort_values(["visit", "turn", "order"], kind="stable")
    return rows[rows.groupby("set").cumcount() < options.objects]


def flat_choice(dice: np.ndarray, order: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` cases, as flat over the bins of Dice as can be: bins are visited in turn until it is full."""
    bins = np.minimum((dice * BINS).astype(int), BINS - 1)
    ranked = np.argsort(order, kind="stable")
    turn = np.empty(len(dice), int)
    for b in range(BINS):
        at = ranked[bins[ranked] == b]
        turn[at] = np.arange(len(at))
    return np.sort(np.lexsort((order, turn))[:count])


def _pairs_of(
    store: Store, of_set: pd.DataFrame, mask_sources: list[MaskSource], options: HeldoutOptions
) -> Iterator[tuple[dict[str, Any], Draft, bool, bool]]:
    """(row, draft, in the balanced list, in the unfiltered list) of one set."""
    drafts: list[tuple[dict[str, Any], Draft]] = []
    for row in of_set.to_dict("records"):
        key = object_key(store, row)
        rng = np.random.default_rng(int(order_key(options.seed, row["set"], key)[:15], 16))
        least, most = options.jitter
        box = jittered(store.box(row["row"]), store.shape(row["image_id"]), rng, most, least)
        drafts += [(row, draft) for draft in drafts_of(store, row, box, rng, mask_sources)]
    dice = np.array([d.dice for _, d in drafts])
    keys = [
        order_key(options.seed, former_method(d.mask_method), f"{object_key(store, r)}{d.digest}") for r, d in drafts
    ]
    order = np.argsort(np.argsort(np.array(keys)))
    by_models = np.array([d.mask_source in MODEL_GENERATED for _, d in drafts])
    # stored predictions are rarer than the comparison segmenters' masks: they come first in a bin
    order = order + len(order) * (by_models & np.array([d.mask_source != STORED for _, d in drafts]))
    balanced: set[int] = set()
    for side, half in ((by_models, options.pairs // 2), (~by_models, options.pairs - options.pairs // 2)):
        at = np.flatnonzero(side)
        balanced |= set(at[flat_choice(dice[at], order[at], half)].tolist())
    stored = [i for i in np.argsort(order) if drafts[i][1].mask_source == STORED]
    unfiltered = set(stored[: options.unfiltered])
    for i in sorted(balanced | unfiltered):
        yield *drafts[i], i in balanced, i in unfiltered


def _write(
    store: Store,
    writer: CandidateWriter,
    lines: list,
    row: dict[str, Any],
    draft: Draft,
    balanced: bool,
    unfiltered: bool,
) -> None:
    image = store.images.iloc[int(row["image_id"])]
    writer.add(row, store.mask(row["row"]), draft.mask, draft.mask_source, draft.mask_method, draft.box)
    measured = writer.rows[-1]
    digest = hashlib.sha256(object_key(store, row).encode()).hexdigest()[:8]
    lines.append(
        {n: row[n] for n in ("set", "source", "subject", "split", "label", "area")}
        | {"pair": len(lines), "image": image.path, "slice": int(image["slice"]), "component": int(row["component"])}
        | {
            "object": digest,
            "mask_source": draft.mask_source,
            "mask_method": draft.mask_method,
            "balanced": int(balanced),
            "unfiltered": int(unfiltered),
        }
        | {n: round(measured[n], 2) for n in ("qx0", "qy0", "qx1", "qy1")}
        | {n: measured[n] for n in ("dice", "hd95", "nsd")}
        | {"mask": draft.digest}
    )


def box_of(line: Any) -> BoxPrompt:
    """The jittered box of a line of the list."""
    return BoxPrompt(float(line.qx0), float(line.qy0), float(line.qx1), float(line.qy1))
