"""The models that run here: loaded on the worker when first asked for, by registered name only, the last few kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict
from typing import Any

from .. import models
from ..device import resolve_device, server_address
from ..errors import DeviceError, UnknownModelError
from ..models.registry import Registry
from ..protocols import QualityEstimator, Segmenter
from ..segmenters.prompted import Capabilities

BY_FILE = "adapted"


class LoadedModels:
    """device, backend: as everywhere; allowed: names that clients may ask for, none: all that this machine has; most:
    kept at a time. Used by the worker only."""

    def __init__(self, device: str, backend: str, allowed: tuple[str, ...] = (), most: int = 4) -> None:
        self.device, self.backend, self.allowed, self.most = device, backend, allowed, most
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def check(self) -> None:
        """The device becomes the actual one. Raises DeviceError; UnknownModelError for allowed names of no model."""
        if server_address(self.device) is not None:
            raise DeviceError("A server runs its models itself: its device cannot be another server.")
        self.device = "cpu" if self.backend == "onnx" and self.device == "auto" else resolve_device(self.device)
        known = [*models.segmenters.names(), *models.estimators.names()]
        for name in self.allowed:
            if name not in known or name == BY_FILE:
                raise UnknownModelError(f"There is no model '{name}' to serve; there are {', '.join(known)}.")

    def segmenter(self, name: str) -> Segmenter:
        """Raises UnknownModelError, WeightsError, DeviceError, MissingPackageError."""
        found: Segmenter = self._get(models.segmenters, name)
        return found

    def estimator(self, name: str) -> QualityEstimator:
        """Raises UnknownModelError, WeightsError, DeviceError, MissingPackageError."""
        found: QualityEstimator = self._get(models.estimators, name)
        return found

    def names(self) -> dict[str, list[str]]:
        """By kind, what may be asked for; whether its weights are here is told when it is loaded."""
        return {
            kind: [name for name in registry.names() if self._may(name)]
            for kind, registry in (("segmenter", models.segmenters), ("estimator", models.estimators))
        }

    def _may(self, name: str) -> bool:
        return name != BY_FILE and (not self.allowed or name in self.allowed)

    def _get(self, registry: Registry[Any], name: str) -> Any:
        # a registry also takes paths of files: nobody far away names files of this machine
        base = name.partition(":")[0]
        if base not in registry.names() or not self._may(base):
            known = ", ".join(n for n in registry.names() if self._may(n))
            raise UnknownModelError(f"This server has no {registry.kind} '{base}'; it has {known}.")
        key = (registry.kind, name)
        if key not in self._kept:
            while len(self._kept) >= self.most:
                self._kept.popitem(last=False)
            self._kept[key] = registry.create(name, self.device, self.backend)
        self._kept.move_to_end(key)
        return self._kept[key]


def told_of_segmenter(segmenter: Segmenter) -> dict[str, Any]:
    """What a client needs to stand in for it."""
    able = getattr(segmenter, "capabilities", None)
    return {
        "name": segmenter.name,
        "device": segmenter.device,
        "supports_points": segmenter.supports_points,
        "supports_boxes": segmenter.supports_boxes,
        "capabilities": asdict(able) if isinstance(able, Capabilities) else None,
    }


def told_of_estimator(estimator: QualityEstimator) -> dict[str, Any]:
    return {
        "name": estimator.name,
        "device": estimator.device,
        "level": estimator.level,
        "fingerprint": str(getattr(estimator, "fingerprint", "")),
    }
