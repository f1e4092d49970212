"""The architecture comparison: several networks, both inputs, the same masks and steps, evaluated on held-out
sources."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from evanyseg.quality.modes import BOX, NO_PROMPT, WITH_BOX

from ..candidates.mask_sources import CORRUPTION
from ..candidates.store import CandidateStore
from ..data.store import Store
from ..errors import CandidateError
from ..files import write_table
from .config import RunOptions
from .module import EstimatorModule, macro_metrics
from .samples.data import EstimatorData
from .samples.fixed import FixedData, fixed_samples
from .train import train_estimator

CONTENDERS = (
    ("builtin", "context"),
    ("resnet18", "context"),
    ("vit-tiny", "context"),
    ("resnet18", "paper"),
    ("vit-tiny", "paper"),
)


def compare(
    store: Store,
    candidates: Path,
    folder: Path,
    options: RunOptions,
    leave_out: Sequence[str],
    contenders: Sequence[tuple[str, str]] = CONTENDERS,
    per_set: int = 60,
) -> pd.DataFrame:
    """Train each (model, input) without `leave_out` and score it there; one row each, also written to
    folder/architectures.csv after every run, so that a cut run leaves what it has.

    Raises CandidateError when there is nothing to evaluate on.
    """
    rows = []
    for model, mode in contenders:
        chosen = replace(options, model=model, mode=mode, leave_out=tuple(leave_out))
        start = time.process_time()
        module = train_estimator(store, candidates, folder / f"{model}-{mode}", chosen, limit_val_batches=0)
        spent = time.process_time() - start
        row = {
            "model": model,
            "input": mode,
            "parameters": sum(p.numel() for p in module.net.parameters()),
            "size": options.data.size,
            "steps": module.global_step,
            "batch": options.batch,
            "cpu seconds": round(spent),
            "left out": ";".join(leave_out),
        }
        rows.append(row | evaluated(module, store, candidates, chosen, per_set))
        write_table(folder / "architectures.csv", pd.DataFrame(rows), digits=6)
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def evaluated(
    module: EstimatorModule, store: Store, candidates: Path, options: RunOptions, per_set: int
) -> dict[str, float]:
    """Macro Pearson and MAE on the train-split masks of the held-out sources, with and without a box."""
    pool = CandidateStore(candidates, store, options.parts)
    sets = sorted(pool.table.loc[pool.table.source.isin(set(options.leave_out)), "set"].unique())
    if not sets:
        raise CandidateError("The held-out sources have no candidates; name sources of the manifest.")
    data = EstimatorData(pool, "train", options.data, sets, options.mode)
    metrics: dict[str, float] = {}
    for name, without_box in ((BOX, False), (NO_PROMPT, True)):
        picks = fixed_samples(data, per_set, 21, without_box)
        predicted, true = [], []
        with torch.inference_mode():
            for batch in DataLoader(FixedData(data, picks, WITH_BOX, without_box), 32):
                predicted.append(module.scorer(module.ema, batch).dice.float())
                true.append(batch["dice"])
        found = macro_metrics(
            torch.cat(predicted).clamp(0, 1).numpy(), torch.cat(true).numpy().astype(float), [s for _, s in picks]
        )
        by_methods = np.array([pool.table.mask_source[i] != CORRUPTION for i, _ in picks])
        only = macro_metrics(
            torch.cat(predicted).clamp(0, 1).numpy()[by_methods],
            torch.cat(true).numpy().astype(float)[by_methods],
            [s for (_, s), r in zip(picks, by_methods, strict=True) if r],
        )
        metrics |= {
            f"{name} masks": len(picks), f"{name} r": found["r"], f"{name} MAE": found["mae"],
            f"{name} r of masks by methods": only["r"],
        }  # fmt: skip
    return metrics
