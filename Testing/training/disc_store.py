"""A small data store of generated images, and candidates on it: discs and rings on noise, in three 'sources'."""

import numpy as np

from evanyseg_training.data.store import StoreWriter

SPLITS = ("train", "train", "train", "val", "calib")


def make_store(folder, images=30, size=64, seed=0):
    """Images alternate between three sets; subjects 0..4 of each hold the splits of SPLITS."""
    writer = StoreWriter(folder)
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:size, :size]
    for number in range(images):
        name, subject = "abc"[number % 3], (number // 3) % 5
        cy, cx = rng.uniform(size * 0.35, size * 0.65, 2)
        radius = rng.uniform(size * 0.12, size * 0.22)
        mask = np.hypot((rows - cy) * rng.uniform(0.7, 1.3), cols - cx) < radius
        gray = 70 + 90 * mask + rng.normal(0, 12, mask.shape)
        shared = {
            "set": name, "source": name, "use": "train", "modality": "made up", "subject": f"{name}{subject}",
            "split": SPLITS[subject],
        }  # fmt: skip
        pixels = np.clip(gray, 0, 255).astype(np.uint8)[..., None]
        image_id = writer.add_image(pixels, **shared, path=f"{number}.png", slice=-1)
        (x0, y0, x1, y1), offset = writer.add_mask(mask)
        row = {
            **shared, "image_id": image_id, "label": "disc", "kind": "object", "component": True, "whole": True,
            "n_components": 1, "paper": True, "mask_value": "1", "x0": x0, "y0": y0, "x1": x1, "y1": y1,
            "area": int(mask.sum()), "mask_offset": offset,
        }  # fmt: skip
        reference = writer.add_row(**row)
        if number % 2 == 0:
            (px0, py0, px1, py1), offset = writer.add_mask(np.roll(mask, 3, axis=1))
            more = {"px0": px0, "py0": py0, "px1": px1, "py1": py1, "prediction_offset": offset}
            writer.add_row(
                **(row | more | {"kind": "prediction", "reference": reference, "prediction_source": "shifted"})
            )
    return writer.close()
