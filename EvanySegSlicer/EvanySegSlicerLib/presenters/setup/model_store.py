"""The models that the user chose, built on the worker when first needed and kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from evanyseg.pipeline.embedding_cache import EmbeddingCache
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.protocols import QualityEstimator, Segmenter

from .torch_guard import hide_triton_beside_mesa


@dataclass
class ModelStore:
    """segmenters and estimators: registries (`names()`, `specs()`, `create(name, device)`).

    Building a model imports torch and takes a second: only ever call the three on a worker.
    """

    segmenters: Any
    estimators: Any
    cache: EmbeddingCache = field(default_factory=EmbeddingCache)
    _built: dict[tuple[str, str, str], Any] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def of_engine(cls) -> ModelStore:
        """The registries of `evanyseg.models`; listing them loads no network."""
        from evanyseg.models import estimators, segmenters

        return cls(segmenters, estimators)

    def titles(self, kind: str) -> list[tuple[str, str]]:
        """(name, title) of 'segmenter' or 'estimator' models, in the registry's order."""
        return [(spec.name, spec.title) for spec in self._registry(kind).specs()]

    def note(self, kind: str, name: str) -> str:
        """Licence and note of a model, one line."""
        spec = self._registry(kind).get(name)
        return ". ".join(part for part in (spec.note.rstrip("."), spec.licence and f"Licence {spec.licence}") if part)

    def segmenter(self, name: str, device: str) -> Segmenter:
        """Raises UnknownModelError, WeightsError, DeviceError."""
        return self._get("segmenter", name, device)

    def estimator(self, name: str, device: str) -> QualityEstimator:
        """Raises UnknownModelError, WeightsError, DeviceError."""
        return self._get("estimator", name, device)

    def pipeline(self, segmenter: str, estimator: str, device: str) -> SlicePipeline:
        """The two together on one device, sharing the embedding cache. `segmenter` '' : scoring only."""
        return SlicePipeline(
            self.estimator(estimator, device), self.segmenter(segmenter, device) if segmenter else None, self.cache
        )

    def forget(self) -> None:
        """Let go of every built model and embedding (memory of the device comes back)."""
        with self._lock:
            self._built.clear()
        self.cache.clear()

    def _registry(self, kind: str) -> Any:
        return self.segmenters if kind == "segmenter" else self.estimators

    def _get(self, kind: str, name: str, device: str) -> Any:
        key = (kind, name, device)
        with self._lock:
            if key not in self._built:
                hide_triton_beside_mesa()
                self._built[key] = self._registry(kind).create(name, device)
            return self._built[key]
