"""Ways to order unlabelled images by how good a network's prediction is, each with its time and memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from evanyseg.nets.small_unet import SmallUNet, predicted
from evanyseg.protocols import QualityEstimator
from evanyseg.results import QualityCase, QualityEstimate
from evanyseg.uses.rank import Purpose, ranked

from ..adaptation.objects import KnownObject

RANDOM, ENTROPY, DROPOUT, RANK = "random", "entropy", "MC dropout", "evanyseg rank"
METHODS = (RANDOM, ENTROPY, DROPOUT, RANK)
PASSES = 20
"""Forward passes of MC dropout."""
EVERY_MS = 2.0


@dataclass(frozen=True)
class Ordered:
    """Indices of the pool, the first to annotate and the first to trust; seconds and extra MB that it took."""

    worst: np.ndarray
    best: np.ndarray
    seconds: float
    megabytes: float


def ordered(
    method: str,
    net: SmallUNet,
    inputs: np.ndarray,
    pool: Sequence[KnownObject],
    estimator: QualityEstimator,
    seed: int,
) -> Ordered:
    """One method on network inputs float32 [N, 3, s, s] of the pool [N]. The network's own prediction is there already
    and counts for none of them."""
    masks = predicted(net, inputs, inputs.shape[2:])
    used = PeakMemory()
    start = time.perf_counter()
    with used:
        worst, best = _orders(method, net, inputs, masks, pool, estimator, seed)
    return Ordered(worst, best, time.perf_counter() - start, used.megabytes)


def _orders(
    method: str,
    net: SmallUNet,
    inputs: np.ndarray,
    masks: np.ndarray,
    pool: Sequence[KnownObject],
    estimator: QualityEstimator,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    if method == RANDOM:
        order = np.random.default_rng(seed).permutation(len(pool))
        return order, order[::-1]
    if method == RANK:
        dice, low, high = estimated(estimator, pool, masks > 0.5).T
        return ranked(dice, low, high, Purpose.ANNOTATION), ranked(dice, low, high, Purpose.PSEUDO_LABELS)
    doubt = entropy(masks) if method == ENTROPY else dropout_doubt(net, inputs, seed)
    return np.argsort(-doubt, kind="stable"), np.argsort(doubt, kind="stable")


def estimated(estimator: QualityEstimator, pool: Sequence[KnownObject], masks: np.ndarray) -> np.ndarray:
    """Predicted Dice with its interval [N, 3] of masks bool [N, h, w], on the images in their own size and in batches,
    as an audit does it. No mask at all is no answer: nobody would trust it, everybody should look."""
    grown = [
        cv2.resize(mask.astype(np.float32), one.truth.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
        for one, mask in zip(pool, masks, strict=True)
    ]
    found = list(estimator.estimate_cases(QualityCase(o.image, m) for o, m in zip(pool, grown, strict=True)))
    found = [QualityEstimate(0.0, 0.0, 0.0, e.level, e.estimator) if not e.scored else e for e in found]
    return np.array([(e.dice, e.low, e.high) for e in found])


def entropy(probability: np.ndarray) -> np.ndarray:
    """[N]: mean entropy in nats over the pixels that the mask or its doubt covers (probability above .1), [N, h, w]."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    each = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    where = probability > 0.1
    out: np.ndarray = (each * where).sum((1, 2)) / np.maximum(where.sum((1, 2)), 1)
    return np.where(where.any((1, 2)), out, np.log(2))


def dropout_doubt(net: SmallUNet, inputs: np.ndarray, seed: int) -> np.ndarray:
    """[N]: 1 - mean Dice of PASSES predictions with dropout with their mean."""
    net.eval()
    net.dropout.train()
    passes = []
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        for _ in range(PASSES):
            parts = [torch.sigmoid(net(torch.from_numpy(inputs[k : k + 32]))) for k in range(0, len(inputs), 32)]
            passes.append(torch.cat(parts)[:, 0].numpy())
    net.eval()
    mean = np.mean(passes, axis=0) > 0.5
    alike = [
        2 * ((p > 0.5) & mean).sum((1, 2)) / np.maximum((p > 0.5).sum((1, 2)) + mean.sum((1, 2)), 1) for p in passes
    ]
    return 1 - np.mean(alike, axis=0)


class PeakMemory:
    """How far this process's memory rose above where it was, in MB (NaN where /proc is not there)."""

    def __init__(self) -> None:
        self.megabytes = float("nan")
        self._over = threading.Event()

    def __enter__(self) -> PeakMemory:
        self._start = self._peak = resident()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(EVERY_MS / 1000):
            self._peak = max(self._peak, resident())

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self.megabytes = max(self._peak, resident()) - self._start


def resident(read: Callable[[], str] = lambda: Path("/proc/self/statm").read_text(encoding="ascii")) -> float:
    """Resident memory of this process in MB; NaN where the system does not tell."""
    try:
        return int(read().split()[1]) * 4096 / 1e6
    except OSError:
        return float("nan")
