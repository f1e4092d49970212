"""From one stored mask to what the network sees of it and should answer: window, prompt box, augmentation, targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from evanyseg.geometry.box_jitter import jittered_normally
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.context import context_input, coverage

from ...augment.curves import with_curves
from ...augment.elastic import elastically_deformed
from ...augment.foreground import with_foreground
from ...augment.geometry import dihedral
from ...augment.hollow import hollowed
from ...augment.intensity import OBJECT_SHIFT_SHARE, intensities, object_intensity_shifted
from ...augment.painted import painted
from ...augment.sample import Sample
from ...augment.texture import Textures, with_other_texture
from ...candidates.mask_sources import PROMPT_ONLY
from ...candidates.store import CandidateStore
from .options import DataOptions

HD_SCALE = 100.0
PROMPT_KEPT = 0.8
"""How often a mask is shown with the very box it was prompted with; else with a new one about the true object."""


class LabeledMasks(Protocol):
    """Masks of known quality, by number: a candidate store, or a row of a shard."""

    def stored(self, candidate: int) -> Sample:
        """The mask as it is stored."""

    def mask_box(self, candidate: int) -> BoxPrompt | None:
        """Tight box of the mask; None when it is empty."""

    def true_box(self, candidate: int) -> BoxPrompt:
        """Tight box of the true object."""

    def prompt(self, candidate: int) -> BoxPrompt | None:
        """The box that the mask was prompted with; None without one."""

    def needs_prompt(self, candidate: int) -> bool:
        """Whether the mask's quality means nothing without the prompt (`mask_sources.PROMPT_ONLY`)."""


class StoredMasks:
    """The masks of a candidate store; columns are read once, as samples are drawn by the thousand."""

    def __init__(self, candidates: CandidateStore) -> None:
        table = candidates.table
        self.candidates = candidates
        self.rows, self.image_ids = table.row.to_numpy(int), table.image_id.to_numpy(int)
        self._needs_prompt = table.mask_source.isin(PROMPT_ONLY).to_numpy()
        self.dice, self.hd95 = table.dice.to_numpy(float), table.hd95.to_numpy(float)

    def stored(self, candidate: int) -> Sample:
        store = self.candidates.store
        image = store.gray_or_color(int(self.image_ids[candidate]))
        truth = store.mask(int(self.rows[candidate]))
        dice, hd95 = float(self.dice[candidate]), float(self.hd95[candidate])
        return Sample(image, self.candidates.mask(candidate), truth, dice, hd95)

    def mask_box(self, candidate: int) -> BoxPrompt | None:
        return self.candidates.mask_box(candidate)

    def true_box(self, candidate: int) -> BoxPrompt:
        return self.candidates.store.box(int(self.rows[candidate]))

    def prompt(self, candidate: int) -> BoxPrompt | None:
        return self.candidates.prompt(candidate)

    def needs_prompt(self, candidate: int) -> bool:
        return bool(self._needs_prompt[candidate])


@dataclass(frozen=True)
class ContextSamples:
    """Samples of the built-in input (`quality.context`). `textures` gives the patches that `options.texture` asks
    for, when the first one is needed."""

    masks: LabeledMasks
    options: DataOptions
    textures: Callable[[], Textures] | None = None

    def draw(self, candidate: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """One mask with a random window, prompt box and intensities."""
        stored = sample = self.masks.stored(candidate)
        of_prompt = self.masks.needs_prompt(candidate)
        prompted = of_prompt or rng.uniform() >= self.options.without_box
        if not of_prompt:
            sample = self._of_another_kind(sample, prompted, rng)
        if self.options.elastic > 0 and rng.uniform() < self.options.elastic:
            sample = elastically_deformed(sample, rng)
        deformed = sample is not stored
        mask_box = BoxPrompt.of_mask(sample.mask) if deformed else self.masks.mask_box(candidate)
        box: BoxPrompt | None = None
        if prompted or mask_box is None:
            prompt = None if deformed else self.masks.prompt(candidate)
            if prompt is not None and rng.uniform() < PROMPT_KEPT:
                box = prompt
            else:
                true = BoxPrompt.of_mask(sample.truth) if deformed else self.masks.true_box(candidate)
                assert true is not None
                deviation = abs(rng.normal(0, self.options.box_jitter))
                box = jittered_normally(true, sample.mask.shape, rng, deviation)
        factor = float(np.exp(rng.uniform(*np.log(self.options.factors))))
        return self.augmented(self.arrays(sample, box, mask_box, factor), rng)

    def _of_another_kind(self, sample: Sample, prompted: bool, rng: np.random.Generator) -> Sample:
        """At times with a kind of object that the data sets hardly have."""
        shares = np.cumsum([self.options.hollow, self.options.curves, self.options.foreground])
        if shares[-1] == 0 or (chance := rng.uniform()) >= shares[-1]:
            return sample
        if chance < shares[0]:
            return hollowed(sample, rng, prompted)
        return with_curves(sample, rng) if chance < shares[1] else with_foreground(sample, rng)

    def arrays(
        self, sample: Sample, box: BoxPrompt | None, mask_box: BoxPrompt | None, factor: float
    ) -> dict[str, np.ndarray]:
        """The network's input and the targets of one mask, unaugmented."""
        seen = context_input(sample.image, sample.mask, box, factor, self.options.size, mask_box)
        around = box or mask_box
        assert around is not None
        half = seen.pixels.shape[-1] // 2
        inside, true = seen.window.crop(sample.mask, edge=False), seen.window.crop(sample.truth, edge=False)
        cells = float(seen.window.side**2)
        return {
            "pixels": seen.pixels,
            "distance": seen.distance,
            "auxiliary": seen.auxiliary,
            "areas": np.array([seen.mask_in / cells, seen.mask_out / cells], np.float32),
            "maps": coverage(np.stack([inside & ~true, true & ~inside]), half),
            "truth": coverage(true, 2 * half),
            "dice": np.asarray(sample.dice, np.float32),
            "log_hd95": log_distance(sample.hd95, around),
        }

    def augmented(self, arrays: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """One of the eight symmetries of the square and other intensities; before that some objects get
        another brightness, and a share of the others another texture."""
        planes = ("pixels", "distance", "maps", "truth")
        arrays = arrays | dict(zip(planes, dihedral([arrays[key] for key in planes], rng, (-2, -1)), strict=True))
        chance = rng.uniform()
        image = arrays["pixels"][:3].transpose(1, 2, 0)
        if chance < OBJECT_SHIFT_SHARE:
            image = object_intensity_shifted(image, arrays["truth"], rng)
        elif self.textures is not None and chance < OBJECT_SHIFT_SHARE + self.options.texture:
            image = with_other_texture(image, arrays["truth"], self.textures(), rng)
        elif chance >= 1.0 - self.options.painted:
            image = painted(image, arrays["truth"], rng)
        arrays["pixels"][:3] = intensities(image, rng).transpose(2, 0, 1)
        return as_tensors(arrays)


def as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {k: torch.from_numpy(np.asarray(v)) for k, v in arrays.items()}


def log_distance(hd95: float, around: BoxPrompt) -> np.ndarray:
    """float32 []: log(1 + HD_SCALE x HD95 over the diagonal of the box); NaN stays NaN."""
    diagonal = float(np.hypot(around.width, around.height))
    return np.asarray(np.log1p(HD_SCALE * hd95 / diagonal), np.float32)
