"""Corruption by confusion: the mask slides over to something else that looks like an object."""

from __future__ import annotations

import numpy as np

from .base import MaskAtStrength, ObjectPatch, direction_field


def wrong_object(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """The truth is eaten from one side while another object grows in; at strength 1 only the other is left.

    The other is a neighbor with its own mask where there is one, else a shifted and mirrored copy of the shape.
    """
    other = _other(patch, rng)
    leaving = direction_field(patch, rng)
    coming = direction_field(patch, rng)
    gone = np.sort(leaving[patch.truth])
    come = np.sort(coming[other]) if other.any() else np.array([np.inf])

    def make(strength: float) -> np.ndarray:
        left = int((1 - strength) * len(gone))
        kept = patch.truth & (leaving < (gone[left] if left < len(gone) else np.inf))
        here = int(strength * len(come))
        return kept | (other & (coming < (come[here] if here < len(come) else np.inf)))

    return make


def _other(patch: ObjectPatch, rng: np.random.Generator) -> np.ndarray:
    usable = [o for o in patch.others if o.any() and not (o & patch.truth).any()]
    if usable and rng.uniform() < 0.75:
        return usable[int(rng.integers(len(usable)))]
    shape = patch.truth[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    rows, cols = np.nonzero(shape)
    angle = rng.uniform(0, 2 * np.pi)
    reach = patch.radius * rng.uniform(1.5, 3.0)
    dy = round(patch.center[0] - rows.mean() + reach * np.sin(angle))
    dx = round(patch.center[1] - cols.mean() + reach * np.cos(angle))
    out = np.zeros_like(patch.truth)
    rows, cols = rows + dy, cols + dx
    inside = (rows >= 0) & (cols >= 0) & (rows < out.shape[0]) & (cols < out.shape[1])
    out[rows[inside], cols[inside]] = True
    return out & ~patch.truth
