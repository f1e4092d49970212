"""Every set and every reverse engine, with 4 to 64 labelled images: a row an estimate, kept in a folder a set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.performance.correction import Corrected
from evanyseg.performance.engines import reverse_engine
from evanyseg.performance.estimate import (
    BOTH,
    SCORES,
    ModelData,
    ModelEstimates,
    estimates_from_scores,
    estimates_of,
    mean_predicted,
    real_metrics,
)
from evanyseg.performance.mapping import Estimated
from evanyseg.performance.measures import MEASURES
from evanyseg.protocols import QualityEstimator

from ..adaptation.objects import KnownObject
from .checkpoints import TrainingOptions
from .kept import KeptMeasures, first_labeled
from .remembering import RememberingEngine
from .tables import NO_ENGINE

if TYPE_CHECKING:
    import pandas as pd

REVERSE, RAW, IMAGES, LABELED = (
    "reverse step", "mean predicted Dice, as it is", "corrected image by image", "measured on the labelled images",
)  # fmt: skip


@dataclass(frozen=True)
class RunOptions:
    """engines: each with all labelled images; the first of them also with each of `labelled`, as what needs none."""

    engines: Sequence[str] = ("ridge",)
    labeled: Sequence[int] = (4, 8, 16, 32)
    training: TrainingOptions = field(default_factory=TrainingOptions)


def run_sets(
    by_set: Mapping[str, Sequence[KnownObject]],
    estimator: QualityEstimator,
    folder: Path,
    options: RunOptions,
    tell: Callable[[str], None],
) -> pd.DataFrame:
    """All rows; what is measured of a set already is read from its folder in `folder`. Raises DataError."""
    import pandas as pd

    tables = []
    for name, objects in by_set.items():
        measured = KeptMeasures(objects, estimator, folder / name, options.training, tell)
        tables.append(pd.DataFrame(_rows(measured, options)).assign(set=name))
    return pd.concat(tables, ignore_index=True)


def _rows(measured: KeptMeasures, options: RunOptions) -> list[dict[str, Any]]:
    data = measured.data
    truth = real_metrics(data.unlabeled).mean(1)
    most = len(data.labeled)
    fewer = sorted({count for count in options.labeled if count < most})
    rows: list[dict[str, Any]] = []

    def add(engine: str, count: int, seconds: float, found: Iterator[tuple[str, str, Estimated | Corrected]]) -> None:
        for method, metric, one in found:
            rows.extend(
                {
                    "engine": engine, "labeled": count, "all": count == most, "method": method, "metric": metric,
                    "checkpoint": name, "true": truth[k, MEASURES.index(metric)], "estimated": one.value[k],
                    "low": one.low[k], "high": one.high[k], "seconds": seconds, "true_dice": truth[k, 0],
                    "images": len(data.unlabeled),
                }
                for k, name in enumerate(data.checkpoints)
            )  # fmt: skip

    for count in [most, *reversed(fewer)]:
        add(NO_ENGINE, count, 0.0, _without_engine(*_sides(data, count)))
    # all labelled images first: the time of an engine is that of a user, who has nothing described yet
    for engine in options.engines:
        remembering = RememberingEngine(reverse_engine(engine))
        for count in [most, *reversed(fewer)] if engine == options.engines[0] else [most]:
            pseudo, seconds = measured.pseudo(remembering, count)
            add(engine, count, seconds, _of_engine(estimates_of(*_sides(data, count), pseudo)))
    return rows


def _sides(data: ModelData, count: int) -> tuple[ModelData, np.ndarray]:
    few = first_labeled(data, count)
    return few, real_metrics(few.labeled)


def _of_engine(found: ModelEstimates) -> Iterator[tuple[str, str, Estimated | Corrected]]:
    yield from ((REVERSE, metric, one) for metric, one in found.of.items())
    if found.from_both is not None:
        yield BOTH, "dice", found.from_both


def _without_engine(data: ModelData, real: np.ndarray) -> Iterator[tuple[str, str, Estimated | Corrected]]:
    """The plainest first: what anybody has who has labelled images, then what scores of the unlabelled ones add."""
    mean = real.mean(1)
    plain = lambda values: Corrected(values, np.full(len(values), np.nan), np.full(len(values), np.nan), values, 0.0)
    for m, metric in enumerate(MEASURES):
        yield LABELED, metric, plain(mean[:, m])
    yield RAW, "dice", plain(mean_predicted(data))
    scored = estimates_from_scores(data, real)
    if scored is not None:
        yield SCORES, "dice", scored[0]
        yield from ((IMAGES, metric, one) for metric, one in scored[1].items())
