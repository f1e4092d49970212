"""Runs that fill a candidate store: which objects, how many masks of each, in reproducible order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.box_jitter import jittered_normally
from evanyseg.protocols import Progress, no_progress

from ..data.manifest import order_key
from ..data.store import Store
from .corruption import TRAINING_METHODS
from .generators import ObjectWindow, classical_masks, corruption_masks, stored_predictions
from .mask_sources import ANNOTATOR, CLASSICAL, CORRUPTION, STORED
from .store import CandidateWriter

if TYPE_CHECKING:
    import pandas as pd

BOX_JITTER = 0.08
"""Standard deviation of each box edge, as a share of the box side."""


@dataclass(frozen=True)
class CandidateOptions:
    """`objects`: most objects of a set (`objects_of`: the same for single sets), subjects mixed; `masks`: corrupted
    masks a set should have in all, spread over its objects within `per_object`. `splits`: which splits take part."""

    objects: int = 400
    objects_of: Mapping[str, int] = field(default_factory=dict)
    masks: int = 3000
    per_object: tuple[int, int] = (8, 40)
    splits: Sequence[str] = ("train", "val", "calib", "test")
    seed: int = 1


def chosen_objects(store: Store, options: CandidateOptions) -> pd.DataFrame:
    """Manifest rows of the true objects that take part: every set capped, in an order that depends on names only."""
    rows = store.manifest
    rows = rows[(rows.kind == "object") & rows.split.isin(list(options.splits)) & (rows.use == "train")]
    named = zip(rows.source, rows.subject, rows.row, strict=True)
    keys = [order_key(options.seed, str(source), f"{subject}|{row}") for source, subject, row in named]
    rows = rows.assign(order=keys).sort_values("order")
    most = rows.set.map(lambda s: options.objects_of.get(s, options.objects))
    return rows[rows.groupby("set").cumcount() < most]


def make_corruptions(
    store: Store,
    folder: Path,
    options: CandidateOptions,
    shard: tuple[int, int] = (0, 1),
    name: str = "corruption",
    progress: Progress = no_progress,
) -> int:
    """Corrupted and classical masks of every `shard[1]`-th object from `shard[0]` on; the number of masks written."""
    objects = chosen_objects(store, options)
    per_set = objects.groupby("set").size()
    counts = (options.masks / per_set).clip(*options.per_object).round().astype(int)
    objects = objects.iloc[shard[0] :: shard[1]]
    by_image = store.manifest[store.manifest.kind == "object"].groupby("image_id").row.apply(list)
    writer = CandidateWriter(folder, f"{name}-{shard[0]:02d}of{shard[1]:02d}")
    for done, row in enumerate(objects.to_dict("records")):
        rng = np.random.default_rng([options.seed, row["row"]])
        others = [n for n in by_image[row["image_id"]] if n != row["row"]]
        neighbors = tuple(int(n) for n in rng.choice(others, min(3, len(others)), replace=False)) if others else ()
        window = ObjectWindow(store, row["row"], float(rng.uniform(2.0, 3.2)), neighbors)
        for mask, mask_method in corruption_masks(window, int(counts[row["set"]]), rng, TRAINING_METHODS):
            writer.add(row, window.truth, mask, CORRUPTION, mask_method)
        box = jittered_normally(store.box(row["row"]), window.truth.shape, rng, BOX_JITTER)
        for mask, mask_method in classical_masks(window, box, rng):
            writer.add(row, window.truth, mask, CLASSICAL, mask_method, box)
        progress((done + 1) / len(objects), row["set"])
    writer.close()
    return len(writer.rows)


def copy_stored(store: Store, folder: Path, most_annotators: int = 1500, seed: int = 1, name: str = "stored") -> int:
    """Stored predictions of 'train' sets, measured like all the others; by humans at most `most_annotators`."""
    writer = CandidateWriter(folder, name)
    by_annotators = 0
    by_name = lambda pair: order_key(seed, pair[0]["source"], f"{pair[0]['subject']}|{pair[1]}")
    for row, prediction in sorted(stored_predictions(store), key=by_name):
        by_human = bool(store.manifest.human_annotator.iat[prediction])
        if row["use"] != "train" or (by_human and by_annotators >= most_annotators):
            continue
        by_annotators += by_human
        mask_method = str(store.manifest.prediction_source.iat[prediction])
        mask = store.prediction(prediction)
        writer.add(row, store.mask(row["row"]), mask, ANNOTATOR if by_human else STORED, mask_method)
    writer.close()
    return len(writer.rows)
