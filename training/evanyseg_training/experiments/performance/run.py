"""Every set and every reverse engine, with 4 to 64 labelled images: a row an estimate, kept in a file a set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.io.write import write_text
from evanyseg.performance.cases import Images
from evanyseg.performance.engines import reverse_engine
from evanyseg.performance.estimate import BOTH, SCORES, ModelData, ModelEstimates, model_estimates, real_metrics
from evanyseg.performance.mapping import Estimated
from evanyseg.performance.measures import MEASURES
from evanyseg.protocols import QualityEstimator

from ..adaptation.objects import KnownObject
from .checkpoints import TrainingOptions, model_data
from .remembering import RememberingEngine

if TYPE_CHECKING:
    import pandas as pd

REVERSE, RAW = "reverse step", "mean predicted Dice, as it is"


@dataclass(frozen=True)
class RunOptions:
    """engines: each with all labelled images; the first of them also with each of `labelled`."""

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
    """All rows; a set that is measured already is read from its file in `folder`. Raises DataError."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    tables = []
    for name, objects in by_set.items():
        path = folder / f"{name}.csv"
        if not path.is_file():
            rows = _rows(model_data(objects, estimator, options.training, tell), options, tell)
            write_text(path, pd.DataFrame(rows).to_csv(index=False))
        tables.append(pd.read_csv(path).assign(set=name))
    return pd.concat(tables, ignore_index=True)


def _rows(data: ModelData, options: RunOptions, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    truth = real_metrics(data.unlabeled).mean(1)
    rows: list[dict[str, Any]] = []
    for engine in options.engines:
        remembering = RememberingEngine(reverse_engine(engine))
        counts = [*options.labeled, len(data.labeled)] if engine == options.engines[0] else [len(data.labeled)]
        # all first: its time is that of a user, who has nothing described yet
        for count in sorted({c for c in counts if c <= len(data.labeled)}, reverse=True):
            start = perf_counter()
            found = model_estimates(replace(data, labeled=_first(data.labeled, count)), remembering)
            seconds = perf_counter() - start
            tell(f"  {engine}, {count} labelled images: {seconds:.0f} s")
            most = count == len(data.labeled)
            for method, metric, one in _estimates(found):
                rows += [
                    {
                        "engine": engine, "labeled": count, "all": most, "method": method, "metric": metric,
                        "checkpoint": name, "true": truth[k, MEASURES.index(metric)], "estimated": one.value[k],
                        "low": one.low[k], "high": one.high[k], "seconds": seconds,
                        "true_dice": truth[k, 0], "images": len(data.unlabeled),
                    }
                    for k, name in enumerate(data.checkpoints)
                ]  # fmt: skip
    return rows


def _estimates(found: ModelEstimates) -> list[tuple[str, str, Estimated]]:
    out = [(REVERSE, metric, one) for metric, one in found.of.items()]
    dice = found.of["dice"]
    nothing = np.full(len(found.checkpoints), np.nan)
    out.append((RAW, "dice", replace(dice, value=found.mean_scores, low=nothing, high=nothing)))
    for method, one in ((SCORES, found.from_scores), (BOTH, found.from_both)):
        if one is not None:
            out.append((method, "dice", one))
    return out


def _first(images: Images, count: int) -> Images:
    assert images.truth is not None
    return Images(
        images.pixels[:count],
        images.truth[:count],
        images.predictions[:, :count],
        images.predicted_dice[:, :count],
        images.subjects[:count],
        images.names[:count],
    )
