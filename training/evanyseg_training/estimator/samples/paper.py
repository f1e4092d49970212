"""Training samples in EvanySeg's published form: the box's crop, red mixed with the mask, 224 x 224, nothing else.

Same candidates, same draws of masks and boxes as `context`, so that both inputs can be compared on equal terms. The
published code's constant augmentation, its crop-only Dice and its JPEG masks are not reproduced.
"""

from __future__ import annotations

import numpy as np
import torch

from evanyseg.pixels import as_rgb
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.paper_crop import point_box, resized_crop

from ...augment.geometry import dihedral
from ...augment.sample import Sample
from .context import ContextSamples, as_tensors, log_distance


class PaperSamples(ContextSamples):
    """See `ContextSamples`. pixels uint8 [3, size, size] before ImageNet normalization; no maps, no numbers beside."""

    def arrays(
        self, sample: Sample, box: BoxPrompt | None, mask_box: BoxPrompt | None, factor: float
    ) -> dict[str, np.ndarray]:
        """The published crop and the targets of one mask; `factor` has no meaning here."""
        around = box or point_box(sample.mask)
        assert around is not None
        pixels = resized_crop(as_rgb(sample.image), sample.mask, around, self.options.size)
        return {
            "pixels": pixels.numpy(),
            "auxiliary": np.zeros(0, np.float32),
            "areas": np.zeros(2, np.float32),
            "dice": np.asarray(sample.dice, np.float32),
            "hd95": np.asarray(sample.hd95, np.float32),
            "log_hd95": log_distance(sample.hd95, around),
        }

    def augmented(self, arrays: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """One of the eight symmetries of the square."""
        (turned,) = dihedral([arrays["pixels"]], rng, (-2, -1))
        return as_tensors({**arrays, "pixels": turned})


SAMPLES: dict[str, type[ContextSamples]] = {"context": ContextSamples, "paper": PaperSamples}
"""By input mode."""
