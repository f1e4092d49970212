"""Training samples in EvanySeg's published form: the box's crop, red mixed with the mask, 224 x 224, nothing else.

Same candidates, same draws of masks and boxes as `estimator_data`, so that both inputs can be compared on equal terms.
The published code's constant augmentation, its crop-only Dice and its JPEG masks are not reproduced.
"""

from __future__ import annotations

import numpy as np
import torch

from evanyseg.prompts import BoxPrompt
from evanyseg.quality.paper_crop import blended_crop, point_box

from ...augment.elastic import Scene
from .data import EstimatorData, log_distance


class PaperData(EstimatorData):
    """See `EstimatorData`. pixels uint8 [3, size, size] before ImageNet normalisation; no maps, scalars are empty."""

    def tensors(
        self, scene: Scene, box: BoxPrompt | None, own: BoxPrompt | None, factor: float
    ) -> dict[str, np.ndarray]:
        """The published crop and the targets of one mask; `factor` has no meaning here."""
        around = box or point_box(scene.mask)
        assert around is not None
        image = np.repeat(scene.image, 3, axis=2) if scene.image.shape[2] == 1 else scene.image
        crop = torch.from_numpy(blended_crop(image, scene.mask, around)).permute(2, 0, 1)[None].contiguous()
        size = (self.options.size, self.options.size)
        pixels = torch.nn.functional.interpolate(crop, size, mode="bilinear", antialias=True, align_corners=False)
        return {
            "pixels": pixels[0].numpy(),
            "scalars": np.zeros(0, np.float32),
            "areas": np.zeros(2, np.float32),
            "dice": np.asarray(scene.dice, np.float32),
            "hd95": np.asarray(scene.hd95, np.float32),
            "log_hd95": log_distance(scene.hd95, around),
        }

    def augmented(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """One of the eight symmetries of the square."""
        turned = np.rot90(sample["pixels"], int(rng.integers(4)), axes=(-2, -1))
        sample["pixels"] = np.ascontiguousarray(turned[..., ::-1] if rng.integers(2) else turned)
        return {k: torch.from_numpy(np.asarray(v)) for k, v in sample.items()}
