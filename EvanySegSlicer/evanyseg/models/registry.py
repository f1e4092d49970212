"""Which segmenters and estimators there are, by name; building one imports torch, looking does not."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import UnknownModelError
from ..protocols import QualityEstimator, Segmenter

Model = TypeVar("Model")


@dataclass(frozen=True)
class ModelSpec(Generic[Model]):
    """One registered model.

    `factory(path, device)` builds it: `path` is a local weight file, or None for the spec's own (built-in or already
    downloaded) weights; `device` is an actual device string. `weights` names the entry of the weights registry, or is
    None for built-in models. The factory is the only place that may import torch.
    """

    name: str
    title: str
    factory: Callable[[Path | None, str], Model]
    weights: str | None = None
    licence: str = ""
    citation: str = ""
    note: str = ""


class Registry(Generic[Model]):
    def __init__(self, kind: str, recognise: Callable[[Path], str] | None = None) -> None:
        self.kind = kind
        self._specs: dict[str, ModelSpec[Model]] = {}
        self.recognise = recognise

    def register(self, spec: ModelSpec[Model]) -> ModelSpec[Model]:
        if spec.name in self._specs:
            raise ValueError(f"{self.kind} '{spec.name}' is registered twice")
        self._specs[spec.name] = spec
        return spec

    def specs(self) -> list[ModelSpec[Model]]:
        return list(self._specs.values())

    def names(self) -> list[str]:
        return list(self._specs)

    def get(self, name: str) -> ModelSpec[Model]:
        """Raises UnknownModelError that lists the names, nearest first."""
        if name in self._specs:
            return self._specs[name]
        near = difflib.get_close_matches(name, self._specs, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise UnknownModelError(f"Unknown {self.kind} '{name}'.{hint} Known: {', '.join(self._specs)}.")

    def create(self, name_or_file: str, device: str = "auto") -> Model:
        """A model by registered name, or from a weight file that `recognise` can name.

        'NAME:OPTION' or 'FILE:OPTION' hands the option to models that take one ('quality-sentinel:liver').
        Raises UnknownModelError, WeightsError, DeviceError.
        """
        from ..device import resolve_device

        path = Path(name_or_file).expanduser()
        base, _, option = name_or_file.rpartition(":")
        if option and (base in self._specs or (Path(base).suffix and Path(base).expanduser().is_file())):
            model = self.create(base, device)
            choose = getattr(model, "with_option", None)
            if choose is None:
                raise UnknownModelError(f"The {self.kind} '{base}' takes no option such as '{option}'.")
            return choose(option)
        if name_or_file not in self._specs and self.recognise is not None and path.suffix and path.is_file():
            return self.get(self.recognise(path)).factory(path, resolve_device(device))
        return self.get(name_or_file).factory(None, resolve_device(device))


segmenters: Registry[Segmenter] = Registry("segmenter")
estimators: Registry[QualityEstimator] = Registry("estimator")
