"""Training samples of the estimator: groups of masks of one object, drawn and augmented from (seed, index) alone.

A sample's index carries its epoch, so that what a worker makes depends on nothing but the index: augmentation differs
between epochs and workers, and a run resumed at an epoch boundary sees what the uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from evanyseg.prompts import BoxPrompt
from evanyseg.quality.context import context_input, coverage
from evanyseg.quality.window_factors import TRAINING

from ...augment.box_jitter import jittered_normally
from ...augment.elastic import Scene, warped
from ...augment.geometry import dihedral
from ...augment.intensity import REPAINTED, intensities, repainted
from ...augment.texture import Textures, transplanted
from ...candidates.run import BOX_JITTER
from ...candidates.store import CandidateStore
from ...data.manifest import ManifestError

REAL_MAKERS = ("segmenter", "stored", "people", "classical")
HD_SCALE = 100.0
UNSEEN = 50_000_000
"""First sample number that no training run reaches."""


@dataclass(frozen=True)
class DataOptions:
    """`group`: masks of one object in a row (for the ranking loss); `real`: share of masks by real methods where the
    object has them; `without_box`: share judged by the mask's own box; `set_power`: a set of n objects is drawn with
    weight n ** set_power (0: all sets alike); `set_weight`: extra factors of single sets; `transplanted`: share of
    groups' masks shown on an image with other texture; `warped`: share bent together with its object and image."""

    size: int = 128
    group: int = 4
    real: float = 0.55
    without_box: float = 0.3
    factors: tuple[float, float] = TRAINING
    box_jitter: float = 0.07
    set_power: float = 0.4
    set_weight: tuple[tuple[str, float], ...] = (("totalseg_reference", 0.5),)
    transplanted: float = 0.0
    warped: float = 0.0
    seed: int = 0


