"""Data sets for `evanyseg audit`: two organs in each case."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SHAPE = (14, 40, 64)
NAMES = {"background": 0, "kidney_left": 1, "kidney_right": 2}


def organs(seed: int, bad: bool = False, swapped: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels [K, J, I] of two bright balls; x runs to the patient's left. `bad`: the left one is cut."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    near = lambda cx, r: (z - 7) ** 2 * 4 + (y - 20) ** 2 + (x - cx) ** 2 <= r**2
    left, right = near(46 + rng.integers(0, 3), 9), near(17, 9)
    image = 40 + rng.normal(0, 3, SHAPE) + 160 * (left | right)
    values = (2, 1) if swapped else (1, 2)
    labels = np.where(left, values[0], np.where(right, values[1], 0)).astype(np.uint8)
    if bad:
        labels[(labels == values[0]) & (x < 47)] = 0
    return image.astype(np.float32), labels


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.5, 4.0))
    sitk.WriteImage(image, str(path))
    return path


def nnunet(folder: Path, count: int = 9, bad: tuple[int, ...] = (), swapped: tuple[int, ...] = ()) -> Path:
    for n in range(count):
        image, labels = organs(n, n in bad, n in swapped)
        save(folder / "imagesTr" / f"case_{n:02}_0000.nii.gz", image)
        save(folder / "labelsTr" / f"case_{n:02}.nii.gz", labels)
    (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}, "labels": NAMES}))
    return folder
