"""Images with one bright disk each, and checkpoints that find it better and better."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from evanyseg.performance.cases import IMAGE_SIDE, SIDE, Images
from evanyseg.performance.estimate import ModelData


def disks(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, 256, 256, 3], bool [N, 128, 128]: a bright disk near the middle, a dim square beside it, noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pixels, truths = [], []
    for _ in range(count):
        y, x = rng.integers(48, 80, 2)
        truth = (rows - y) ** 2 + (columns - x) ** 2 <= rng.integers(16, 24) ** 2
        gray = 50 + 120 * truth + 40 * ((rows > 100) & (columns < 30)) + rng.normal(0, 8, truth.shape)
        large = ndimage.zoom(np.clip(gray, 0, 255), IMAGE_SIDE / SIDE, order=1)
        pixels.append(np.repeat(large.astype(np.uint8)[..., None], 3, axis=2))
        truths.append(truth)
    return np.stack(pixels), np.stack(truths)


def degraded(truth: np.ndarray, step: int, steps: int) -> np.ndarray:
    """What checkpoint `step` predicts: the outline ever nearer to the true one."""
    missing = (steps - 1 - step) * 3
    return ndimage.binary_erosion(truth, iterations=missing) if missing else truth.copy()


def model_of(checkpoints: int) -> ModelData:
    made = []
    for part, count in enumerate((10, 8, 8)):
        pixels, truth = disks(count, part)
        masks = [[degraded(t, k, checkpoints) for t in truth] for k in range(checkpoints if part else 0)]
        predictions = np.array(masks, bool).reshape(-1, count, SIDE, SIDE)
        names = [f"{part}-{n}" for n in range(count)]
        made.append(Images(pixels, truth, predictions, np.full(predictions.shape[:2], np.nan), names, names))
    return ModelData(made[0], made[1], made[2], tuple(f"epoch {k}" for k in range(checkpoints)))
