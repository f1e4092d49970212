"""The masks of an evaluation: a table with one line each, and the pixels behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.box_jitter import jittered
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.modes import MODES, NO_PROMPT
from evanyseg.results import QualityCase

from ..candidates.mask_sources import ANNOTATOR
from ..candidates.store import CandidateStore
from ..data.store import Store
from ..errors import CandidateError
from ..files import write_table
from .baselines.shape import FEATURES, shape_features_for
from .heldout.pairs import read_heldout

if TYPE_CHECKING:
    import pandas as pd

"""'box': with the prompt's box, jittered; 'no-prompt': no box, so that the mask's bounding box is used."""
FEWEST_IMAGES = 4
SMALL_SETS = "(small sets)"


@dataclass(frozen=True)
class CaseSet:
    """`table`: index 0..n-1; columns set, source, subject, image (what the bootstrap draws), object (masks of one
    truth), mask_source, mask_method, dice, area, label, at (index in `masks`) and whatever its mask_source added."""

    store: Store
    masks: CandidateStore
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def where(self, keep: np.ndarray) -> CaseSet:
        """The cases for which keep [n] is True."""
        return replace(self, table=self.table[keep].reset_index(drop=True))

    def image(self, i: int) -> np.ndarray:
        """uint8 [H, W, 3]."""
        return self.store.image(int(self.masks.table.image_id.iat[self._at(i)]))

    def mask(self, i: int) -> np.ndarray:
        """bool [H, W]."""
        return self.masks.mask(self._at(i))

    def truth(self, i: int) -> np.ndarray:
        """bool [H, W]."""
        return self.store.mask(int(self.masks.table.row.iat[self._at(i)]))

    def true_box(self, i: int) -> BoxPrompt:
        """Tight box of the true object."""
        return self.store.box(int(self.masks.table.row.iat[self._at(i)]))

    def box(self, i: int, mode: str = "box") -> BoxPrompt | None:
        """The jittered prompt, or None without a prompt."""
        if mode == NO_PROMPT:
            return None
        return self.masks.prompt(self._at(i))

    def quality_cases(self, mode: str) -> Iterator[QualityCase]:
        """What an estimator scores, in order."""
        for i in range(len(self)):
            yield QualityCase(self.image(i), self.mask(i), self.box(i, mode))

    def features(self, progress: Callable[[int], None] = lambda done: None) -> dict[str, pd.DataFrame]:
        """Shape features of every case, in every mode; index as in `table`."""
        import pandas as pd

        rows = np.empty((len(MODES), len(self), len(FEATURES)))
        for i in range(len(self)):
            boxes = [self.box(i, mode) for mode in MODES]
            rows[:, i] = shape_features_for(self.image(i), self.mask(i), boxes)
            progress(i)
        return {mode: pd.DataFrame(rows[k], columns=list(FEATURES)) for k, mode in enumerate(MODES)}

    def _at(self, i: int) -> int:
        return int(self.table["at"].iat[i])


def frozen_cases(folder: Path, store: Store) -> CaseSet:
    """All pairs of a frozen list. Sets with fewer than FEWEST_IMAGES images are joined as '(small sets)'."""
    masks, table = read_heldout(folder, store)
    table = table.assign(at=np.arange(len(table)), image=table.image + "#" + table["slice"].astype(str))
    table["object"] = table.image + "|" + table.object.astype(str)
    images = table.groupby("set").image.transform("nunique")
    table["set"] = table.set.where(images >= FEWEST_IMAGES, SMALL_SETS)
    return CaseSet(store, masks, table)


def training_cases(
    masks: CandidateStore,
    per_set: int,
    seed: int = 3,
    split: str = "train",
    jitter: tuple[float, float] = (0.05, 0.10),
    annotators: bool = False,
) -> CaseSet:
    """A sample of candidates of a split, at most `per_set` of each data set, every one with a box: its prompt's, or the
    true box with jitter. `annotators`: masks that human annotators drew, and no others. Raises CandidateError when
    there are none."""
    rng = np.random.default_rng(seed)
    table = masks.table
    chosen = table[(table.split == split) & ((table.mask_source == ANNOTATOR) == annotators)]
    if chosen.empty:
        raise CandidateError(f"{masks.folder} has no candidates of the {split} split.")
    chosen = chosen.assign(order=rng.random(len(chosen))).sort_values("order")
    chosen = chosen[chosen.groupby("set").cumcount() < per_set].sort_index()
    boxes = masks.prompts.copy()
    for at in chosen.index[np.isnan(boxes[chosen.index, 0])]:
        row = int(table.row.iat[at])
        shape = masks.store.shape(int(table.image_id.iat[at]))
        boxes[at] = jittered(masks.store.box(row), shape, rng, jitter[1], jitter[0]).as_tuple()
    lines = chosen.assign(at=chosen.index, image=chosen.image_id.astype(str), object=chosen.row.astype(str), area=0)
    return CaseSet(masks.store, masks.with_prompts(boxes), lines.reset_index(drop=True))


def cached_features(cases: CaseSet, folder: Path | None) -> dict[str, pd.DataFrame]:
    """`cases.features()`, kept in `folder` (None: nowhere) under a name made from what the cases are."""
    import pandas as pd

    if folder is None:
        return cases.features()
    table = cases.masks.table.loc[cases.table["at"], ["row", "offset", "qx0", "qy0", "qx1", "qy1", "dice"]]
    name = hashlib.sha256(table.to_numpy(float).tobytes() + "|".join(FEATURES).encode()).hexdigest()[:16]
    paths = {mode: folder / f"features-{name}-{mode}.parquet" for mode in MODES}
    if not all(path.is_file() for path in paths.values()):
        for mode, found in cases.features().items():
            write_table(paths[mode], found)
    return {mode: pd.read_parquet(path) for mode, path in paths.items()}
