"""How a spec becomes a model. Targets are 'module:function', imported when a model is made and not before."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from ..device import require_torch
from ..threads import limit_torch
from ..weights.memory import require_memory
from ..weights.safe_load import read_state
from ..weights.source import weight_file
from .spec import Loader, ModelSpec


def from_state(target: str) -> Loader:
    """For networks built from a plain state dict: `target(state, device, name)`.

    The file is found (or the user is told how to get it), the memory it needs is checked, its tensors are read
    without running anything of it. Raises WeightsError.
    """

    def load(spec: ModelSpec[Any], path: Path | None, device: str) -> Any:
        assert spec.weights is not None, spec.name
        require_torch(f"'{spec.name}'")
        file = weight_file(spec.weights, path)
        require_memory(file, device, spec.name, spec.memory_gb)
        limit_torch()
        return _function(target)(read_state(file), device, spec.name)

    return load


def from_own_files(target: str) -> Loader:
    """For models that find their files themselves: `target(spec, path, device)`."""

    def load(spec: ModelSpec[Any], path: Path | None, device: str) -> Any:
        require_torch(f"'{spec.name}'")
        limit_torch()
        return _function(target)(spec, path, device)

    return load


def built_in(target: str) -> Loader:
    """For models that ship with the engine: `target(path, device, backend)`."""

    def load(spec: ModelSpec[Any], path: Path | None, device: str, backend: str = "auto") -> Any:
        return _function(target)(path, device, backend)

    return load


def _function(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
