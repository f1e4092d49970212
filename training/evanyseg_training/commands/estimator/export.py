"""`evanyseg-train export`: the shipped files of an estimator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of an estimator run.")],
    calibration: Annotated[Path, typer.Argument(help="Folder written by calibrate.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where to write, e.g. EvanySegSlicer/evanyseg/builtin/estimator.")
    ],
    store: Annotated[Path, typer.Option(help="Data store, for the card.")],
    candidates: Annotated[Path, typer.Option(help="Candidate store, for the card.")],
    trees: Annotated[Path | None, typer.Option(help="The trees that calibrate was given.")] = None,
    notes: Annotated[Path | None, typer.Option(help="Markdown file with a table set | license | citation.")] = None,
    history: Annotated[str, typer.Option(help="How it was trained, for the card.")] = "",
) -> None:
    """Write OUT.safetensors (8 bits per channel), OUT.json and OUT.md."""
    from safetensors.numpy import load_file

    from evanyseg.quality.ood import OODDetector

    from ...candidates.store import CandidateStore
    from ...data.former_names import former_file, with_current_description
    from ...data.set_notes import read_set_notes
    from ...data.store import Store
    from ...estimator.export.card import estimator_card
    from ...estimator.export.export import net_of, write_model
    from ...estimator.gbdt import read_trees

    stored = json.loads((calibration / "calibration.json").read_text(encoding="utf-8"))
    description = with_current_description(stored)
    net = net_of(checkpoint, int(description["config"]["size"]))
    table = CandidateStore(candidates, Store(store)).table
    card = estimator_card(description, table, read_set_notes(notes), history)
    ood_detector = OODDetector.from_tensors(
        load_file(former_file(calibration / "ood_detector.safetensors", "familiar.safetensors"))
    )
    write_model(out, net, description, ood_detector, card, read_trees(trees))
    print(f"{out.with_suffix('.safetensors').stat().st_size / 1e6:.1f} MB in {out.parent}")
