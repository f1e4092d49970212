"""Training data of the estimator: groups of masks of one object, drawn and augmented from (seed, index) alone.

A sample's index carries its epoch, so that what a worker makes depends on nothing but the index: augmentation differs
between epochs and workers, and a run resumed at an epoch boundary sees what the uninterrupted one would have seen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from ...augment.texture import Textures
from ...candidates.mask_sources import BY_METHODS
from ...candidates.store import CandidateStore
from ...errors import CandidateError
from .context import StoredMasks
from .options import DataOptions
from .paper import SAMPLES

UNSEEN = 50_000_000
"""First sample number that no training run reaches."""


class EstimatorData(Dataset):
    """Groups of one split. Item: dict of tensors with leading size `group`. `mode`: the input, context or paper.

    Raises CandidateError when the split has no candidates.
    """

    def __init__(
        self,
        candidates: CandidateStore,
        split: str,
        options: DataOptions,
        sets: Sequence[str] | None = None,
        mode: str = "context",
    ) -> None:
        self.candidates, self.options, self.mode = candidates, options, mode
        table = candidates.table
        use = (table.split == split) & (table.use == "train")
        if sets is not None:
            use &= table.set.isin(list(sets))
        collapsed = (table.mask_method == "grabcut") & (table.dice < 0.02)
        table = table[use & ~collapsed]
        if table.empty:
            raise CandidateError(
                f"There are no candidates of split '{split}'; run candidates for objects of that split."
            )
        by_methods = table.mask_source.isin(BY_METHODS).to_numpy()
        weight = _flat_weights(table.dice.to_numpy(), by_methods)
        self.objects: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        sets_of: list[str] = []
        for (name, _), group in table.groupby(["set", "row"]):
            where = table.index.get_indexer(group.index)
            self.objects.append((group.index.to_numpy(), weight[where], by_methods[where]))
            sets_of.append(name)
        self.object_p = _object_weights(np.array(sets_of), options)
        self.masks = StoredMasks(candidates)
        self.samples = SAMPLES[mode](self.masks, options, self._draw_textures)

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng([self.options.seed, int(index)])
        ids, weight, by_methods = self.objects[int(rng.choice(len(self.objects), p=self.object_p))]
        picks = []
        for _ in range(self.options.group):
            side = by_methods if rng.uniform() < self.options.by_methods else ~by_methods
            p = weight * (side if side.any() else ~side)
            picks.append(int(rng.choice(ids, p=p / p.sum())))
        samples = [self.samples.draw(i, rng) for i in picks]
        return {k: torch.stack([s[k] for s in samples]) for k in samples[0]}

    def with_factors(self, factors: tuple[float, float]) -> EstimatorData:
        """The same data with windows of another range of factors."""
        other = copy.copy(self)
        other.options = replace(self.options, factors=factors)
        other.samples = replace(self.samples, options=other.options)
        return other

    def _draw_textures(self) -> Textures:
        return self.textures

    @cached_property
    def textures(self) -> Textures:
        """Patches of the images that the masks of this split are on."""
        table = self.candidates.table.loc[np.concatenate([ids for ids, _, _ in self.objects])]
        images = {str(name): sorted(set(group.image_id)) for name, group in table.groupby("set")}
        return Textures.of(self.candidates.store.image, images, self.options.seed)


def _flat_weights(dice: np.ndarray, by_methods: np.ndarray) -> np.ndarray:
    """Weights that flatten the Dice histogram of by_methods masks and of the others, each by itself; rare ones at most
    8x."""
    bins = np.clip((dice * 10).astype(int), 0, 9)
    weight = np.ones(len(dice))
    for side in (by_methods, ~by_methods):
        if side.any():
            share = np.bincount(bins[side], minlength=10) / side.sum()
            weight[side] = np.minimum(0.1 / np.maximum(share[bins[side]], 1e-9), 8.0) ** 0.7
    return weight


def _object_weights(sets_of: np.ndarray, options: DataOptions) -> np.ndarray:
    names, inverse, counts = np.unique(sets_of, return_inverse=True, return_counts=True)
    extra = dict(options.set_weight)
    of_set = counts**options.set_power * np.array([extra.get(str(n), 1.0) for n in names])
    p = (of_set / counts)[inverse]
    return p / p.sum()


class EpochSampler(Sampler[int]):
    """`length` indices of this rank's share, from epoch * length on (Lightning calls `set_epoch`), or from `position()`
    where that is given: how many samples all ranks together have drawn so far, which survives resuming. The ranks'
    shares of one step are interleaved: together they are the batch that a single process would have had."""

    def __init__(
        self,
        length: int,
        rank: int | Callable[[], int] = 0,
        world: int = 1,
        position: Callable[[], int] | None = None,
    ) -> None:
        self.length, self.rank, self.world, self.epoch = length, rank, world, 0
        self.position = position

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length // self.world

    def __iter__(self) -> Iterator[int]:
        rank = self.rank if isinstance(self.rank, int) else self.rank()
        first = self.position() if self.position is not None else self.epoch * self.length
        return iter(range(first + rank, first + len(self) * self.world, self.world))


def collate(groups: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Groups one after the other: [groups * group, ...], plus `owner` (the number of the group)."""
    batch = {k: torch.cat([g[k] for g in groups]) for k in groups[0]}
    size = len(groups[0]["dice"])
    batch["owner"] = torch.arange(len(groups)).repeat_interleave(size)
    return batch
