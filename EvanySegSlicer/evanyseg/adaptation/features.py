"""What is measured of a mask so that a few references can tell good from bad: absolute where networks are relative.

A network that has to work everywhere forgets how large, how bright and where in the image an object is. Within one kind
of images that is what tells; with the references' own masks it is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..prompts import BoxPrompt
from ..quality.builtin import MeasuredCase
from ..quality.context import AUXILIARY
from ..quality.gbdt import NETWORK
from ..quality.ood import STATISTICS, statistics_of
from ..quality.shape import FEATURES

PLACE = ("log area", "area share", "row", "column", "height", "width", "log aspect", "inside mean", "inside spread",
         "inside 10 %", "inside 90 %", "rim mean", "red", "blue")  # fmt: skip
"""Absolute: pixels, shares of the image, and 8-bit intensities over 255."""
RELATIVE = ("log area", "row", "column", "log aspect", "inside mean", "inside spread", "solidity", "compactness",
            "signed contrast")  # fmt: skip
"""What masks are compared in with the references' true ones."""
SPREAD_FLOOR = (0.1, 0.03, 0.03, 0.1, 0.03, 0.02, 0.03, 0.05, 0.2)
"""Least spread of the true masks, in the order of RELATIVE: with few references a spread is mostly luck."""
CALIBRATED = 3
ABSOLUTE = len(AUXILIARY) + len(FEATURES) + len(NETWORK) + CALIBRATED + STATISTICS + len(PLACE)
COUNT = ABSOLUTE + len(RELATIVE) + 1
GRAYS = 3 * 255 + 1
"""Sums of red, green and blue that there can be."""
RIM = 3
"""Pixels around the mask whose intensity is compared with the inside."""


@dataclass(frozen=True)
class TrueMasks:
    """What the references' true masks are like, in RELATIVE: descriptors [R, len(RELATIVE)]."""

    descriptors: np.ndarray

    def relative(self, descriptor: np.ndarray) -> np.ndarray:
        """float64 [len(RELATIVE) + 1]: deviations from their mean in units of their spread, and the distance to the
        nearest of them; zeros where there are none."""
        if len(self.descriptors) == 0:
            return np.zeros(len(RELATIVE) + 1)
        spread = np.maximum(self.descriptors.std(axis=0), SPREAD_FLOOR)
        deviations = np.clip((descriptor - self.descriptors.mean(axis=0)) / spread, -20, 20)
        nearest = np.sqrt((((descriptor - self.descriptors) / spread) ** 2).mean(axis=1)).min()
        return np.append(deviations, min(float(nearest), 20.0))


@dataclass(frozen=True)
class Measured:
    """absolute float64 [ABSOLUTE]; descriptor float64 [len(RELATIVE)]."""

    absolute: np.ndarray
    descriptor: np.ndarray

    @property
    def builtin_interval(self) -> tuple[float, float]:
        """(low, high) of the built-in estimator."""
        at = len(AUXILIARY) + len(FEATURES) + len(NETWORK) + 1
        return float(self.absolute[at]), float(self.absolute[at + 1])

    def features(self, masks: TrueMasks) -> np.ndarray:
        """float64 [COUNT], rounded so that the last bits of a batch never send a mask to another leaf."""
        joined = np.concatenate([self.absolute, masks.relative(self.descriptor)])
        return np.nan_to_num(np.round(joined, 5)).astype(np.float32).astype(np.float64)


def measure(image: np.ndarray, mask: np.ndarray, case: MeasuredCase) -> Measured | None:
    """None where the built-in estimator was not shown the mask (empty, unusable). image uint8 [H, W, 3], mask bool."""
    own = BoxPrompt.of_mask(mask)
    if case.seen is None or case.numbers is None or own is None:
        return None
    auxiliary = case.seen.auxiliary.astype(np.float64)
    network = [float(case.numbers[name]) for name in NETWORK]
    said = case.estimate
    place = place_of(image, mask, own)
    statistics = statistics_of(case.seen)
    absolute = np.concatenate([auxiliary, network, [said.dice, said.low, said.high], statistics, place])
    shape = dict(zip(FEATURES, auxiliary[len(AUXILIARY) :], strict=True))
    at = dict(zip(PLACE, place, strict=True))
    descriptor = np.array([at[name] if name in at else shape[name] for name in RELATIVE])
    return Measured(absolute, descriptor)


def place_of(image: np.ndarray, mask: np.ndarray, own: BoxPrompt) -> np.ndarray:
    """float64 [len(PLACE)] of a mask bool [H, W] with its tight box, on image uint8 [H, W, 3]."""
    height, width = mask.shape
    top, bottom, left, right = int(own.y0), int(own.y1), int(own.x0), int(own.x1)
    near = np.s_[max(top - RIM, 0) : bottom + RIM, max(left - RIM, 0) : right + RIM]
    part, pixels = mask[near], image[near]
    gray = pixels.sum(axis=-1, dtype=np.uint16)  # three times the mean: whole numbers, which can be counted
    counts = np.bincount(gray[part], minlength=GRAYS)
    area = int(counts.sum())
    levels = np.arange(GRAYS) / (GRAYS - 1)
    mean = float(counts @ levels) / area
    low, high = quantiles(counts, (0.1, 0.9)) / (GRAYS - 1)
    around = part.size - area
    red, green, blue = (float(pixels[..., c].sum(where=part, dtype=np.int64)) / (255 * area) for c in range(3))
    rows, columns = (np.count_nonzero(mask[top:bottom, left:right], axis=axis) for axis in (1, 0))
    return np.array(
        [
            np.log(area + 1.0),
            area / mask.size,
            (top + rows @ np.arange(len(rows)) / area) / height,
            (left + columns @ np.arange(len(columns)) / area) / width,
            (bottom - top) / height,
            (right - left) / width,
            np.log((bottom - top) / (right - left)),
            mean,
            np.sqrt(counts @ (levels - mean) ** 2 / area),
            low,
            high,
            (float(gray.sum(dtype=np.int64)) / (GRAYS - 1) - mean * area) / around if around else mean,
            red - green,
            blue - green,
        ]
    )


def quantiles(counts: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """Of values 0, 1, ... that are there so many times, as `numpy.quantile` gives them."""
    ends = np.cumsum(counts)
    at = np.array(shares) * (ends[-1] - 1)
    below, above = (np.searchsorted(ends, rank, side="right") for rank in (np.floor(at), np.ceil(at)))
    out: np.ndarray = below + (at - np.floor(at)) * (above - below)
    return out
