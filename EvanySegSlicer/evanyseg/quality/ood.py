"""Out-of-distribution detection: is an image unlike those the estimator was trained on? The image tells, not the
network.

The network's features do not tell: it maps an unusual image to usual numbers. Plain statistics of the window
(tones, texture, colour, size) do: with a source left out of training they set images of another kind apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import WeightsError
from .context import AUXILIARY, ContextInput

PREFIX = "ood."
FORMER_PREFIX = "familiar."
"""What the prefix was before: read, never written."""
PREFIXES = (PREFIX, FORMER_PREFIX)
TONES = 16
STATISTICS = TONES + 9
NEIGHBORS = 5
NAMES = ("mean", "scale", "bank", "spread", "limit")
FLATTEST = 0.04 * 255
"""Floor of the grey deviation, as the network's input has it: a flat window stays flat."""
WINDOW_SIDE = AUXILIARY.index("log window side over 128")


def image_statistics(pixels: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
    """float32 [STATISTICS] of what a window shows, without the mask: histogram of the standardised grey, fine and
    coarse texture, brightness, contrast, colour (mean and spread of red - green and blue - green), log size.

    pixels uint8 [3 or more, n, n] (RGB first), auxiliary [AUXILIARY or more]: see `ContextInput`.
    """
    rgb = pixels[:3].astype(np.float32)
    gray = rgb.mean(axis=0)
    level, spread = float(gray.mean()), float(gray.std())
    tone = (gray - level) / max(spread, FLATTEST)
    places = np.clip(((tone + 3.0) * (TONES / 6.0)).astype(np.int64), 0, TONES - 1)
    histogram = np.bincount(places.ravel(), minlength=TONES) / places.size
    size = tone.shape[0] // 4 * 4
    coarse = tone[:size, :size].reshape(size // 4, 4, size // 4, 4).mean(axis=(1, 3))
    red, blue = rgb[0] - rgb[1], rgb[2] - rgb[1]
    rest = [
        np.abs(np.diff(tone, axis=1)).mean() / 2 + np.abs(np.diff(tone, axis=0)).mean() / 2,
        coarse.std(),
        level / 100,
        spread / 50,
        red.mean() / 30,
        blue.mean() / 30,
        red.std() / 30,
        blue.std() / 30,
        auxiliary[WINDOW_SIDE],
    ]
    return np.concatenate([histogram, rest]).astype(np.float32)


def statistics_of(seen: ContextInput) -> np.ndarray:
    """`image_statistics` of a case's window, measured once for all masks of its prompt."""
    measured = seen.shown.measured
    if "statistics" not in measured:
        measured["statistics"] = image_statistics(seen.shown.pixels, seen.auxiliary)
    return measured["statistics"]


@dataclass(frozen=True)
class OODDetector:
    """mean [F] and scale [F] standardise statistics; bank [M, F]: those of M training images, standardised; spread [M]:
    how far each of them lies from its own neighbours; `limit`: OOD score beyond which an image counts as unlike them.

    Distances are read beside the spread of the neighbours, since training images of one kind (colour photographs) lie
    farther from each other than those of another (head CT).
    """

    mean: np.ndarray
    scale: np.ndarray
    bank: np.ndarray
    spread: np.ndarray
    limit: float

    def ood_score(self, statistics: np.ndarray) -> np.ndarray:
        """Mean distance [N] to the nearest few of the bank, over their own mean spread, of statistics [N, F]."""
        distances, nearest = neighbors(self.bank, (statistics - self.mean) / self.scale)
        return distances.mean(axis=1) / self.spread[nearest].mean(axis=1)

    def score_of(self, seen: ContextInput) -> float:
        """`ood_score` of a case's window, measured once for all masks of its prompt."""
        measured = seen.shown.measured
        if "ood score" not in measured:
            measured["ood score"] = self.ood_score(statistics_of(seen)[None])
        return float(measured["ood score"][0])

    def tensors(self) -> dict[str, np.ndarray]:
        """For a weight file."""
        arrays = [self.mean, self.scale, self.bank, self.spread, np.array([self.limit])]
        return {PREFIX + name: array.astype(np.float32) for name, array in zip(NAMES, arrays, strict=True)}

    @classmethod
    def from_tensors(cls, stored: Mapping[str, np.ndarray]) -> OODDetector | None:
        """None when there are none. Raises WeightsError for arrays that do not belong together."""
        found = {name.partition(".")[2]: a for name, a in stored.items() if name.startswith(PREFIXES)}
        if not found:
            return None
        if set(found) != set(NAMES):
            raise WeightsError("What the estimator knows of its training images is incomplete; get its file anew.")
        arrays = mean, scale, bank, spread, limit = tuple(found[n].astype(np.float64) for n in NAMES)
        many = spread.size
        shapes = (STATISTICS,), (STATISTICS,), (many, STATISTICS), (many,), (1,)
        fits = many >= NEIGHBORS and tuple(a.shape for a in arrays) == shapes
        if not fits or not all(np.isfinite(a).all() for a in arrays) or not ((scale > 0).all() and (spread > 0).all()):
            raise WeightsError("What the estimator knows of its training images is damaged; get its file anew.")
        return cls(mean, scale, bank, spread, float(limit[0]))


def neighbors(bank: np.ndarray, points: np.ndarray, skip: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Distances [N, k] to the NEIGHBOURS nearest rows of bank [M, F], nearest first, and which they are; `skip` the
    first ones (1 where the points are the bank itself)."""
    squared = (points**2).sum(1)[:, None] + (bank**2).sum(1)[None] - 2 * points @ bank.T
    distances = np.sqrt(np.maximum(squared, 0.0))
    nearest = np.argsort(distances, axis=1, kind="stable")[:, skip : skip + NEIGHBORS]
    return np.take_along_axis(distances, nearest, axis=1), nearest
