"""A set in three parts, a small U-Net trained on one of them, and what its checkpoints predict on the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from evanyseg.nets.small_unet import predicted, training
from evanyseg.performance.cases import SIDE, Images, squared, squared_mask
from evanyseg.performance.estimate import ModelData
from evanyseg.protocols import QualityEstimator

from ...errors import DataError
from ..adaptation.objects import KnownObject


@dataclass(frozen=True)
class TrainingOptions:
    """A checkpoint is kept every `every` of `epochs` epochs (the paper: 5 of 100); most: images of each part."""

    epochs: int = 100
    every: int = 5
    width: int = 16
    rate: float = 2e-3
    most: int = 64
    seed: int = 0


def model_data(
    objects: Sequence[KnownObject], estimator: QualityEstimator, options: TrainingOptions, tell: Callable[[str], None]
) -> ModelData:
    """Images of one subject each: a third trains the network, a third is labelled, a third counts as unlabelled (its
    truth is kept, for the comparison alone). Raises DataError for fewer than 24."""
    parts = thirds(objects, options)
    made = [images_of(part) for part in parts]
    pixels = [images.pixels for images in made]
    inputs = [_network_input(p) for p in pixels]
    predictions: list[list[np.ndarray]] = [[], []]
    names = []
    per_epoch = max(len(parts[0]) // 8, 1)
    nets = training(
        inputs[0],
        truth_of(made[0]).astype(np.float32),
        options.epochs * per_epoch,
        options.width,
        options.rate,
        options.seed,
    )
    for step, net in enumerate(nets, 1):
        if step % (options.every * per_epoch) == 0:
            names.append(f"epoch {step // per_epoch}")
            for kept, images in zip(predictions, inputs[1:], strict=True):
                kept.append(predicted(net, images, (SIDE, SIDE)) > 0.5)
    tell(f"{objects[0].set}: {len(names)} checkpoints on {', '.join(str(len(part)) for part in parts)} images")
    for number, kept in enumerate(predictions, 1):
        masks = np.stack(kept)
        made[number] = replace(made[number], predictions=masks, predicted_dice=_scores(parts[number], masks, estimator))
    return ModelData(made[0], made[1], made[2], tuple(names))


def thirds(objects: Sequence[KnownObject], options: TrainingOptions) -> list[list[KnownObject]]:
    """Training, labelled and unlabelled images. Raises DataError for fewer than 24."""
    if len(objects) < 24:
        raise DataError(f"{len(objects)} images of {objects[0].set if objects else 'the set'}: 24 are needed.")
    return [list(objects[k::3])[: options.most] for k in range(3)]


def images_of(part: Sequence[KnownObject]) -> Images:
    """On the working grid, without predictions."""
    names = [one.subject for one in part]
    return Images(
        np.stack([squared(one.image) for one in part]),
        np.stack([squared_mask(one.truth) for one in part]),
        np.zeros((0, len(part), SIDE, SIDE), bool),
        np.zeros((0, len(part))),
        names,
        names,
    )


def truth_of(images: Images) -> np.ndarray:
    assert images.truth is not None
    return images.truth


def _network_input(pixels: np.ndarray) -> np.ndarray:
    """float32 [N, 3, 128, 128], each image with mean 0 and spread 1."""
    small = np.stack([cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for image in pixels])
    x = small.astype(np.float32).transpose(0, 3, 1, 2)
    x -= x.mean((1, 2, 3), keepdims=True)
    return np.ascontiguousarray(x / (x.std((1, 2, 3), keepdims=True) + 1))


def _scores(part: Sequence[KnownObject], masks: np.ndarray, estimator: QualityEstimator) -> np.ndarray:
    """Predicted Dice [K, N] of predictions bool [K, N, 128, 128], on the images in their own size."""
    out = np.full(masks.shape[:2], np.nan)
    for number, known in enumerate(part):
        high, wide = known.truth.shape
        grown = [cv2.resize(m.astype(np.float32), (wide, high), interpolation=cv2.INTER_LINEAR) > 0.5
                 for m in masks[:, number]]  # fmt: skip
        out[:, number] = [e.dice for e in estimator.estimate(known.image, np.stack(grown))]
    return out
