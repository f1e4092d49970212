"""Synthetic slices and volumes with known objects: what is timed must not depend on data that a user lacks."""

from __future__ import annotations

import numpy as np

from evanyseg.prompts import BoxPrompt


def slice_with_object(side: int, seed: int) -> tuple[np.ndarray, np.ndarray, BoxPrompt]:
    """(float32 image [side, side], mask bool, box): a bright textured ellipse among fainter ones, over noise."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:side, :side]
    image = rng.normal(100, 12, (side, side)).astype(np.float32)
    mask = np.zeros((side, side), bool)
    for strength in (25, 25, 70):
        row, col = rng.uniform(0.3, 0.7, 2) * side
        height, width = rng.uniform(0.08, 0.2, 2) * side
        mask = ((rows - row) / height) ** 2 + ((cols - col) / width) ** 2 <= 1
        image[mask] += strength
    box = BoxPrompt.of_mask(mask)
    assert box is not None
    return image, mask, box


def volume_with_object(shape: tuple[int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(int16 volume [K, J, I], label uint8 with one ellipsoid of value 1 that spans nine tenths of the slices)."""
    rng = np.random.default_rng(seed)
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    center = [s / 2 for s in shape]
    radius = [0.45 * shape[0], 0.2 * shape[1], 0.15 * shape[2]]
    inside = sum(((x - c) / r) ** 2 for x, c, r in zip((k, j, i), center, radius, strict=True)) <= 1
    volume = rng.normal(0, 20, shape[1:]).astype(np.int16)[None].repeat(shape[0], axis=0)
    volume[inside] += 120
    return volume, inside.astype(np.uint8)
