"""Expected information gain of a click, in nats: exactly, and by the nested Monte Carlo of the paper.

Chung and Moyer, "Does SAM dream of EIG?", arXiv 2404.16155: mask head k is a belief theta_k about every pixel, q_k how
likely that head is (all alike in the paper), and the person who clicks makes no mistakes. A label is a Bernoulli draw,
so that what the paper estimates has a closed form: EIG = Hb(sum_k q_k theta_k) - sum_k q_k Hb(theta_k), between 0 and
ln 2.
"""

from __future__ import annotations

import math

import numpy as np

from ..errors import ImageError

LARGEST = math.log(2.0)
"""Nats that one answer of yes or no can bring."""


def information_gain(probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """EIG in nats of [K, ...] beliefs in [0, 1] -> float64 [...]; weights [K]: q, None for all alike.

    Raises ImageError for fewer than two beliefs, for values that are no probabilities and for weights that are none.
    """
    beliefs, q = _checked(probabilities, weights)
    mean = np.tensordot(q, beliefs, axes=1)
    gain = _entropy(mean) - np.tensordot(q, _entropy(beliefs), axes=1)
    return np.asarray(np.maximum(gain, 0.0))  # what lies below zero is rounding: entropy is concave


def nested_monte_carlo(
    probabilities: np.ndarray,
    outer: int,
    inner: int,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """The paper's estimate of the same, [K, ...] -> float64 [...].

    `outer` draws of a head and of its label; the evidence is the mean over `inner` further heads. The logarithm of a
    noisy mean is too low on average, so the estimate is too high: compare with `information_gain`. Chances below 1e-12
    count as that, or heads that are sure would make it infinite. Raises ImageError as `information_gain` does, and for
    no draws.
    """
    if outer < 1 or inner < 1:
        raise ImageError("A Monte Carlo estimate needs at least one outer and one inner draw.")
    beliefs, q = _checked(probabilities, weights)
    flat = beliefs.reshape(len(q), -1).T
    total = np.zeros(len(flat))
    for _ in range(outer):
        own = flat[np.arange(len(flat)), rng.choice(len(q), len(flat), p=q)]
        others = (rng.multinomial(inner, q, len(flat)) * flat).sum(axis=1) / inner
        label = rng.random(len(flat)) < own
        likelihood, evidence = np.where(label, own, 1 - own), np.where(label, others, 1 - others)
        total += np.log(np.maximum(likelihood, _LEAST)) - np.log(np.maximum(evidence, _LEAST))
    return np.asarray(total / outer).reshape(beliefs.shape[1:])


_LEAST = 1e-12


def _checked(probabilities: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    beliefs = np.asarray(probabilities, np.float64)
    if beliefs.ndim < 1 or len(beliefs) < 2:
        raise ImageError("Information gain needs at least two beliefs.")
    if not np.all((beliefs >= 0) & (beliefs <= 1)):
        raise ImageError("Beliefs must be probabilities between 0 and 1, and none of them missing.")
    q = np.ones(len(beliefs)) if weights is None else np.asarray(weights, np.float64)
    if q.shape != (len(beliefs),) or not np.all(np.isfinite(q)) or np.any(q < 0) or not q.sum() > 0:
        raise ImageError(f"{len(beliefs)} beliefs need as many weights that are not negative and not all zero.")
    return beliefs, q / q.sum()


def _entropy(p: np.ndarray) -> np.ndarray:
    """Entropy of a coin in nats; 0 at both ends."""
    from scipy.special import xlogy

    return np.asarray(-(xlogy(p, p) + xlogy(1 - p, 1 - p)))
