"""The models that the user chose, built on the worker when first needed and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar, cast

from evanyseg.device import server_address
from evanyseg.errors import DeviceError, WeightsError
from evanyseg.models.spec import TORCH
from evanyseg.pipeline.embedding_cache import EmbeddingCache
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.protocols import QualityEstimator, Segmenter
from evanyseg.remote.known import KnownServers
from evanyseg.weights.store import WeightStore

from .torch_guard import hide_triton_beside_mesa

if TYPE_CHECKING:
    from evanyseg.models import ModelSpec, Registry
    from evanyseg.weights.files import WeightFile

Model = TypeVar("Model")
BUILT_IN = "builtin"
BY_FILE = "adapted"
"""The estimator that is what was learned: `ModelStore.learned` makes it from its file."""
Find = Callable[[str], object | None]


@dataclass
class ModelStore:
    """Built models by kind, name and device; `cache`: embeddings of slices, shared by all pipelines; `servers`: those
    that the user has agreed to.

    Building a model imports its library (onnxruntime, PyTorch) and may take seconds: only ever call the three that do
    on a worker.
    """

    segmenters: Registry[Segmenter]
    estimators: Registry[QualityEstimator]
    cache: EmbeddingCache = field(default_factory=EmbeddingCache)
    servers: KnownServers = field(default_factory=KnownServers)
    _built: dict[tuple[str, str, str], object] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def of_engine(cls) -> ModelStore:
        """The registries of `evanyseg.models`, for an application that somebody works in while networks run; listing
        them loads no network."""
        from evanyseg import threads
        from evanyseg.models import estimators, segmenters

        threads.passive_waiting()
        threads.keep_a_core_free()
        return cls(segmenters, estimators)

    def titles(self, kind: str) -> list[tuple[str, str]]:
        """(name, title) of 'segmenter' or 'estimator' models, in the registry's order."""
        return [(spec.name, spec.title) for spec in self._specs(kind)]

    def note(self, kind: str, name: str) -> str:
        """Licence and note of a model, one line."""
        spec = next(spec for spec in self._specs(kind) if spec.name == name)
        return ". ".join(part for part in (spec.note.rstrip("."), spec.license and f"Licence {spec.license}") if part)

    def missing(self, kind: str, name: str, weights: WeightStore, find: Find = find_spec) -> str:
        """What a model lacks here, in a few words; '' when it can be used. Imports nothing."""
        spec = next((spec for spec in self._specs(kind) if spec.name == name), None)
        if spec is None:
            return "not known here"
        if name == BY_FILE:
            return "in charge by itself where something was learned"
        if spec.backends == TORCH and find("torch") is None:
            return "needs PyTorch"
        absent = [file for file in spec.files if not weights.has(file)]
        if not absent:
            return ""
        return f"weights are not here: evanyseg models {'download' if absent[0].url else 'import'} {absent[0].name}"

    def absent(self, weights: WeightStore, find: Find = find_spec) -> list[WeightFile]:
        """Files that are all that a model lacks here, in the registries' order."""
        specs = [spec for kind in ("segmenter", "estimator") for spec in self._specs(kind)]
        usable = [spec for spec in specs if spec.backends != TORCH or find("torch") is not None]
        files = {file.name: file for spec in usable for file in spec.files if not weights.has(file)}
        return list(files.values())

    def needs_torch(self, segmenter: str, estimator: str) -> str:
        """Title of the first of the two that runs on PyTorch alone; '' when neither does."""
        for kind, name in (("segmenter", segmenter), ("estimator", estimator)):
            for spec in self._specs(kind):
                if spec.name == name and spec.backends == TORCH:
                    return spec.title
        return ""

    def segmenter(self, name: str, device: str) -> Segmenter:
        """Raises UnknownModelError, WeightsError, DeviceError."""
        return self._get(self.segmenters, name, device)

    def estimator(self, name: str, device: str) -> QualityEstimator:
        """Raises UnknownModelError, WeightsError, DeviceError."""
        return self._get(self.estimators, name, device)

    def pipeline(self, segmenter: str, estimator: str, device: str) -> SlicePipeline:
        """The two together on one device, sharing the embedding cache. `segmenter` '' : scoring only."""
        return SlicePipeline(
            self.estimator(estimator, device), self.segmenter(segmenter, device) if segmenter else None, self.cache
        )

    def learned(self, path: Path, device: str) -> QualityEstimator:
        """What was learned from references, from its file, on the built-in estimator. Raises WeightsError."""
        from evanyseg.adaptation import file
        from evanyseg.quality.builtin import BuiltinEstimator
        from evanyseg.remote.models import RemoteEstimator

        base = self.estimator(BUILT_IN, device)
        if isinstance(base, RemoteEstimator):
            return base.with_learned(path)
        if not isinstance(base, BuiltinEstimator):
            raise WeightsError("What is learned builds on the built-in estimator, which is not there.")
        key = ("learned", str(path), device)
        with self._lock:
            if key not in self._built:
                self._built[key] = file.load(path, device, base=base)
            return cast(QualityEstimator, self._built[key])

    def forget(self) -> None:
        """Let go of every built model and embedding (memory of the device comes back)."""
        with self._lock:
            self._built.clear()
        self.cache.clear()

    def _check_agreed(self, device: str) -> None:
        """Raises DeviceError for a server that the user has not agreed to: a scene made elsewhere may name any."""
        address = server_address(device)
        if address is not None and not self.servers.get(address).agreed:
            raise DeviceError(
                f"This scene wants to send to the server {address}, to which you have not agreed: nothing was sent. "
                "Choose another device, or add that server to the list of devices."
            )

    def _specs(self, kind: str) -> list[ModelSpec]:
        return (self.segmenters if kind == "segmenter" else self.estimators).specs()

    def _get(self, registry: Registry[Model], name: str, device: str) -> Model:
        self._check_agreed(device)
        key = (registry.kind, name, device)
        with self._lock:
            if key not in self._built:
                hide_triton_beside_mesa()
                self._built[key] = registry.create(name, device)
            return cast(Model, self._built[key])
