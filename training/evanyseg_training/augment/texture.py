"""Objects and their surroundings painted with texture from other images, as augmentation.

Few data sets make a network learn how their objects appear. With texture from elsewhere, only what holds for every
image is left to learn: an object ends where the image changes. Measured on held-out sources: see
RESULTS.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 96
PER_SET = 25
DULLEST = 6.0
"""Patches with a smaller gray deviation show nothing."""
LEAST_CONTRAST = (12.0, 50.0)
"""The object and its surroundings differ by at least so many gray levels on average, drawn anew each time."""


@dataclass(frozen=True)
class Textures:
    """patches uint8 [M, SIDE, SIDE, 3]: square patches of training images."""

    patches: np.ndarray

    @classmethod
    def of(cls, image: Callable[[int], np.ndarray], images: Mapping[str, Sequence[int]], seed: int = 5) -> Textures:
        """PER_SET patches of the images of each set, a quarter of the shorter side to all of it wide. `image(id)` is
        uint8 [H, W, 3]. Dull patches are left out; where all are, there is one black patch."""
        rng = np.random.default_rng(seed)
        patches = []
        for name in sorted(images):
            for number in rng.choice(np.asarray(images[name]), PER_SET):
                pixels = image(int(number))
                shortest = min(pixels.shape[:2])
                side = min(max(int(shortest * rng.uniform(0.25, 1.0)), 16), shortest)
                y, x = (int(rng.integers(0, n - side + 1)) for n in pixels.shape[:2])
                patch = pixels[y : y + side, x : x + side]
                if patch.std() >= DULLEST:
                    how = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
                    patches.append(cv2.resize(np.ascontiguousarray(patch), (SIDE, SIDE), interpolation=how))
        return cls(np.stack(patches) if patches else np.zeros((1, SIDE, SIDE, 3), np.uint8))

    def draw(self, side: int, rng: np.random.Generator) -> np.ndarray:
        """float32 [side, side, 3]: one patch, turned."""
        patch: np.ndarray = np.rot90(self.patches[int(rng.integers(len(self.patches)))], int(rng.integers(4)))
        if side != SIDE:
            patch = cv2.resize(np.ascontiguousarray(patch), (side, side), interpolation=cv2.INTER_LINEAR)
        return patch.astype(np.float32)


def with_other_texture(
    pixels: np.ndarray, mask: np.ndarray, textures: Textures, rng: np.random.Generator
) -> np.ndarray:
    """uint8 [n, n, 3] with other texture in the object of a mask (uint8 [n, n], 0..255), around it, or both.

    The outline stays, at times blurred; an object too small or too large to have a visible outline leaves the pixels
    as they are.
    """
    inside = mask > 127
    if not has_outline(inside):
        return pixels
    share = mask.astype(np.float32) / 255
    if rng.uniform() < 0.5:
        share[:] = cv2.GaussianBlur(share, (0, 0), float(rng.uniform(0.5, 2.0)))
    original: np.ndarray = pixels.astype(np.float32)
    kind = ("object", "around", "both")[int(rng.integers(3))]
    thing = around = original
    if kind != "around":
        new = float(rng.uniform(0.4, 1.0))
        thing = new * textures.draw(len(pixels), rng) + (1 - new) * original
    if kind != "object":
        around = textures.draw(len(pixels), rng)
    thing = with_contrast(thing, around, inside, rng)
    mixed = share[..., None] * thing + (1 - share[..., None]) * around
    return np.clip(mixed, 0, 255).astype(np.uint8)


def has_outline(inside: np.ndarray) -> bool:
    """Whether an object bool [n, n] is neither too small nor too large to have a visible outline."""
    return bool(min(np.count_nonzero(inside), np.count_nonzero(~inside)) >= 12)


def with_contrast(thing: np.ndarray, around: np.ndarray, inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The object's pixels, made brighter or darker where they differ too little from their surroundings; inside: bool
    [n, n]."""
    contrast = float(thing[inside].mean() - around[~inside].mean())
    wanted = float(rng.uniform(*LEAST_CONTRAST))
    if abs(contrast) < wanted:
        thing = thing + (wanted - abs(contrast)) * (1.0 if contrast >= 0 else -1.0)
    return thing
