"""Which segmenters and estimators there are, by name; building one imports its network, looking does not."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Generic

from .. import plugins
from ..device import server_address
from ..errors import DeviceError, UnknownModelError
from .spec import Model, ModelSpec

log = logging.getLogger("evanyseg.models")


class Registry(Generic[Model]):
    """kind: 'segmenter' or 'estimator', for messages. recognise: the name of the model that a file holds.

    group: entry points of this group in installed packages add specs ('name = "module:SPEC"'); they are looked up when
    the registry is first asked, and one that cannot be loaded is logged and left out.
    """

    def __init__(self, kind: str, recognize: Callable[[Path], str] | None = None, group: str = "") -> None:
        self.kind, self.recognize, self.group = kind, recognize, group
        self._own: dict[str, ModelSpec[Model]] = {}

    def register(self, spec: ModelSpec[Model]) -> ModelSpec[Model]:
        if spec.name in self._own:
            raise ValueError(f"{self.kind} '{spec.name}' is registered twice")
        self._own[spec.name] = spec
        return spec

    def register_all(self, specs: Iterable[ModelSpec[Model]]) -> None:
        for spec in specs:
            self.register(spec)

    def remove(self, name: str) -> None:
        """Take back what `register` added; an unknown name is no error."""
        self._own.pop(name, None)

    @cached_property
    def _added(self) -> dict[str, ModelSpec[Model]]:
        found: dict[str, ModelSpec[Model]] = {}
        for point, spec in (plugins.added(self.group) if self.group else {}).items():
            if isinstance(spec, ModelSpec) and spec.name not in self._own:
                found[spec.name] = spec
            else:
                log.warning("The %s that '%s' adds is no ModelSpec of a new name", self.kind, point)
        return found

    @property
    def _specs(self) -> dict[str, ModelSpec[Model]]:
        return {**self._own, **self._added}

    def specs(self) -> list[ModelSpec[Model]]:
        return list(self._specs.values())

    def names(self) -> list[str]:
        return list(self._specs)

    def get(self, name: str) -> ModelSpec[Model]:
        """Raises UnknownModelError that lists the names, nearest first."""
        specs = self._specs
        if name in specs:
            return specs[name]
        near = difflib.get_close_matches(name, specs, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise UnknownModelError(f"Unknown {self.kind} '{name}'.{hint} Known: {', '.join(specs)}.")

    def create(self, name_or_file: str, device: str = "auto", backend: str = "auto") -> Model:
        """A model by registered name, or from a weight file that `recognise` can name.

        'NAME:OPTION' or 'FILE:OPTION' hands the option to models that take one ('quality-sentinel:liver'); backend:
        what runs models that leave a choice ('onnx', 'torch').
        A server as device ('server:https://NAME') runs its own models: by name only.
        Raises UnknownModelError, WeightsError, DeviceError, ServerError, MissingPackageError.
        """
        if (address := server_address(device)) is not None:
            return self._remote(name_or_file, address)
        path = Path(name_or_file).expanduser()
        base, _, option = name_or_file.rpartition(":")
        if option and (base in self._specs or (Path(base).suffix and Path(base).expanduser().is_file())):
            model = self.create(base, device, backend)
            choose = getattr(model, "with_option", None)
            if choose is None:
                raise UnknownModelError(f"The {self.kind} '{base}' takes no option such as '{option}'.")
            chosen: Model = choose(option)
            return chosen
        if name_or_file not in self._specs and self.recognize is not None and path.suffix and path.is_file():
            return self._made(self.get(self.recognize(path)), path, device, backend)
        return self._made(self.get(name_or_file), None, device, backend)

    def _remote(self, name: str, address: str) -> Model:
        from ..remote.known import server_at
        from ..remote.models import estimator_on, segmenter_on

        path = Path(name).expanduser()
        if path.suffix and path.is_file():
            if self.kind == "estimator" and self.recognize is not None and self.recognize(path) == "adapted":
                adapted: Any = estimator_on(server_at(address), "builtin").with_learned(path)
                return adapted  # type: ignore[no-any-return]
            raise DeviceError(f"The file {Path(name).name} is here and not on the server; give a model by its name.")
        make: Callable[..., Any] = segmenter_on if self.kind == "segmenter" else estimator_on
        found: Model = make(server_at(address), name)
        return found

    def _made(self, spec: ModelSpec[Model], path: Path | None, device: str, backend: str) -> Model:
        from ..device import resolve_device

        if backend not in ("auto", *spec.backends):
            known = " or ".join(spec.backends) or "what it brings"
            raise DeviceError(f"The {self.kind} '{spec.name}' runs on {known}, not on {backend}.")
        if backend == "onnx" and device == "auto":
            device = "cpu"
        return spec.create(path, resolve_device(device), backend)
