"""`evanyseg-train calibrate`: recalibration and conformal intervals of a trained estimator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from evanyseg.quality.modes import WITH_BOX, WITHOUT_BOX


def calibrate(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store.")],
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of an estimator run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for calibration.json and its tensors.")],
    size: Annotated[int, typer.Option(help="Window in pixels.")] = 128,
    trees: Annotated[Path | None, typer.Option(help="Trees written by gbdt.")] = None,
    per_set: Annotated[int, typer.Option(help="Masks per set and split.")] = 150,
    flips: Annotated[bool, typer.Option(help="Average over mirror images at inference.")] = False,
    factor_box: Annotated[float, typer.Option(help="Window factor with a box.")] = WITH_BOX,
    factor_no_prompt: Annotated[float, typer.Option(help="Window factor without a prompt.")] = WITHOUT_BOX,
) -> None:
    """Fit on the splits val and calib, separately with and without a box."""
    from evanyseg.io.write import write_text

    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...estimator.export.export import calibrated_description, net_of
    from ...estimator.gbdt import read_trees
    from ...estimator.samples.data import EstimatorData
    from ...estimator.samples.options import DataOptions
    from ...files import write_tensors

    pool = CandidateStore(candidates, Store(store))
    splits = {name: EstimatorData(pool, name, DataOptions(size=size)) for name in ("train", "val", "calib")}
    net = net_of(checkpoint, size)
    description, ood_detector = calibrated_description(
        net, splits, (factor_box, factor_no_prompt), flips, per_set, trees=read_trees(trees)
    )
    write_tensors(out / "ood_detector.safetensors", ood_detector.tensors())
    write_text(out / "calibration.json", json.dumps(description, indent=1))
    for mode, metrics in description["metrics"].items():
        print(mode, {k: round(v, 4) for k, v in metrics.items()})
