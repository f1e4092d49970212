"""A small data store of generated images: bright ellipses on noise, several sets, several images of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evanyseg_training.candidates.store import CandidateWriter
from evanyseg_training.data.store import Store, StoreWriter


def ellipse(shape, row, col, a, b):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return ((y - row) / a) ** 2 + ((x - col) / b) ** 2 <= 1


def make_store(
    folder: Path, sets=(("one", "heldout"), ("two", "heldout"), ("three", "train")), images: int = 6
) -> Store:
    """A store with `images` images of 64 x 72 px in each (set, split); the first objects have a stored prediction."""
    rng = np.random.default_rng(3)
    writer = StoreWriter(folder)
    for name, split in sets:
        use = "evaluate-only" if split == "heldout" else "train"
        for k in range(images):
            shared = {"set": name, "source": name, "use": use, "modality": "made", "subject": f"s{k}", "split": split}
            truth = ellipse((64, 72), rng.uniform(24, 40), rng.uniform(24, 48), rng.uniform(8, 16), rng.uniform(8, 18))
            pixels = np.clip(60 + 90 * truth + rng.normal(0, 12, truth.shape), 0, 255).astype(np.uint8)
            image_id = writer.add_image(pixels[..., None], **shared, path=f"{name}/{k}.png", slice=-1)
            box, offset = writer.add_mask(truth)
            common = {
                **shared, "image_id": image_id, "label": "blob", "component": True, "whole": True, "n_components": 1,
                "paper": True, "mask_value": "1", "x0": box[0], "y0": box[1], "x1": box[2], "y1": box[3],
                "area": int(truth.sum()), "mask_offset": offset,
            }  # fmt: skip
            row = writer.add_row(kind="object", **common)
            predicted = np.roll(truth, (k % 4, 2), (0, 1))
            pbox, poffset = writer.add_mask(predicted)
            writer.add_row(
                kind="prediction", **common, reference=row, prediction_source="made model",
                px0=pbox[0], py0=pbox[1], px1=pbox[2], py1=pbox[3], prediction_offset=poffset,
            )  # fmt: skip
    return writer.close()


def make_candidates(store: Store, folder: Path, masks: int = 12) -> None:
    """Shifted and thresholded copies of every training object."""
    rng = np.random.default_rng(4)
    writer = CandidateWriter(folder, "made")
    objects = store.manifest[(store.manifest.kind == "object") & (store.manifest.split == "train")]
    for row in objects.to_dict("records"):
        truth = store.mask(row["row"])
        for _ in range(masks):
            moved = np.roll(truth, rng.integers(-12, 13, 2), (0, 1))
            writer.add(row, truth, moved & (rng.random(truth.shape) > rng.uniform(0, 0.3)), "corruption", "made")
        for rater in range(2):
            writer.add(row, truth, np.roll(truth, rng.integers(-3, 4, 2), (0, 1)), "annotator", f"human rater {rater}")
    writer.close()
