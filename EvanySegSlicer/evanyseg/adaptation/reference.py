"""What the user knows: images with their true mask, and masks of known quality."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ImageError
from ..prompts import BoxPrompt

NEAR = 0.1
"""Scores this far apart (one deviation of a bell) are alike."""
MOST_WEIGHT = 4.0
"""A reference counts this many times as much, or as little, at most."""


@dataclass(frozen=True)
class GradedMask:
    """A mask whose Dice is known, or known only to lie `within` (low, high): then nothing is off as long as an answer
    lies there, and `dice` is a number for people. weight: beside the other masks of its reference; how much the
    reference as a whole counts is the reference's own weight."""

    mask: np.ndarray
    dice: float
    weight: float = 1.0
    within: tuple[float, float] | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        return self.within or (self.dice, self.dice)


@dataclass(frozen=True)
class Reference:
    """One object of one image whose truth is known.

    image uint8 [H, W, 3] as models see it (square pixels); truth bool [H, W], None where only `graded` masks are known
    (an accepted slice); box: the prompt's, in pixels; predictions: masks of the kind that is to be scored, made for
    this object; subject: whom the image is of (slices of one volume are one subject); weight of the whole reference.
    """

    image: np.ndarray
    truth: np.ndarray | None
    box: BoxPrompt | None = None
    predictions: tuple[np.ndarray, ...] = ()
    graded: tuple[GradedMask, ...] = ()
    subject: str = ""
    weight: float = 1.0

    def __post_init__(self) -> None:
        shape = self.image.shape[:2]
        masks = [*([] if self.truth is None else [self.truth]), *self.predictions, *(g.mask for g in self.graded)]
        if any(mask.shape != shape for mask in masks):
            raise ImageError(f"The masks of a reference must have the image's {shape[1]} x {shape[0]} pixels.")
        if self.truth is None and not self.graded:
            raise ImageError("A reference needs its true mask, or a mask whose Dice is known.")
        if self.truth is not None and not self.truth.any():
            raise ImageError("The true mask of a reference is empty: there is nothing to learn from it.")

    def digest(self) -> bytes:
        """16 bytes of all that is learned from it: image, masks, box and weights; not of whom it is."""
        found = hashlib.blake2b(digest_size=16)
        graded = [(*g.bounds, g.weight) for g in self.graded]
        found.update(repr((self.image.shape, self.box, graded, self.weight, self.truth is None)).encode())
        found.update(np.ascontiguousarray(self.image).data)
        for mask in [*([] if self.truth is None else [self.truth]), *self.predictions, *(g.mask for g in self.graded)]:
            found.update(np.packbits(mask).data)
        return found.digest()


def weights_like(scores: Sequence[float], waiting: Sequence[float]) -> np.ndarray:
    """[R] with mean 1: how much references with these built-in scores [R] count, so that together they are like the
    masks that wait to be scored [W].

    A review opens the worst first, so that what it knows is worse than what it asks about: each reference has the ratio
    of both densities at its score (kernel estimates), within bounds. Ones where either is empty.
    """
    known, asked = np.asarray(scores, np.float64), np.asarray(waiting, np.float64)
    if not len(known) or not len(asked):
        return np.ones(len(known))
    density = lambda of: np.exp(-0.5 * ((known[:, None] - of[None]) / NEAR) ** 2).mean(axis=1)
    ratio = density(asked) / density(known)
    if not ratio.sum() > 0:
        return np.ones(len(known))
    bounded = np.clip(ratio / ratio.mean(), 1 / MOST_WEIGHT, MOST_WEIGHT)
    weights: np.ndarray = bounded / bounded.mean()
    return weights
