"""A tiny untrained estimator on disk, for tests of everything but its scores, and an easy scene."""

import json

import numpy as np
import torch
from safetensors.torch import save_file

from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig
from evanyseg.prompts import BoxPrompt

CONFIG = {"size": 32, "widths": [8, 8, 16, 20], "depths": [1, 1], "blocks": 1, "heads": 2, "decoder": 8}
PLAIN = {"knots_x": [0.0, 1.0], "knots_y": [0.0, 1.0], "edges": [], "offsets": [[0.1, 0.1]], "level": 0.9}


def write_estimator(folder, calibrated=True, ood_detector=None, flips=False, **config):
    """estimator.safetensors and .json with seeded random weights; the path of the former."""
    torch.manual_seed(0)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in (CONFIG | config).items()}
    net = BuiltinEstimatorNet(EstimatorConfig(**values))
    tensors = {k: v.half() for k, v in net.state_dict().items()}
    if ood_detector is not None:
        tensors |= {k: torch.from_numpy(v) for k, v in ood_detector.tensors().items()}
    save_file(tensors, folder / "estimator.safetensors")
    described = {
        "format": 2,
        "config": CONFIG | config,
        "factors": {"box": 1.75, "no-prompt": 2.0},
        "calibration": {"box": PLAIN, "no-prompt": PLAIN} if calibrated else None,
        "flips": flips,
    }
    (folder / "estimator.json").write_text(json.dumps(described))
    return folder / "estimator.safetensors"


SHAPE = (90, 110)
BOX = BoxPrompt(35, 25, 75, 65)


def disc(cy=45, cx=55, radius=18, shape=SHAPE):
    """bool [H, W]."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - cy, cols - cx) < radius


def picture(mask, seed=0):
    """uint8 [H, W, 3]: the mask bright on a darker ground, with noise."""
    noise = np.random.default_rng(seed).normal(0, 8, (*mask.shape, 3))
    return np.clip(80 + 90 * mask[..., None] + noise, 0, 255).astype(np.uint8)
