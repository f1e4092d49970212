"""What a network with its trees says of a fixed list of masks, before any calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader

from evanyseg.nets.builtin_estimator import estimator_forward
from evanyseg.quality.gbdt import Trees, corrected
from evanyseg.quality.ood import OODDetector, image_statistics

from .samples.data import EstimatorData
from .samples.fixed import FixedData


def raw_predictions(
    net: torch.nn.Module, data: EstimatorData, picks: Sequence[tuple[int, str]], factor: float, without_box: bool,
    flips: bool, trees: Trees | None = None, ood_detector: OODDetector | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """dice, low, high and true, float [N] each, of the `picks` of `fixed_samples`; ood_score too where there is a
    detector."""
    found: dict[str, list[np.ndarray]] = {}
    for batch in DataLoader(FixedData(data, list(picks), factor, without_box), 32):
        with torch.inference_mode():
            out = {k: v.float().numpy() for k, v in estimator_forward(net, batch, flips).items()}
        seen = batch["auxiliary"].numpy()
        if trees is not None:
            out |= corrected(trees, seen, out)
        kept = {name: out[name] for name in ("dice", "low", "high")} | {"true": batch["dice"].numpy()}
        if ood_detector is not None:
            statistics = [image_statistics(p, a) for p, a in zip(batch["pixels"].numpy(), seen, strict=True)]
            kept["ood_score"] = ood_detector.ood_score(np.stack(statistics))
        for name, values in kept.items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(parts).astype(float) for name, parts in found.items()}
