"""Fitting what `evanyseg.quality.conformal` applies: recalibration on one split, conformal offsets on another."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from sklearn.isotonic import IsotonicRegression

from evanyseg.quality.conformal import Calibration, conformal_quantile
from evanyseg.quality.ood import TONES, OODDetector, neighbors


@dataclass(frozen=True)
class CalibrationData:
    """Raw predictions and the truth of N masks, all [N]; groups: who each mask belongs to."""

    dice: np.ndarray
    low: np.ndarray
    high: np.ndarray
    true: np.ndarray
    groups: np.ndarray


def joined(*parts: CalibrationData) -> CalibrationData:
    """All masks of several lists."""
    return CalibrationData(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(CalibrationData)}
    )


def fit_recalibration(predicted: np.ndarray, true: np.ndarray, knots: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Ascending knots_x and non-decreasing knots_y: means of equally filled bins, made monotone.

    Bins instead of isotonic steps on single masks: a line through a few means has no flat stretches on which
    different masks would tie. The ends are extended along the last two knots, within [0, 1].
    """
    order = np.argsort(predicted, kind="stable")
    bins = [b for b in np.array_split(order, min(knots, len(order))) if len(b)]
    x = np.array([predicted[b].mean() for b in bins])
    y = np.array([true[b].mean() for b in bins])
    y = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(x, y, sample_weight=[len(b) for b in bins])
    keep = np.concatenate([[True], np.diff(x) > 1e-6])
    x, y = x[keep], y[keep]
    if len(x) < 2:
        return x, y
    # strictly rising by a hair, so that the ranking of masks survives
    y = np.maximum.accumulate(y + 1e-4 * np.arange(len(y)))
    low_y, high_y = _extended(x[0], y[0], x[1], y[1], 0.0), _extended(x[-1], y[-1], x[-2], y[-2], 1.0)
    x = np.concatenate([[min(0.0, x[0] - 1e-6)], x, [max(1.0, x[-1] + 1e-6)]])
    y = np.clip(np.concatenate([[min(low_y, y[0])], y, [max(high_y, y[-1])]]), 0.0, 1.0)
    return x, y


def _extended(x0: float, y0: float, x1: float, y1: float, at: float) -> float:
    slope = np.clip((y1 - y0) / (x1 - x0), 0.3, 3.0)
    return float(y0 + slope * (at - x0))


def fit_calibration(
    recalibrate_on: CalibrationData, conform_on: CalibrationData, level: float = 0.9, ranges: int = 3, fewest: int = 60
) -> Calibration:
    """Recalibration from the first, one symmetric conformal offset per range of the prediction from the second.

    Eight means hardly follow single masks, so that the lists may overlap; with few calibration subjects more of them
    are worth more than a clean cut. Ranges are quantiles of the recalibrated prediction; there are fewer of them when
    one would have less than `fewest` masks.
    """
    x, y = fit_recalibration(recalibrate_on.dice, recalibrate_on.true)
    plain = Calibration(tuple(x), tuple(y), (), ((0.0, 0.0),), level)
    ranges = max(min(ranges, len(conform_on.true) // fewest), 1)
    center = plain.recalibrated(conform_on.dice)
    edges = np.unique(np.quantile(center, np.arange(1, ranges) / ranges)) if ranges > 1 else np.zeros(0)
    low, high = plain.recalibrated(conform_on.low), plain.recalibrated(conform_on.high)
    low, high = np.minimum(low, center), np.maximum(high, center)
    scores = np.maximum(low - conform_on.true, conform_on.true - high)
    which = np.searchsorted(edges, center, side="right")
    offsets = []
    for index in range(len(edges) + 1):
        offset = conformal_quantile(scores[which == index], level)
        offsets.append((offset, offset))
    return Calibration(tuple(x), tuple(y), tuple(float(e) for e in edges), tuple(offsets), level)


def coverage_and_width(
    calibration: Calibration, predictions: CalibrationData, ood_score: np.ndarray | None = None
) -> tuple[float, float]:
    """Share of true Dice inside the intervals, and their mean width. ood_score: see `Calibration.cell`."""
    _, low, high = calibration.apply(predictions.dice, predictions.low, predictions.high, ood_score)
    inside = (predictions.true >= low - 1e-9) & (predictions.true <= high + 1e-9)
    return float(inside.mean()), float((high - low).mean())


def fit_ood_detector(train: np.ndarray, others: np.ndarray, quantile: float = 0.95) -> OODDetector:
    """Statistics of the training images, and the OOD score below which a share `quantile` of others lies.

    train [M, STATISTICS] becomes the bank; others [N, STATISTICS]: images of the same data sets, other subjects.
    """
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-3
    scale[:TONES] *= 4.0  # sixteen shares of one histogram together say as much as four of the other numbers
    bank = (train - mean) / scale
    spread = np.maximum(neighbors(bank, bank, skip=1)[0].mean(axis=1), 1e-3)
    ood_detector = OODDetector(mean, scale, bank, spread, 0.0)
    return replace(ood_detector, limit=float(np.quantile(ood_detector.ood_score(others), quantile)))
