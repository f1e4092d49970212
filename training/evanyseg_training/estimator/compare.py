"""The architecture comparison: several networks, both inputs, the same masks and steps, judged on sources left out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from evanyseg.quality.window_factors import WITH_BOX

from ..candidates.store import CandidateStore
from ..data.store import Store
from ..errors import CandidateError
from ..files import write_table
from .config import RunOptions
from .module import EstimatorModule, macro_figures
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
    sources_out: Sequence[str],
    contenders: Sequence[tuple[str, str]] = CONTENDERS,
    per_set: int = 60,
) -> pd.DataFrame:
    """Train each (model, input) without `sources_out` and score it there; one row each, also written to
    folder/architectures.csv after every run, so that a cut run leaves what it has.

    Raises CandidateError when there is nothing to judge on.
    """
    rows = []
    for model, mode in contenders:
        chosen = replace(options, model=model, mode=mode, sources_out=tuple(sources_out))
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
            "left out": ";".join(sources_out),
        }
        rows.append(row | judged(module, store, candidates, chosen, per_set))
        write_table(folder / "architectures.csv", pd.DataFrame(rows), digits=6)
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def judged(
    module: EstimatorModule, store: Store, candidates: Path, options: RunOptions, per_set: int
) -> dict[str, float]:
    """Macro Pearson and MAE on the train-split masks of the sources left out, with and without a box."""
    pool = CandidateStore(candidates, store, options.parts)
    sets = sorted(pool.table.loc[pool.table.source.isin(set(options.sources_out)), "set"].unique())
    if not sets:
        raise CandidateError("The sources left out have no candidates; name sources of the manifest.")
    data = EstimatorData(pool, "train", options.data, sets, options.mode)
    figures: dict[str, float] = {}
    for name, without_box in (("box", False), ("own", True)):
        picks = fixed_samples(data, per_set, 21, without_box)
        predicted, true = [], []
        with torch.inference_mode():
            for batch in DataLoader(FixedData(data, picks, WITH_BOX, without_box), 32):
                predicted.append(module.scorer(module.ema, batch).dice.float())
                true.append(batch["dice"])
        found = macro_figures(
            torch.cat(predicted).clamp(0, 1).numpy(), torch.cat(true).numpy().astype(float), [s for _, s in picks]
        )
        real = np.array([pool.table.maker[i] != "damage" for i, _ in picks])
        only = macro_figures(
            torch.cat(predicted).clamp(0, 1).numpy()[real],
            torch.cat(true).numpy().astype(float)[real],
            [s for (_, s), r in zip(picks, real, strict=True) if r],
        )
        figures |= {
            f"{name} masks": len(picks), f"{name} r": found["r"], f"{name} MAE": found["mae"],
            f"{name} r of real methods": only["r"],
        }  # fmt: skip
    return figures
