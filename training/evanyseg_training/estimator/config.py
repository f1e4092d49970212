"""Options of an estimator run, from a YAML file and the command line; a copy is kept with the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from evanyseg.io.write import write_text

from ..data.former_names import with_current_settings
from ..errors import OptionError
from .losses import LossWeights
from .module import OptimOptions
from .samples.options import DataOptions


@dataclass(frozen=True)
class RunOptions:
    """Everything a run depends on; kept as run.yaml in its folder. `epoch` is a number of steps (validation, resume);
    `leave_out`: sources held out of training (leave-one-source-out, or several); `pretrained`: start from timm's
    weights."""

    model: str = "builtin"
    mode: str = "context"
    data: DataOptions = field(default_factory=DataOptions)
    optim: OptimOptions = field(default_factory=OptimOptions)
    loss: LossWeights = field(default_factory=LossWeights)
    batch: int = 48
    epoch: int = 1000
    workers: int = 0
    val_per_set: int = 48
    precision: str = "bf16-mixed"
    seed: int = 0
    pretrained: bool = False
    leave_out: Sequence[str] = ()
    parts: Sequence[str] | None = None


PARTS = {"data": DataOptions, "optim": OptimOptions, "loss": LossWeights}


def load_options(path: Path | None = None, **given: Any) -> RunOptions:
    """RunOptions of a YAML file (any of its fields; `data`, `optim`, `loss` are tables), then what is `given` and not
    None (`size` and `steps` go to their tables). Raises OptionError for unknown names."""
    stored = yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path is not None else {}
    options = _made(RunOptions, {k: v for k, v in stored.items() if k not in PARTS})
    options = replace(options, **{k: _made(kind, stored.get(k) or {}) for k, kind in PARTS.items()})
    size, steps = given.pop("size", None), given.pop("steps", None)
    if size is not None:
        options = replace(options, data=replace(options.data, size=size))
    if steps is not None:
        options = replace(options, optim=replace(options.optim, steps=steps))
    return replace(options, **{k: v for k, v in given.items() if v is not None})


def save_options(folder: Path, options: RunOptions) -> None:
    """run.yaml in the folder of a run, for `load_options`."""
    write_text(folder / "run.yaml", yaml.safe_dump(_plain(asdict(options)), sort_keys=False))


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    values = with_current_settings(values)
    unknown = sorted(set(values) - known)
    if unknown:
        raise OptionError(f"Unknown option {', '.join(unknown)}; known: {', '.join(sorted(known))}.")
    return kind(**{k: _frozen(v) for k, v in values.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Tuples as lists: what YAML has."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
