"""A small U-Net, what it is unsure about, and what it learns from the cases that each method chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from evanyseg.nets.small_unet import SmallUNet, fitted, predicted
from evanyseg.overlap import dice
from evanyseg.protocols import QualityEstimator

from ...errors import DataError
from ...files import write_table
from ..adaptation.objects import KnownObject
from .methods import METHODS, ordered

if TYPE_CHECKING:
    import pandas as pd

ANNOTATION, PSEUDO_LABELS = "annotation", "pseudo-labels"


@dataclass(frozen=True)
class SelectionOptions:
    """labeled, pool, test: images of each part, one a subject; budget: share of the pool that is chosen."""

    labeled: int = 24
    pool: int = 60
    test: int = 40
    budget: float = 0.2
    repeats: int = 5
    side: int = 48
    steps: int = 100
    width: int = 8
    dropout: float = 0.2


def run_selection(
    by_set: Mapping[str, Sequence[KnownObject]],
    estimator: QualityEstimator,
    folder: Path,
    options: SelectionOptions,
    tell: Callable[[str], None],
) -> pd.DataFrame:
    """A row a set, repeat, method and use; finished repeats stay in `folder`. Raises DataError for too few images."""
    import pandas as pd

    needed = options.labeled + options.pool + options.test
    for name, objects in by_set.items():
        if len(objects) < needed:
            raise DataError(f"{name} has {len(objects)} images of different people; {needed} are needed.")
    tables = []
    for name, objects in by_set.items():
        for repeat in range(options.repeats):
            file = folder / f"{name}-{repeat}.csv"
            if not file.is_file():
                rows = pd.DataFrame(_repeat(objects, estimator, options, repeat)).assign(set=name, repeat=repeat)
                write_table(file, rows)
                tell(f"{name}, repeat {repeat + 1} of {options.repeats}")
            tables.append(pd.read_csv(file))
    return pd.concat(tables, ignore_index=True)


def _repeat(
    objects: Sequence[KnownObject], estimator: QualityEstimator, options: SelectionOptions, repeat: int
) -> list[dict[str, Any]]:
    order = np.random.default_rng([11, repeat]).permutation(len(objects))
    ends = np.cumsum((options.labeled, options.pool, options.test))
    labeled, pool, test = ([objects[i] for i in part] for part in np.split(order[: ends[-1]], ends[:2]))
    x, y = _arrays(labeled, options.side)
    pool_x, pool_y = _arrays(pool, options.side)
    net = _trained(x, y, options, repeat)
    masks = predicted(net, pool_x, pool_x.shape[2:]) > 0.5
    true = np.array([dice(m, t > 0.5) for m, t in zip(masks, pool_y, strict=True)])
    before = _tested(net, test, options)
    most = max(1, round(options.budget * len(pool)))
    rows = []
    for method in METHODS:
        found = ordered(method, net, pool_x, pool, estimator, repeat)
        for use, taken, sought in (
            (ANNOTATION, found.worst[:most], np.argsort(true, kind="stable")[:most]),
            (PSEUDO_LABELS, found.best[:most], np.argsort(-true, kind="stable")[:most]),
        ):
            targets = pool_y[taken] if use == ANNOTATION else masks[taken].astype(np.float32)
            more = _trained(np.concatenate([x, pool_x[taken]]), np.concatenate([y, targets]), options, repeat)
            rows.append(
                {
                    "method": method, "use": use, "share": np.isin(taken, sought).mean(), "chosen": most,
                    "chosen_dice": true[taken].mean(), "pool_dice": true.mean(), "before": before,
                    "after": _tested(more, test, options), "seconds": found.seconds, "megabytes": found.megabytes,
                }
            )  # fmt: skip
    return rows


def _trained(x: np.ndarray, y: np.ndarray, options: SelectionOptions, seed: int) -> SmallUNet:
    return fitted(x, y, options.steps, options.width, seed=seed, dropout=options.dropout)


def _tested(net: SmallUNet, test: Sequence[KnownObject], options: SelectionOptions) -> float:
    x, y = _arrays(test, options.side)
    masks = predicted(net, x, x.shape[2:]) > 0.5
    return float(np.mean([dice(m, t > 0.5) for m, t in zip(masks, y, strict=True)]))


def _arrays(part: Sequence[KnownObject], side: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 [N, 3, side, side], each image with mean 0 and spread 1, and the share of each pixel that is object."""
    x = np.stack([cv2.resize(o.image, (side, side), interpolation=cv2.INTER_AREA) for o in part]).astype(np.float32)
    x = x.transpose(0, 3, 1, 2)
    x = (x - x.mean((1, 2, 3), keepdims=True)) / (x.std((1, 2, 3), keepdims=True) + 1)
    y = [cv2.resize(o.truth.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) for o in part]
    return np.ascontiguousarray(x, np.float32), np.stack(y)
