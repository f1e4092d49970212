"""G: from what is seen on unlabelled images to the real metric, a least-squares line over checkpoints, with
intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.agreement import correlation
from ..metrics.bootstrap import group_counts

FEWEST_CHECKPOINTS = 4
FEWEST_LABELED = 4
TREND = 0.5
"""Correlation over checkpoints below which predictor and real metric have no common trend."""
RESAMPLES = 1000
FLAT = 1e-9
"""Predictors that vary by no more than this are constant."""


@dataclass(frozen=True)
class Observed:
    """What is seen of K checkpoints, case by case.

    real [K, N] on the N labelled images (subjects `labelled`); predictors: pairs (on the labelled, on the unlabelled
    side) of one kind each: [K, T] over the T training images in both (pseudo metrics, `subjects` of T), or [K, N] and
    [K, M] over the images themselves (scores). NaN: not known, left out of means.
    """

    real: np.ndarray
    labeled: Sequence[str]
    predictors: Sequence[tuple[np.ndarray, np.ndarray]]
    subjects: Sequence[tuple[Sequence[str], Sequence[str]]]


@dataclass(frozen=True)
class Estimated:
    """value, low, high [K] of the unlabelled images' metric; real [K] and held_out [K] on the labelled ones: measured,
    and as estimated with G fitted on the other checkpoints; r: correlation of those two; trend: correlation of
    predictor and real metric (of the best predictor); inside [K]: the predictor lies where G was fitted; here and
    there [K]: the first predictor's mean on the labelled and on the unlabelled side."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    real: np.ndarray
    held_out: np.ndarray
    r: float
    trend: float
    inside: np.ndarray
    here: np.ndarray
    there: np.ndarray

    @property
    def held_out_error(self) -> float:
        return float(np.abs(self.held_out - self.real).mean())


def estimated(
    seen: Observed, limits: tuple[float, float], level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Estimated:
    """Fit G on the labelled side and apply it to the unlabelled one; answers are kept within `limits`.

    The interval holds what comes of few labelled images, few training images (both resampled by subject) and of the
    checkpoints' scatter about the line (residuals of checkpoints left out, drawn again).
    """
    real = seen.real.mean(1)
    here = np.stack([means(a) for a, _ in seen.predictors])
    there = np.stack([means(b) for _, b in seen.predictors])
    coefficients = _fitted(here[None], real[None])
    value = _applied(coefficients, there[None])[0]
    held_out = _left_out(here, real)
    rng = np.random.default_rng(seed)
    drawn = _resampled(seen, resamples, seed)
    lines = _fitted(drawn.here, drawn.real)
    spread = rng.choice(real - held_out, (resamples, len(real)))
    said = _applied(lines, drawn.there) + spread
    low, high = np.quantile(said, ((1 - level) / 2, (1 + level) / 2), axis=0)
    trends = [correlation(real, one) for one in here]
    reach = 0.1 * np.ptp(here, axis=1, keepdims=True)
    inside = (there >= here.min(1, keepdims=True) - reach) & (there <= here.max(1, keepdims=True) + reach)
    value = np.clip(value, *limits)
    return Estimated(
        value=value,
        low=np.minimum(np.clip(low, *limits), value),
        high=np.maximum(np.clip(high, *limits), value),
        real=real,
        held_out=np.clip(held_out, *limits),
        r=correlation(real, held_out),
        trend=max(trends, key=abs),
        inside=inside.all(0),
        here=here[0],
        there=there[0],
    )


@dataclass(frozen=True)
class _Drawn:
    here: np.ndarray
    there: np.ndarray
    real: np.ndarray


def _resampled(seen: Observed, resamples: int, seed: int) -> _Drawn:
    """Means over resampled cases: here and there [B, P, K], real [B, K]. Cases of one subject go together, and what is
    measured on the same cases is resampled alike."""
    counts: dict[tuple[str, ...], np.ndarray] = {}

    def mean(values: np.ndarray, subjects: Sequence[str]) -> np.ndarray:
        key = tuple(subjects)
        if key not in counts:
            counts[key] = group_counts(np.array(subjects), resamples, seed + len(counts))
        known = np.isfinite(values)
        total = counts[key] @ known.T.astype(float)
        out: np.ndarray = counts[key] @ np.where(known, values, 0.0).T / np.maximum(total, 1)
        return np.where(total > 0, out, means(values))

    real = mean(seen.real, seen.labeled)
    pairs = list(zip(seen.predictors, seen.subjects, strict=True))
    here = np.stack([mean(a, names) for (a, _), (names, _) in pairs], axis=1)
    there = np.stack([mean(b, names) for (_, b), (_, names) in pairs], axis=1)
    return _Drawn(here, there, real)


def means(values: np.ndarray) -> np.ndarray:
    """[K] of [K, N], of what is known; 0 where nothing is (every prediction empty and unscored)."""
    known = np.isfinite(values)
    out: np.ndarray = np.where(known, values, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    return out


def _design(predictors: np.ndarray) -> np.ndarray:
    """[B, K, 1 + P] of predictors [B, P, K]."""
    return np.concatenate([np.ones_like(predictors[:, :1]), predictors], axis=1).transpose(0, 2, 1)


def _fitted(predictors: np.ndarray, real: np.ndarray) -> np.ndarray:
    """[B, 1 + P] least-squares coefficients of [B, P, K] and real [B, K]; a constant predictor gets none."""
    middle = predictors.mean(2, keepdims=True)
    centered = (predictors - middle).transpose(0, 2, 1)
    centered = np.where(np.abs(centered).max(1, keepdims=True) > FLAT, centered, 0.0)
    slopes = (np.linalg.pinv(centered, rcond=1e-6) @ (real - real.mean(1, keepdims=True))[..., None])[..., 0]
    first = real.mean(1) - (slopes * middle[..., 0]).sum(1)
    return np.concatenate([first[:, None], slopes], axis=1)


def _applied(coefficients: np.ndarray, predictors: np.ndarray) -> np.ndarray:
    return (_design(predictors) @ coefficients[..., None])[..., 0]


def _left_out(here: np.ndarray, real: np.ndarray) -> np.ndarray:
    """[K]: each checkpoint's metric by the line through the others."""
    keep = ~np.eye(len(real), dtype=bool)
    others = np.stack([here[:, k] for k in keep])
    lines = _fitted(others, np.stack([real[k] for k in keep]))
    return _applied(lines, here.T[:, :, None])[:, 0]
