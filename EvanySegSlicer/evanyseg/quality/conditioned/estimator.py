"""An estimator that is told what each mask is meant to be, from the file that `evanyseg-train sentinel` writes.

The class comes with the case (a table's column `label`, a segment's name) or with the model's name ('FILE:liver'). It
looks at a square around the mask itself; a box plays no part. It was never calibrated: no interval.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UnknownClassError
from ...geometry.resample import resized_bytes
from ...prompts import BoxPrompt
from ...results import QualityCase
from ...weights.source import weight_file
from ..quality_sentinel import sentinel_crop
from ..regressor import MaskRegressor
from .class_table import FoundClass
from .file import NAME, ConditionedFile, read

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from ...models.spec import ModelSpec

NO_CLASS = "no class named"
NO_SUCH_CLASS = "no class is like '{}'"
TAKEN_FOR = "class '{}' taken for '{}'"


class ConditionedEstimator(MaskRegressor):
    """Scores masks of any class of its table; a case without a class, or of one that is like none, is unscored. A name
    that is not in the table is answered with the nearest, which a caveat says."""

    takes = "class"

    def __init__(self, file: ConditionedFile, device: str) -> None:
        import torch

        from ...nets.conditioned import build_conditioned

        state = {name: torch.from_numpy(np.asarray(array)) for name, array in file.network.items()}
        net = build_conditioned(state, file.names.vectors.shape[1])
        super().__init__(NAME, net, device, self._inputs, self._numbers)
        self.file, self.fingerprint = file, file.fingerprint
        self.label = ""
        self._found: dict[str, FoundClass | None] = {}

    def with_option(self, label: str) -> ConditionedEstimator:
        """Itself, for cases that do not say what they are. Raises UnknownClassError."""
        self.label = self.file.names.find(label).name
        self.name = f"{NAME}:{self.label}"
        return self

    def refused(self, case: QualityCase) -> tuple[str, ...]:
        """See `MaskRegressor`."""
        label = case.label or self.label
        if not label:
            return (NO_CLASS,)
        return () if self._class_of(label) is not None else (NO_SUCH_CLASS.format(label),)

    def notes(self, case: QualityCase) -> tuple[str, ...]:
        """See `MaskRegressor`."""
        label = case.label or self.label
        found = self._class_of(label)
        assert found is not None, "refused before"
        return () if found.alike == 1 else (TAKEN_FOR.format(label, found.name),)

    def _class_of(self, label: str) -> FoundClass | None:
        if label not in self._found:
            try:
                self._found[label] = self.file.names.find(label)
            except UnknownClassError:
                self._found[label] = None
        return self._found[label]

    def _inputs(self, image: np.ndarray, mask: np.ndarray, box: BoxPrompt | None, label: str) -> dict[str, Tensor]:
        import torch

        found = self._class_of(label or self.label)
        assert found is not None, "refused before"
        told = (self.file.length * found.vector).astype(np.float32)
        return {"pixels": torch.from_numpy(conditioned_crop(image, mask, self.file.size)),
                "told": torch.from_numpy(told)}  # fmt: skip

    @staticmethod
    def _numbers(net: Module, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        from ...nets.conditioned import planes

        return {"dice": net(planes(inputs["pixels"]), inputs["told"])}


def conditioned_crop(image: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """uint8 [2, size, size]: the gray image and the mask (0 or 255) in the square around it, antialiased."""
    where = sentinel_crop(mask)
    gray = np.round(image[where].mean(axis=2, dtype=np.float32)).astype(np.uint8)
    both = np.stack([gray, mask[where].view(np.uint8) * np.uint8(255)], axis=2)
    return np.ascontiguousarray(resized_bytes(both, size).transpose(2, 0, 1))


def load(spec: ModelSpec[ConditionedEstimator], path: Path | None, device: str) -> ConditionedEstimator:
    """From a local file or, None, from the imported one. Raises WeightsError."""
    assert spec.weights is not None
    return ConditionedEstimator(read(weight_file(spec.weights, path)), device)
