"""Training samples in EvanySeg's published form: the box's crop, red mixed with the mask, 224 x 224, nothing else.

Same candidates, same draws of masks and boxes as `estimator_data`, so that both inputs can be compared on equal terms.
The published code's constant augmentation, its crop-only Dice and its JPEG masks are not reproduced.
"""

from __future__ import annotations

import numpy as np
import torch

from evanyseg.pixels import as_rgb
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.paper_crop import point_box, resized_crop

from ...augment.elastic import Scene
from ...augment.geometry import dihedral
from .data import EstimatorData, log_distance


class PaperData(EstimatorData):
    """See `EstimatorData`. pixels uint8 [3, size, size] before ImageNet normalisation; no maps, scalars are empty."""

    def tensors(
        self, scene: Scene, box: BoxPrompt | None, own: BoxPrompt | None, factor: float
    ) -> dict[str, np.ndarray]:
        """The published crop and the targets of one mask; `factor` has no meaning here."""
        around = box or point_box(scene.mask)
        assert around is not None
        pixels = resized_crop(as_rgb(scene.image), scene.mask, around, self.options.size)
        return {
            "pixels": pixels.numpy(),
            "scalars": np.zeros(0, np.float32),
            "areas": np.zeros(2, np.float32),
            "dice": np.asarray(scene.dice, np.float32),
            "hd95": np.asarray(scene.hd95, np.float32),
            "log_hd95": log_distance(scene.hd95, around),
        }

    def augmented(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """One of the eight symmetries of the square."""
        (sample["pixels"],) = dihedral([sample["pixels"]], rng, (-2, -1))
        return {k: torch.from_numpy(np.asarray(v)) for k, v in sample.items()}
