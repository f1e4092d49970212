"""Where the next click would tell most: expected information gain over a segmenter's alternatives.

Chung and Moyer, "Does SAM dream of EIG?", arXiv 2404.16155: each mask head is a belief theta_k about every pixel, all
heads equally likely, the person who clicks makes no mistakes. Their nested Monte Carlo has this exact form:
EIG = Hb(mean_k theta_k) - mean_k Hb(theta_k), in nats, between 0 and ln 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import ImageError, UnsupportedPromptError
from ..prompts import PointPrompt
from ..protocols import Segmenter
from ..results import Candidates

GRID = 30
"""Points a side that are considered, as in the paper."""
SINGLE_MASK_AND_ALTERNATIVES = 4
"""SAM answers with this many: the single mask first, which is no alternative to the other three."""


@dataclass(frozen=True)
class NextClick:
    """A place to click, in pixels (x, y); `gain` in nats; `inside`: the alternatives' mean probability that it lies in
    the object; `gains` [GRID, GRID]: all places that were considered, rows from the top."""

    x: float
    y: float
    gain: float
    inside: float
    gains: np.ndarray = field(repr=False, compare=False)

    def answered(self, positive: bool) -> PointPrompt:
        """The prompt once a person has said whether it lies in the object."""
        return PointPrompt(self.x, self.y, positive)


def information_gain(probabilities: np.ndarray) -> np.ndarray:
    """EIG in nats of [K, ...] beliefs in [0, 1] -> [...]. Raises ImageError for fewer than two."""
    beliefs = np.asarray(probabilities, np.float64)
    if beliefs.ndim < 1 or len(beliefs) < 2:
        raise ImageError("Information gain needs at least two beliefs.")
    gain = _entropy(beliefs.mean(axis=0)) - _entropy(beliefs).mean(axis=0)
    return np.maximum(gain, 0.0)  # what lies below zero is rounding: entropy is concave


def next_click(
    segmenter: Segmenter, candidates: Candidates, clicked: Sequence[PointPrompt] = (), grid: int = GRID
) -> NextClick:
    """The point of a grid x grid raster over the image with the highest gain; places already clicked are left out.

    Raises UnsupportedPromptError for segmenters that take no points, or whose alternatives were never trained (MedSAM):
    their disagreement means nothing.
    """
    beliefs = _alternatives(candidates)
    if not segmenter.supports_points or len(beliefs) < 2 or not np.isfinite(candidates.predicted_iou).any():
        raise UnsupportedPromptError(
            f"{segmenter.name} cannot say where to click next: it was not trained with points and several mask heads; "
            "choose the built-in segmenter, SAM, MobileSAM or SAM-Med2D."
        )
    height, width = beliefs.shape[1:]
    # centres of the cells; each is looked up in the pixel that holds it
    xs, ys = (np.arange(grid) + 0.5) * width / grid, (np.arange(grid) + 0.5) * height / grid
    here = beliefs[:, ys.astype(int)][:, :, xs.astype(int)]
    probabilities = 1.0 / (1.0 + np.exp(-np.clip(here.astype(np.float64), -60, 60)))
    gains = information_gain(probabilities)
    free = np.ones((grid, grid), bool)
    for point in clicked:
        free[min(int(point.y / height * grid), grid - 1), min(int(point.x / width * grid), grid - 1)] = False
    row, column = np.unravel_index(int(np.argmax(np.where(free, gains, -1.0))), gains.shape)
    return NextClick(
        float(xs[column]),
        float(ys[row]),
        float(gains[row, column]),
        float(probabilities[:, row, column].mean()),
        gains.astype(np.float32),
    )


def _alternatives(candidates: Candidates) -> np.ndarray:
    """Logits [K, H, W] with zero at the mask's edge; without the single mask where alternatives follow it."""
    logits = candidates.logits - candidates.threshold
    return logits[1:] if len(logits) == SINGLE_MASK_AND_ALTERNATIVES else logits


def _entropy(p: np.ndarray) -> np.ndarray:
    """Entropy of a coin in nats; 0 at both ends."""
    from scipy.special import xlogy

    return -(xlogy(p, p) + xlogy(1 - p, 1 - p))
