"""Examples of the best and the worst predictions, on generated images: no image of any data set is ever shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy import ndimage

from evanyseg.geometry.box_jitter import jittered
from evanyseg.overlap import dice
from evanyseg.pixels import as_rgb
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import QualityEstimator
from evanyseg.results import QualityCase, QualityEstimate

from ..candidates.corruption import ObjectPatch, corrupted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE, SMALLEST = 192, 300
COLUMNS = 5
TRUTH, MASK = "#FFFFFF", "#E69F00"


@dataclass(frozen=True)
class Example:
    """A generated image uint8 [H, W, 3], its true object and a corrupted mask bool [H, W], and what was predicted."""

    image: np.ndarray
    truth: np.ndarray
    mask: np.ndarray
    estimate: QualityEstimate

    @property
    def true_dice(self) -> float:
        return dice(self.mask, self.truth)

    @property
    def error(self) -> float:
        return self.estimate.dice - self.true_dice


def made_picture(rng: np.random.Generator, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """An image uint8 [side, side, 3] of a few blurred, noisy, uneven shapes, and one of them: bool [side, side]."""
    y, x = np.mgrid[:side, :side] / side
    gray = 0.25 + 0.12 * _smooth(rng, side, side / 5)
    truth: np.ndarray = np.zeros((side, side), bool)
    while np.count_nonzero(truth) < SMALLEST:
        for number in range(4):
            cx, cy = rng.uniform(0.25, 0.75, 2) if number else rng.uniform(0.4, 0.6, 2)
            radius = rng.uniform(0.08, 0.2)
            shape = np.hypot((x - cx) * rng.uniform(0.7, 1.4), y - cy) < radius * (1 + 0.35 * _smooth(rng, side, 14))
            gray = np.where(shape, gray + rng.choice((-1, 1)) * rng.uniform(0.08, 0.3), gray)
            truth = shape if number == 0 else truth & ~shape
        components, _ = ndimage.label(truth)
        truth = components == np.bincount(components.ravel(), minlength=2)[1:].argmax() + 1
    gray = ndimage.gaussian_filter(gray, 1.2) + rng.normal(0, rng.uniform(0.01, 0.05), gray.shape)
    return as_rgb((np.clip(gray, 0, 1) * 255).astype(np.uint8)), truth


def scored_examples(estimator: QualityEstimator, count: int = 120, seed: int = 0) -> list[Example]:
    """`count` corrupted masks of generated images, true Dice spread flat, scored with a jittered box."""
    rng = np.random.default_rng(seed)
    made, cases = [], []
    for number in range(count):
        image, truth = made_picture(rng)
        patch = ObjectPatch(image[..., 0].astype(np.float32) / 255, truth)
        mask, _, _ = corrupted(patch, 0.2 + 0.79 * (number + 0.5) / count, rng)
        made.append((image, truth, mask))
        box = BoxPrompt.of_mask(truth)
        assert box is not None  # made_picture gives no empty object
        cases.append(QualityCase(image, mask, jittered(box, truth.shape, rng, 0.10, 0.05)))
    return [Example(*m, e) for m, e in zip(made, estimator.estimate_cases(cases), strict=True)]


def best_and_worst(examples: Sequence[Example], count: int = COLUMNS) -> tuple[list[Example], list[Example]]:
    """The nearest prediction in each of `count` ranges of the true Dice, and the `count` farthest of all."""
    ranked = sorted(examples, key=lambda e: e.true_dice)
    parts = np.array_split(np.arange(len(ranked)), count)
    nearest = [min((ranked[i] for i in part), key=lambda e: abs(e.error)) for part in parts if len(part)]
    return nearest, sorted(examples, key=lambda e: -abs(e.error))[:count]


def draw_examples(examples: Sequence[Example], path: Path) -> Path:
    """One PNG: the nearest predictions above, the farthest below; white: the truth, orange: the mask."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = best_and_worst(examples)
    figure, panels = plt.subplots(2, COLUMNS, figsize=(2.4 * COLUMNS, 5.9), squeeze=False)
    for title, row, axes in zip(("nearest", "farthest"), rows, panels, strict=True):
        for panel in axes:
            panel.axis("off")
        for example, panel in zip(row, axes, strict=False):
            _draw(example, panel)
        axes[0].text(-0.08, 0.5, title, transform=axes[0].transAxes, rotation=90, va="center", ha="right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80, bbox_inches="tight")
    plt.close(figure)
    return path


def _draw(example: Example, panel: Axes) -> None:
    e = example.estimate
    panel.imshow(example.image)
    for mask, color in ((example.truth, TRUTH), (example.mask, MASK)):
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for outline in outlines:
            points = np.vstack([outline[:, 0], outline[:1, 0]])
            panel.plot(points[:, 0], points[:, 1], color=color, linewidth=1.1)
    panel.set_title(f"true {example.true_dice:.2f}, predicted {e.dice:.2f}\n[{e.low:.2f}, {e.high:.2f}]", fontsize=9)


def _smooth(rng: np.random.Generator, side: int, scale: float) -> np.ndarray:
    field = ndimage.gaussian_filter(rng.normal(size=(side, side)), scale)
    return field / np.abs(field).max()
