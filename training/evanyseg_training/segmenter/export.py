"""The shipped weights of the built-in segmenter: 8 bits per channel, a summary, and a model card."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from evanyseg.errors import WeightsError
from evanyseg.io.write import write_text

from ..data.set_notes import SetNote, read_set_notes
from ..data.store import Store
from .checkpoints import save_shipped, torch_net

LARGEST = 8_000_000
"""Parameters, each of which takes a byte: the models that ship have 11 MB together."""


def export_segmenter(
    weights: Path,
    out: Path,
    store: Store,
    runs: Sequence[Path],
    report: Path | None,
    licenses: Path | None,
    earlier: Path | None = None,
) -> Path:
    """Write segmenter.safetensors, segmenter.json and segmenter.md into `out`; path of the weights.

    `runs`: folders of the training phases, in order (their config.yaml and metrics.csv are summarized); `report`:
    folder of segmenter-eval; `licenses`: the README of the data collection with its table of sets; `earlier`: the .json
    of the weights that the first phase started from. Raises WeightsError for weights that do not load or are too
    many.
    """
    before = json.loads(earlier.read_text(encoding="utf-8"))["phases"] if earlier is not None else []
    net = torch_net(weights)
    parameters = sum(p.numel() for p in net.parameters())
    if parameters > LARGEST:
        raise WeightsError(f"{weights.name} has {parameters / 1e6:.1f} M parameters; the limit is {LARGEST / 1e6:g} M.")
    out.mkdir(parents=True, exist_ok=True)
    target = out / "segmenter.safetensors"
    save_shipped(net, target)
    summary = {
        "architecture": net.arch.as_dict(),
        "parameters": parameters,
        "phases": [*before, *(_phase(run) for run in runs)],
        "train": _counts(store, "train"),
        "results": _results(report),
    }
    write_text(out / "segmenter.json", json.dumps(summary, indent=1) + "\n")
    write_text(out / "segmenter.md", card(summary, store, report, read_set_notes(licenses)))
    return target


def card(summary: Mapping[str, Any], store: Store, report: Path | None, notes: Mapping[str, SetNote]) -> str:
    """The model card as Markdown."""
    phases = "; ".join(
        f"{p['side']} px windows, {p['steps']} steps of {p['batch']} images x {p['prompts']} prompts"
        for p in summary["phases"]
    )
    train = summary["train"]
    lines = [
        "# Model card: the built-in segmenter",
        "",
        "Promptable 2D segmentation (boxes, points, earlier masks) with SAM's prompt encoder and mask decoder on a "
        f"small encoder at 256 px; {summary['parameters'] / 1e6:.1f} M parameters, 8 bits per channel. License of the "
        "weights: Apache-2.0. Research software, not for clinical use.",
        "",
        f"**Training.** From random weights, on {train['objects']} objects in {train['images']} images of "
        f"{train['subjects']} subjects ({len(train['sets'])} data sets, all of which allow it), split by (source, "
        f"subject). {phases}. Averaged weights. CPU only, so the run was short: longer training should still help.",
        "",
        "**Intended use.** A first mask from a box on a slice or a 2D image, to be reviewed: its quality is "
        "predicted beside it. Better a box than points: three in ten training prompts had points, one in ten points "
        "alone.",
        "",
        "**Not seen.** Whole sets kept apart (below), anything 3D as such, faces, histology at high magnification, "
        "modalities that are not in the table. Thin and branching structures (vessels) and multi-component objects are "
        "its weak side. Contrast is normalized per view, so absolute intensities (HU) mean nothing to it.",
        "",
    ]
    if report is not None:
        lines += ["## Measured", "", *_body(report / "segmenter.md"), ""]
    lines += ["## Data behind the weights", "", "| set | images | subjects | objects | license | citation |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, count in train["sets"].items():
        note = notes.get(name, SetNote("see the data's own page", ""))
        numbers = f"{count['images']} | {count['subjects']} | {count['objects']}"
        lines.append(f"| {name} | {numbers} | {note.license} | {note.citation} |")
    return "\n".join(lines) + "\n"


def _body(page: Path) -> list[str]:
    lines = page.read_text(encoding="utf-8").splitlines()[2:]
    return [line.replace("## ", "### ") for line in lines]


def _counts(store: Store, split: str) -> dict[str, Any]:
    table = store.manifest
    table = table[(table.kind == "object") & (table.split == split) & (table.use == "train")]
    sets = {
        str(name): {
            "images": int(group.image_id.nunique()),
            "subjects": int(group.subject.nunique()),
            "objects": len(group),
        }
        for name, group in table.groupby("set")
    }
    return {
        "images": int(table.image_id.nunique()),
        "subjects": len(table[["source", "subject"]].drop_duplicates()),
        "objects": len(table),
        "sets": sets,
    }


def _phase(run: Path) -> dict[str, Any]:
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    kept = ("side", "batch", "prompts", "learning_rate", "minutes", "seed", "refine_share")
    return {**{k: config[k] for k in kept}, "steps": max(steps) + 1 if steps else 0}


def _results(report: Path | None) -> dict[str, Any]:
    if report is None:
        return {}
    table = pd.read_csv(report / "per_set.csv")
    macro = table[table.set == "macro mean"].set_index("split")
    return {split: {k: round(float(v), 4) for k, v in row.items() if k != "set"} for split, row in macro.iterrows()}
