"""`evanyseg-train intervals`: intervals that hold on data sets which training has never seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def intervals(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store.")],
    model: Annotated[Path, typer.Argument(help="An exported estimator (.safetensors): its .json gets new intervals.")],
    unseen: Annotated[
        list[str] | None, typer.Option(help="Set that the weights never saw; without: all that the card does not name.")
    ] = None,
    per_set: Annotated[int, typer.Option(help="Masks of each set and mode.")] = 120,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write the .json instead.")] = None,
) -> None:
    """Measure the offsets on sets that the weights never saw, each set counting alike, by distance from the training
    images; what they give is cross-validated over those sets' sources and kept in the file."""
    from evanyseg.io.write import write_text
    from evanyseg.nets.builtin.torch_estimator import TorchEstimatorNet
    from evanyseg.quality.builtin import load
    from evanyseg.quality.modes import MODES

    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...errors import OptionError
    from ...estimator.intervals import cross_validated, fit_intervals, predict_unseen
    from ...estimator.samples.data import EstimatorData
    from ...estimator.samples.options import DataOptions

    estimator = load(model, backend="torch")
    assert isinstance(estimator.net, TorchEstimatorNet)
    described, detector = estimator.described, estimator.ood_detector
    if described.calibrations is None or detector is None:
        raise OptionError(f"{model.name} has no calibration or no detector of unlike images: run calibrate and export.")
    pool = CandidateStore(candidates, Store(store))
    all_sets = set(pool.table.loc[pool.table.use == "train", "set"])
    sets = sorted(unseen or all_sets - seen_sets(model.with_suffix(".md")))
    if unknown := sorted(set(sets) - all_sets):
        raise OptionError(f"No train set {unknown[0]} among the candidates; they have {', '.join(sorted(all_sets))}.")
    if len(sets) < 5:
        raise OptionError(f"{len(sets)} unseen sets are too few for intervals; five are the least.")
    stored = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    data = EstimatorData(pool, "train", DataOptions(size=estimator.size), sets, "context")
    for index, mode in enumerate(MODES):
        plain = described.calibrations[index]
        found = predict_unseen(
            estimator.net.module, estimator.trees, detector, data, described.factors[index], mode, per_set,
            described.flips,
        )  # fmt: skip
        checked = cross_validated(plain, found, plain.level)
        stored["calibration"][mode] = fit_intervals(plain, found, plain.level).as_json()
        stored["metrics"][mode]["unseen_sets"] = checked
        for name, values in checked.items():
            print(mode, name, {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()})
    write_text(out or model.with_suffix(".json"), json.dumps(stored, indent=1) + "\n")


def seen_sets(card: Path) -> set[str]:
    """Names in the card's table of the data sets behind the weights. Raises OptionError when there is no such table."""
    from ...errors import OptionError

    _, found, table = (card.read_text(encoding="utf-8") if card.is_file() else "").partition("## Data sets behind")
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    if not found or len(rows) < 3:
        raise OptionError(f"{card.name} names no data sets behind the weights: name the unseen ones (--unseen).")
    return set(rows[2:])
