"""`evanyseg-train graphs` and `pack`: the files beside the built-in models' weights, and the weights' own form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def graphs(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder; the engine's own without it.")] = None,
    models: Annotated[
        Path | None, typer.Option(help="Folder with estimator.* and segmenter.*; the engine's own without it.")
    ] = None,
) -> None:
    """Write the ONNX graphs of both built-in networks, without weights: needed anew when a network changes."""
    from evanyseg.quality.builtin import GRAPHS, load

    from ..graphs import write_estimator_graph, write_segmenter_graphs
    from ..segmenter.checkpoints import torch_net

    models, out = models or GRAPHS, out or GRAPHS
    estimator = load(models / "estimator.safetensors", "cpu", "torch")
    written = write_estimator_graph(estimator.net.module, estimator.described.flips, out)  # type: ignore[attr-defined]
    for path in written + write_segmenter_graphs(torch_net(models / "segmenter.safetensors"), out):
        print(f"{path.stat().st_size / 1e3:7.0f} kB  {path.name}")


def pack(
    source: Annotated[Path, typer.Argument(help="A safetensors file of a built-in model (floating point).")],
    target: Annotated[Path, typer.Argument(help="Where to write it.")],
) -> None:
    """Store a weight file in 8 bits per channel; everything beside the network's weights stays as it is."""
    from dataclasses import replace

    from safetensors.numpy import save_file

    from evanyseg.io.write import atomic_path
    from evanyseg.quality.estimator_file import EstimatorParts
    from evanyseg.weights.eight_bits import packed, unpacked
    from evanyseg.weights.safe_load import read_arrays

    stored, metadata = read_arrays(source)
    parts = EstimatorParts.of(stored)  # a segmenter's file has the network alone
    whole = replace(parts, network=packed(unpacked(parts.network)))
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as partial:
        save_file(whole.tensors(), partial, metadata=metadata or None)
    print(f"{source.stat().st_size / 1e6:.2f} MB -> {target.stat().st_size / 1e6:.2f} MB")


COMMANDS = {"graphs": graphs, "pack": pack}