class EstimatorData(Dataset):
    """Groups of one split. Item: dict of tensors with leading size `group`."""

    def __init__(
        self, candidates: CandidateStore, split: str, options: DataOptions, sets: Sequence[str] | None = None
    ) -> None:
        self.candidates, self.options = candidates, options
        table = candidates.table
        use = (table.split == split) & (table.use == "train")
        if sets is not None:
            use &= table.set.isin(list(sets))
        collapsed = (table.family == "grabcut") & (table.dice < 0.02)
        table = table[use & ~collapsed]
        if table.empty:
            raise ManifestError(
                f"There are no candidates of split '{split}'; run candidates for objects of that split."
            )
        self.real = table.maker.isin(REAL_MAKERS)
        weight = _flat_weights(table.dice.to_numpy(), self.real.to_numpy())
        self.objects: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        sets_of: list[str] = []
        for (name, _), group in table.groupby(["set", "row"]):
            where = table.index.get_indexer(group.index)
            self.objects.append((group.index.to_numpy(), weight[where], self.real.to_numpy()[where]))
            sets_of.append(name)
        self.object_p = _object_weights(np.array(sets_of), options)
        self.meta = candidates.table[["row", "image_id", "dice", "hd95", "qx0", "qy0", "qx1", "qy1"]].to_numpy()

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng([self.options.seed, int(index)])
        ids, weight, real = self.objects[int(rng.choice(len(self.objects), p=self.object_p))]
        picks = []
        for _ in range(self.options.group):
            side = real if rng.uniform() < self.options.real else ~real
            p = weight * (side if side.any() else ~side)
            picks.append(int(rng.choice(ids, p=p / p.sum())))
        samples = [self.sample(i, rng) for i in picks]
        return {k: torch.stack([s[k] for s in samples]) for k in samples[0]}

    def sample(self, candidate: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """One mask with a random window, prompt box and look."""
        o = self.options
        stored = scene = self.scene(candidate)
        if o.warped > 0 and rng.uniform() < o.warped:
            scene = warped(stored, rng)
        own = self.candidates.own_box(candidate) if scene is stored else BoxPrompt.of_mask(scene.mask)
        box: BoxPrompt | None = None
        if own is None or rng.uniform() >= o.without_box:
            prompt = self.meta[candidate][4:8]
            if scene is stored and np.isfinite(prompt[0]) and rng.uniform() < 0.8:
                box = BoxPrompt(*(float(v) for v in prompt))
            else:
                true = self._true_box(candidate) if scene is stored else BoxPrompt.of_mask(scene.truth)
                assert true is not None
                box = jittered_normally(true, scene.mask.shape, rng, abs(rng.normal(0, o.box_jitter)))
        factor = float(np.exp(rng.uniform(*np.log(o.factors))))
        return self.augmented(self.tensors(scene, box, own, factor), rng)

    def scene(self, candidate: int) -> Scene:
        """A candidate as it is stored."""
        row, store = self.meta[candidate], self.candidates.store
        image, truth = store.grey_or_colour(int(row[1])), store.mask(int(row[0]))
        return Scene(image, self.candidates.mask(candidate), truth, float(row[2]), float(row[3]))

    def _true_box(self, candidate: int) -> BoxPrompt:
        return self.candidates.store.box(int(self.meta[candidate][0]))

    def augmented(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        textures = self.textures if self.options.transplanted > 0 else None
        return augment(sample, rng, textures, self.options.transplanted)

    @cached_property
    def textures(self) -> Textures:
        """Pieces of the images that the masks of this split are on."""
        table = self.candidates.table.loc[np.concatenate([ids for ids, _, _ in self.objects])]
        images = {str(name): sorted(set(group.image_id)) for name, group in table.groupby("set")}
        return Textures.of(self.candidates.store.image, images, self.options.seed)

    def tensors(
        self, scene: Scene, box: BoxPrompt | None, own: BoxPrompt | None, factor: float
    ) -> dict[str, np.ndarray]:
        """The network's input and the targets of one mask, unaugmented."""
        seen = context_input(scene.image, scene.mask, box, factor, self.options.size, own)
        around = box or own
        assert around is not None
        half = seen.pixels.shape[-1] // 2
        inside, true = seen.window.crop(scene.mask, edge=False), seen.window.crop(scene.truth, edge=False)
        cells = float(seen.window.side**2)
        return {
            "pixels": seen.pixels,
            "distance": seen.distance,
            "scalars": seen.scalars,
            "areas": np.array([seen.mask_in / cells, seen.mask_out / cells], np.float32),
            "maps": coverage(np.stack([inside & ~true, true & ~inside]), half),
            "truth": coverage(true, 2 * half),
            "dice": np.asarray(scene.dice, np.float32),
            "log_hd95": log_distance(scene.hd95, around),
        }


def log_distance(hd95: float, around: BoxPrompt) -> np.ndarray:
    """float32 []: log(1 + HD_SCALE x HD95 over the diagonal of the box); NaN stays NaN."""
    diagonal = float(np.hypot(around.width, around.height))
    return np.asarray(np.log1p(HD_SCALE * hd95 / diagonal), np.float32)


def augment(
    sample: dict[str, np.ndarray], rng: np.random.Generator, textures: Textures | None = None, share: float = 0.0
) -> dict[str, torch.Tensor]:
    """One of the eight symmetries of the square and another look (`intensities`); before that some objects get another
    brightness, and a `share` of the others another texture."""
    planes = ("pixels", "distance", "maps", "truth")
    sample |= zip(planes, dihedral([sample[key] for key in planes], rng, (-2, -1)), strict=True)
    chance = rng.uniform()
    image = sample["pixels"][:3].transpose(1, 2, 0)
    if chance < REPAINTED:
        image = repainted(image, sample["truth"], rng)
    elif textures is not None and chance < REPAINTED + share:
        image = transplanted(image, sample["truth"], textures, rng)
    sample["pixels"][:3] = intensities(image, rng).transpose(2, 0, 1)
    return {k: torch.from_numpy(np.asarray(v)) for k, v in sample.items()}


def _flat_weights(dice: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Weights that flatten the Dice histogram of real masks and of the others, each by itself; rare ones at most 8x."""
    bins = np.clip((dice * 10).astype(int), 0, 9)
    weight = np.ones(len(dice))
    for side in (real, ~real):
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


def fixed_samples(data: EstimatorData, per_set: int, seed: int, without_box: bool) -> list[tuple[int, str]]:
    """A reproducible list of (candidate, set): `per_set` of each set, half of them real where there are enough."""
    table = data.candidates.table
    mine = table.loc[np.concatenate([ids for ids, _, _ in data.objects])]
    rng = np.random.default_rng(seed)
    picks: list[tuple[int, str]] = []
    for name, group in mine.groupby("set"):
        group = group[(group.x1 > group.x0)] if without_box else group
        real = group[group.maker.isin(REAL_MAKERS)].index.to_numpy()
        other = group[~group.maker.isin(REAL_MAKERS)].index.to_numpy()
        n_real = min(len(real), per_set // 2)
        chosen = [*rng.choice(real, n_real, replace=False)] if n_real else []
        n_other = min(len(other), per_set - n_real)
        chosen += [*rng.choice(other, n_other, replace=False)] if n_other else []
        picks += [(int(i), str(name)) for i in chosen]
    return picks


class FixedData(Dataset):
    """Unaugmented samples of a fixed list, at the inference factor, with the candidate's own or a jittered box."""

    def __init__(self, data: EstimatorData, picks: list[tuple[int, str]], factor: float, without_box: bool) -> None:
        self.data, self.picks, self.factor, self.without_box = data, picks, factor, without_box

    def __len__(self) -> int:
        return len(self.picks)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        candidate = self.picks[index][0]
        data, scene = self.data, self.data.scene(candidate)
        own = data.candidates.own_box(candidate)
        box = None if self.without_box and own is not None else prompt_of(data, candidate, scene.mask.shape)
        sample = data.tensors(scene, box, own, self.factor)
        return {k: torch.from_numpy(np.asarray(v)) for k, v in sample.items()}


def prompt_of(data: EstimatorData, candidate: int, shape: tuple[int, ...]) -> BoxPrompt:
    """The box a candidate was prompted with, else the true box jittered by a fixed draw of its own."""
    row = data.meta[candidate]
    if np.isfinite(row[4]):
        return BoxPrompt(*(float(v) for v in row[4:8]))
    rng = np.random.default_rng([77, int(row[0]), candidate])
    return jittered_normally(data.candidates.store.box(int(row[0])), shape, rng, BOX_JITTER)
