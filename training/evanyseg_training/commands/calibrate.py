"""`evanyseg-train calibrate`: recalibration and conformal intervals of a trained estimator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def calibrate(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store.")],
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of an estimator run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for calibration.json and its tensors.")],
    size: Annotated[int, typer.Option(help="Window in pixels.")] = 128,
    trees: Annotated[Path | None, typer.Option(help="Trees written by the command trees.")] = None,
    per_set: Annotated[int, typer.Option(help="Masks per set and split.")] = 150,
    flips: Annotated[bool, typer.Option(help="Average over mirror images at inference.")] = False,
    factor_box: Annotated[
        float | None, typer.Option(help="Window factor with a box; default: the shipped one.")
    ] = None,
    factor_own: Annotated[float | None, typer.Option(help="The same without a box.")] = None,
) -> None:
    """Fit on the splits val and calib, separately with and without a box."""
    from safetensors.numpy import save_file

    from ..candidates import CandidateStore
    from ..estimator_data import AT_INFERENCE, DataOptions, EstimatorData
    from ..estimator_export import calibrated_description, net_of
    from ..estimator_trees import read_trees
    from ..store import Store

    pool = CandidateStore(candidates, Store(store))
    splits = {name: EstimatorData(pool, name, DataOptions(size=size)) for name in ("train", "val", "calib")}
    net = net_of(checkpoint, size)
    factors = (factor_box or AT_INFERENCE[0], factor_own or AT_INFERENCE[1])
    description, familiar = calibrated_description(net, splits, factors, flips, per_set, trees=read_trees(trees))
    out.mkdir(parents=True, exist_ok=True)
    save_file(familiar.tensors(), out / "familiar.safetensors")
    (out / "calibration.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    for mode, figures in description["figures"].items():
        print(mode, {k: round(v, 4) for k, v in figures.items()})
