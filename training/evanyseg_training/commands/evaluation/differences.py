"""`evanyseg-train differences`: two versions of a model on the same masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def differences(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the masks (made once) and the table.")],
    estimator: Annotated[list[str] | None, typer.Option(help="Two of them: NAME[:FILE][@BACKEND or @DEVICE].")] = None,
    segmenter: Annotated[list[str] | None, typer.Option(help="Two of them: NAME[:FILE][@BACKEND or @DEVICE].")] = None,
    split: Annotated[str, typer.Option(help="test, val or calib: subjects no weights were fitted on.")] = "test",
    objects: Annotated[int, typer.Option(help="Most objects of a set.")] = 4,
    pairs: Annotated[int, typer.Option(help="Most masks of a set.")] = 20,
) -> None:
    """What a rounding of the weights, another backend or another device costs."""
    from evanyseg.io.write import write_text
    from evanyseg.models import estimators, segmenters

    from ...data.manifest import HELDOUT
    from ...data.store import Store
    from ...errors import OptionError
    from ...evaluation.cases import frozen_cases
    from ...evaluation.differences import (
        columns,
        estimator_answers,
        estimator_table,
        segmenter_answers,
        segmenter_table,
    )
    from ...evaluation.heldout.pairs import HeldoutOptions, build_heldout
    from ...evaluation.heldout.sources import stored_source, synthetic_source
    from ...run_record import command_line, commit_of
    from ..support import progress_printer

    if split == HELDOUT:
        raise OptionError("Evaluate-only sets are for evaluate, which logs its runs; name test, val or calib.")
    for names in (estimator, segmenter):
        if names and len(names) != 2:
            raise OptionError(f"Two versions are compared, {len(names)} were named: {', '.join(names)}.")
    opened = Store(store)
    if not (out / "pairs.csv").is_file():
        options = HeldoutOptions(split=split, objects=objects, pairs=pairs, unfiltered=0)
        build_heldout(opened, out, [synthetic_source(), stored_source(opened)], options, progress_printer())
    cases = frozen_cases(out, opened)
    lines = [f"`{command_line()}` at commit {commit_of()}, split {split}", ""]
    if estimator:
        answers = [estimator_answers(cases, _version(estimators, name), progress_printer()) for name in estimator]
        lines += ["## Estimator", "", columns(estimator_table(answers)), ""]
    if segmenter:
        found = [segmenter_answers(cases, _version(segmenters, name), progress_printer()) for name in segmenter]
        lines += ["## Segmenter", "", columns(segmenter_table(found)), ""]
    write_text(out / "differences.md", "\n".join(lines))
    print("\n".join(lines))


def _version(registry: Any, text: str) -> Any:
    """'builtin', 'builtin:FILE', each with '@onnx', '@torch' or the name of a device."""
    from evanyseg.device import BACKENDS, resolve_device

    name, _, place = text.partition("@")
    backend = place if place in BACKENDS else "auto"
    device = "cpu" if place in ("", *BACKENDS) else place
    model, _, file = name.partition(":")
    return registry.get(model).create(Path(file) if file else None, resolve_device(device), backend)
