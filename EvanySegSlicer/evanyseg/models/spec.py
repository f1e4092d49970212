"""One registered model: everything that anybody needs to know of it, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..weights.files import WeightFile

Model = TypeVar("Model")
Shapes = Mapping[str, Sequence[int]]
"""Tensor shapes of a checkpoint by key."""

Fingerprint = Callable[[Shapes], bool]
"""Whether a checkpoint with these tensors holds this model (`models.fingerprints`)."""

Loader = Callable[..., Any]
"""(spec, a local weight file or None for the spec's own, an actual device) -> the model (`models.loaders`)."""


TORCH = ("torch",)


@dataclass(frozen=True)
class ModelSpec(Generic[Model]):
    """`loader` is the only place that may import a network's library; looking at a spec costs nothing.

    weights: the file it needs, None for models that ship with the engine; companions: further files. memory_gb: what
    it takes beside its parameters (on the CPU, one image). fingerprint: how a file of it is recognised, whatever its
    name; hints: words of a file's name that tell models of one fingerprint apart; trainer_files: whether a wrapped
    checkpoint of an ambiguous fingerprint is taken for this one. prompts and note: for people (docs/models.md).
    backends: what can run it (TORCH: it needs PyTorch); where there are several the loader takes the user's choice as a
    fourth argument.
    """

    name: str
    title: str
    loader: Loader
    weights: WeightFile | None = None
    companions: tuple[WeightFile, ...] = ()
    memory_gb: float = 1.0
    fingerprint: Fingerprint | None = None
    hints: tuple[str, ...] = ()
    trainer_files: bool = False
    prompts: str = ""
    note: str = ""
    own_license: str = ""
    backends: tuple[str, ...] = ()

    @property
    def license(self) -> str:
        return self.weights.license if self.weights else self.own_license

    @property
    def citation(self) -> str:
        return self.weights.citation if self.weights else ""

    @property
    def files(self) -> tuple[WeightFile, ...]:
        return (*((self.weights,) if self.weights else ()), *self.companions)

    def create(self, path: Path | None, device: str, backend: str = "auto") -> Model:
        """Raises WeightsError, MissingPackageError. `device`: an actual one ('cpu', 'cuda:0', 'mps'); backend: 'auto'
        or one of `backends`."""
        choice = (backend,) if len(self.backends) > 1 else ()
        model: Model = self.loader(self, path, device, *choice)
        return model
