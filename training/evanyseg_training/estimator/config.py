"""Options of an estimator run from a YAML file and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import yaml

from ..data.manifest import ManifestError
from .losses import LossWeights
from .module import OptimOptions
from .samples.data import DataOptions
from .train import RunOptions

PARTS = {"data": DataOptions, "optim": OptimOptions, "loss": LossWeights}


def load_options(path: Path | None = None, **given: Any) -> RunOptions:
    """RunOptions of a YAML file (any of its fields; `data`, `optim`, `loss` are tables), then what is `given` and not
    None (`size` and `steps` go to their tables). Raises ManifestError for unknown names."""
    stored = yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path is not None else {}
    options = _made(RunOptions, {k: v for k, v in stored.items() if k not in PARTS})
    options = replace(options, **{k: _made(kind, stored.get(k) or {}) for k, kind in PARTS.items()})
    size, steps = given.pop("size", None), given.pop("steps", None)
    if size is not None:
        options = replace(options, data=replace(options.data, size=size))
    if steps is not None:
        options = replace(options, optim=replace(options.optim, steps=steps))
    return replace(options, **{k: v for k, v in given.items() if v is not None})


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ManifestError(f"Unknown option {', '.join(unknown)}; known: {', '.join(sorted(known))}.")
    return kind(**{k: _frozen(v) for k, v in values.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
