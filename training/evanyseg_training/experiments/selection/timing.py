"""What ordering costs an image: predicted Dice, and MC dropout of networks of the sizes that people use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from evanyseg.nets.small_unet import SmallUNet
from evanyseg.protocols import QualityEstimator

from ..adaptation.objects import KnownObject
from .methods import PASSES, RANK, dropout_doubt, estimated

if TYPE_CHECKING:
    import pandas as pd

SIZES = ((48, 8, 32), (128, 16, 8), (256, 16, 4), (256, 32, 4))
"""Side in pixels and width of the first level of a small U-Net; images that are timed."""
TIMED, REPEATS = 32, 3


@dataclass(frozen=True)
class Timing:
    """milliseconds: an image, the median of `REPEATS`."""

    what: str
    images: int
    milliseconds: float


def timings(pool: Sequence[KnownObject], estimator: QualityEstimator) -> pd.DataFrame:
    """A row a way of ordering; the masks are the true ones, whose size is that of a prediction."""
    import pandas as pd

    some = list(pool[:TIMED])
    masks = np.stack([_square(one.truth) for one in some])
    rows = [Timing(RANK, len(some), _timed(partial(estimated, estimator, some, masks), len(some)))]
    for side, width, count in SIZES:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = SmallUNet(width, dropout=0.2)
        x = np.random.default_rng(0).normal(size=(count, 3, side, side)).astype(np.float32)
        name = f"MC dropout, {PASSES} passes of a U-Net at {side} px, width {width}"
        rows.append(Timing(name, count, _timed(partial(dropout_doubt, net, x, 0), count)))
    first = rows[0].milliseconds
    return pd.DataFrame(
        {
            "ordering by": row.what,
            "images timed": row.images,
            "ms an image": f"{row.milliseconds:.1f}",
            "rank's share of it": f"{first / row.milliseconds:.3f}",
        }
        for row in rows
    )


def _timed(work: Callable[[], object], images: int) -> float:
    work()
    took = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return 1000 * float(np.median(took)) / images


def _square(truth: np.ndarray, side: int = 48) -> np.ndarray:
    """bool [48, 48]: as a small network would answer."""
    rows, columns = (np.linspace(0, n - 1, side).round().astype(int) for n in truth.shape)
    return truth[np.ix_(rows, columns)]
