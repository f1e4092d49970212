"""What several commands share: models by name, and progress in a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UnrecordedRunError

HollowOption = Annotated[float, typer.Option(min=0, max=1, help="Share of masks of objects made hollow.")]
CurvesOption = Annotated[float, typer.Option(min=0, max=1, help="Share of masks of drawn curves.")]
ForegroundOption = Annotated[float, typer.Option(min=0, max=1, help="Share of masks of all that is not dark.")]


def created_model(registry: Any, name: str) -> Any:
    """A model by registered name; MODEL:FILE: other weights of one; run:FOLDER: a training run's checkpoint."""
    from evanyseg.device import resolve_device

    model, _, file = name.partition(":")
    if file and model == "run":
        from ..estimator.export.checkpoint_estimator import CheckpointEstimator

        return CheckpointEstimator(Path(file), resolve_device("auto"))
    if file and model in registry.names():
        return registry.get(model).create(Path(file), resolve_device("auto"))
    return registry.create(name)


def check_recorded(held: Sequence[str], reason: str, log: Path | None) -> None:
    """Raises UnrecordedRunError for a run on evaluate-only sets (`held`) that would leave no trace."""
    if held and (log is None or not reason):
        raise UnrecordedRunError(
            f"{', '.join(held)} are evaluate-only: give --reason and --log, so that the run is recorded."
        )


def progress_printer(seconds: float = 10) -> Callable[[float, str], None]:
    """Prints where a run is, at most every so many seconds."""
    import time

    last = [0.0]

    def show(done: float, what: str) -> None:
        if time.monotonic() - last[0] > seconds:
            last[0] = time.monotonic()
            print(f"{done:4.0%} {what}", flush=True)

    return show
