"""Crops for the conditioned estimator: image and mask around the mask, as published, small, made once for a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.io.write import atomic_path
from evanyseg.quality.conditioned.class_table import ClassTable
from evanyseg.quality.conditioned.estimator import conditioned_crop

from ...candidates.mask_sources import OTHER_OBJECT, SEGMENTER, STORED
from ...candidates.store import CandidateStore
from ...errors import CandidateError

if TYPE_CHECKING:
    import pandas as pd

SIZE = 48
UNSEEN = ("val", "calib", "test")
"""Splits whose people no training saw; nothing is tuned on any of them here."""
TOO_ALIKE = 0.7
"""A mask is shown under another class only if the cosine of the two names' vectors is below this."""


@dataclass(frozen=True)
class SampleOptions:
    """Most masks of a class in training and in the test, most masks of other objects in each; edge of the crops."""

    train: int = 50
    test: int = 30
    others: int = 400
    size: int = SIZE
    seed: int = 0


@dataclass(frozen=True)
class Crops:
    """pixels uint8 [N, 2, size, size] (gray, mask); table [N]: set, source, subject, split, label, dice, mask_source,
    `wrong`: a class that this mask is none of ('' where there is none)."""

    pixels: np.ndarray
    table: pd.DataFrame

    def where(self, keep: np.ndarray) -> Crops:
        return Crops(self.pixels[keep], self.table[keep].reset_index(drop=True))


def crops_of(masks: CandidateStore, names: ClassTable, options: SampleOptions, kept: Path | None = None) -> Crops:
    """Masks by segmenters that never saw the subject, stored predictions, and other objects; a class is what a label
    is called, whatever the set. kept: a folder that remembers them. Raises CandidateError."""
    import pandas as pd

    if kept is not None and (kept / "crops.parquet").is_file():
        return Crops(np.load(kept / "crops.npy"), pd.read_parquet(kept / "crops.parquet"))
    table = _chosen(masks, options)
    table["wrong"] = _wrong_classes(table, masks, names, np.random.default_rng([options.seed, 2]))
    pixels = np.stack([_crop(masks, int(i), options.size) for i in table["at"]])
    crops = Crops(pixels, table.drop(columns="at").reset_index(drop=True))
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept / "crops.npy") as partial, partial.open("wb") as file:
            np.save(file, pixels)
        with atomic_path(kept / "crops.parquet") as partial:
            crops.table.to_parquet(partial)
    return crops


def _chosen(masks: CandidateStore, options: SampleOptions) -> pd.DataFrame:
    import pandas as pd

    table = masks.table
    labels = masks.store.manifest.label.to_numpy(str)[table.row.to_numpy(int)]
    table = table.assign(at=np.arange(len(table)), label=[label.replace("_", " ") for label in labels])
    table = table[(table.use == "train") & (table.x1 > table.x0)]
    table = table.assign(order=np.random.default_rng(options.seed).random(len(table))).sort_values("order")
    unseen = table.split.isin(UNSEEN)
    real, other = table.mask_source.isin((SEGMENTER, STORED)), table.mask_source == OTHER_OBJECT
    parts = []
    for side, most in ((~unseen, options.train), (unseen, options.test)):
        mine = table[side & real]
        parts += [mine[mine.groupby("label").cumcount() < most], table[side & other].head(options.others)]
    found = pd.concat(parts)
    if not len(parts[0]) or not len(parts[2]):
        raise CandidateError(
            f"{masks.folder} needs masks by segmenters of people in training and of people who are not."
        )
    columns = ["at", "set", "source", "subject", "split", "label", "dice", "mask_source", "row", "image_id"]
    return found[columns].reset_index(drop=True)


def _wrong_classes(
    table: pd.DataFrame, masks: CandidateStore, names: ClassTable, rng: np.random.Generator
) -> list[str]:
    """For each mask a class that is not on its image: of its own set where there is one, else of the same modality,
    else of any."""
    objects = masks.store.manifest
    objects = objects[(objects.kind == "object") & (objects.use == "train")]
    labels = objects.label.str.replace("_", " ")
    of_set = labels.groupby(objects.set).unique().to_dict()
    of_modality = labels.groupby(objects.modality.str.split().str[0]).unique().to_dict()
    modality = objects.modality.str.split().str[0].groupby(objects.set).first().to_dict()
    on_image = labels.groupby(objects.image_id).agg(set).to_dict()
    vector = {label: names.find(label).vector for label in labels.unique()}
    out = []
    for name, label, image in zip(table.set, table.label, table.image_id, strict=True):
        there = [vector[k] for k in on_image[image] | {label}]
        pools = [of_set.get(name, ()), of_modality.get(modality.get(name, ""), ()), list(vector)]
        for pool in pools:
            usable = [k for k in pool if max(float(vector[k] @ v) for v in there) < TOO_ALIKE]
            if usable:
                break
        out.append(str(rng.choice(usable)) if usable else "")
    return out


def _crop(masks: CandidateStore, index: int, size: int) -> np.ndarray:
    mask = masks.mask(index)
    image = masks.store.gray_or_color(int(masks.table.image_id.iat[index]))
    return conditioned_crop(image, mask, size)
