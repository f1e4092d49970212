"""Fixed lists of masks, unaugmented and with fixed boxes: for validation, calibration and comparisons."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from evanyseg.geometry.box_jitter import jittered_normally
from evanyseg.prompts import BoxPrompt

from ...candidates.mask_sources import BY_METHODS, PROMPT_ONLY
from ...candidates.run import BOX_JITTER
from .context import as_tensors
from .data import EstimatorData

BOX_STREAM = 77
"""First number of the seeds of fixed boxes: another stream of random numbers than any other."""


def fixed_samples(data: EstimatorData, per_set: int, seed: int, without_box: bool) -> list[tuple[int, str]]:
    """A reproducible list of (candidate, set): `per_set` of each set, half of them by methods where there are
    enough."""
    table = data.candidates.table
    mine = table.loc[np.concatenate([ids for ids, _, _ in data.objects])]
    rng = np.random.default_rng(seed)
    picks: list[tuple[int, str]] = []
    for name, group in mine.groupby("set"):
        if without_box:
            group = group[(group.x1 > group.x0) & ~group.mask_source.isin(PROMPT_ONLY)]
        by_methods = group[group.mask_source.isin(BY_METHODS)].index.to_numpy()
        other = group[~group.mask_source.isin(BY_METHODS)].index.to_numpy()
        n_by_methods = min(len(by_methods), per_set // 2)
        chosen = [*rng.choice(by_methods, n_by_methods, replace=False)] if n_by_methods else []
        n_other = min(len(other), per_set - n_by_methods)
        chosen += [*rng.choice(other, n_other, replace=False)] if n_other else []
        picks += [(int(i), str(name)) for i in chosen]
    return picks


class FixedData(Dataset):
    """Samples of a fixed list, at the inference factor, with the candidate's or a jittered box."""

    def __init__(self, data: EstimatorData, picks: list[tuple[int, str]], factor: float, without_box: bool) -> None:
        self.data, self.picks, self.factor, self.without_box = data, picks, factor, without_box

    def __len__(self) -> int:
        return len(self.picks)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        candidate = self.picks[index][0]
        sample = self.data.masks.stored(candidate)
        mask_box = self.data.masks.mask_box(candidate)
        box = None if self.without_box and mask_box is not None else self._prompt(candidate, sample.mask.shape)
        return as_tensors(self.data.samples.arrays(sample, box, mask_box, self.factor))

    def _prompt(self, candidate: int, shape: tuple[int, ...]) -> BoxPrompt:
        """The box a candidate was prompted with, else the true box jittered by a fixed draw of its own."""
        masks = self.data.masks
        given = masks.prompt(candidate)
        if given is not None:
            return given
        rng = np.random.default_rng([BOX_STREAM, int(masks.rows[candidate]), candidate])
        return jittered_normally(masks.true_box(candidate), shape, rng, BOX_JITTER)
