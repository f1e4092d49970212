"""Quality Sentinel (Chen et al., arXiv 2406.00327) as an estimator: CT only, and it must be told the organ
(by the model's name, 'quality-sentinel:liver', or by what each case is labelled as).

Made for CT between -200 and 200 HU: use the intensity preset `fixed:-200,200` (attribute `intensity`). It looks at a
square around the mask itself; a box plays no part. Total misses were never in its training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import EvanySegError, WeightsError
from ..prompts import BoxPrompt
from ..results import QualityCase
from ..weights.labels import organ_key, read_label_embeddings
from ..weights.memory import require_memory
from ..weights.safe_load import read_state
from ..weights.source import weight_file
from ..weights.store import WeightStore
from .regressor import MaskRegressor

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from ..models.spec import ModelSpec

SIDE = 256
MARGIN = 20
"""Pixels around the mask's bounding box, before the crop is made square."""
NO_ORGAN, NO_SUCH_ORGAN = "no organ named", "no organ is called '{}'"
LABELS_FILE = "label_embedding.pkl"


class QualitySentinel(MaskRegressor):
    """Scores masks of one organ, or of the organ that each case is labelled as; a case without one is unscored (caveat
    'no organ named'), and so is one of an organ that it does not know."""

    intensity = "fixed:-200,200"
    takes = "organ"

    def __init__(
        self, state: Mapping[str, Tensor], embeddings: Mapping[int, Tensor], device: str, organ: str | None = None
    ) -> None:
        from ..nets.quality_sentinel import build_quality_sentinel

        super().__init__("quality-sentinel", build_quality_sentinel(state), device, self._inputs, self._numbers)
        self.embeddings = embeddings
        self.organ = organ
        self._key = self._key_of(organ) if organ else None
        self._keys: dict[str, int | None] = {}

    def with_option(self, organ: str) -> QualitySentinel:
        """The same network for an organ by name ('liver', 'kidney left', 'rib_left_3'); itself, changed.

        Raises EvanySegError with the nearest names, WeightsError when the embeddings lack it."""
        self._key = self._key_of(organ)
        self.organ = organ
        self.name = f"quality-sentinel:{organ}"
        return self

    def refused(self, case: QualityCase) -> tuple[str, ...]:
        """See `MaskRegressor`."""
        if self._key is not None:
            return ()
        if not case.label:
            return (NO_ORGAN,)
        return () if self._labeled(case.label) is not None else (NO_SUCH_ORGAN.format(case.label),)

    def _labeled(self, label: str) -> int | None:
        if label not in self._keys:
            try:
                self._keys[label] = self._key_of(label)
            except EvanySegError:
                self._keys[label] = None
        return self._keys[label]

    def _key_of(self, organ: str) -> int:
        key = organ_key(organ)
        if key not in self.embeddings:
            raise WeightsError(f"The label embeddings have no entry for {organ} ({key}).")
        return key

    def _inputs(self, image: np.ndarray, mask: np.ndarray, box: BoxPrompt | None, label: str) -> dict[str, Tensor]:
        key = self._key if self._key is not None else self._labeled(label)
        assert key is not None, "refused before"
        return {"pixels": sentinel_input(image, mask), "organ": self.embeddings[key]}

    @staticmethod
    def _numbers(net: Module, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"dice": net(inputs["pixels"], inputs["organ"])}


def sentinel_crop(mask: np.ndarray) -> tuple[slice, slice]:
    """(rows, columns) of the square around a mask [H, W]: its box with 20 pixels around, the shorter side widened as
    far as the image goes. The last row and column of the box count as its end, as in the original."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    top, bottom = max(int(rows[0]) - MARGIN, 0), min(int(rows[-1]) + MARGIN, height)
    left, right = max(int(columns[0]) - MARGIN, 0), min(int(columns[-1]) + MARGIN, width)
    tall, wide = bottom - top, right - left
    if tall > wide:
        half = (tall - wide) // 2
        left, right = max(left - half, 0), min(right + half, width)
    else:
        half = (wide - tall) // 2
        top, bottom = max(top - half, 0), min(bottom + half, height)
    return slice(top, bottom), slice(left, right)


def sentinel_input(image: np.ndarray, mask: np.ndarray) -> Tensor:
    """float32 [2, 256, 256]: the grey image (0..255 = -200..200 HU) and the mask, both centred at one half."""
    import torch
    from torch.nn.functional import interpolate

    from ..nets.quality_sentinel import centered

    where = sentinel_crop(mask)
    gray = image[where].mean(axis=-1, dtype=np.float32) / 255
    planes = torch.from_numpy(np.stack([gray, mask[where].astype(np.float32)]))[None]
    small = interpolate(planes, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)[0]
    return centered(small)


def load(spec: ModelSpec[QualitySentinel], path: Path | None, device: str) -> QualitySentinel:
    """From a local file (its label embeddings beside it or imported) or, None, from the imported one.

    Raises WeightsError."""
    assert spec.weights is not None
    file, (labels,) = weight_file(spec.weights, path), spec.companions
    beside = file.with_name(labels.filename)
    if path is None or not beside.is_file():
        store = WeightStore.default()
        if not store.has(labels):
            raise WeightsError(
                f"Quality Sentinel also needs its label embeddings: put {labels.filename} beside {file.name}, or bring "
                f"it with `evanyseg models import {labels.filename}`."
            )
        beside = weight_file(labels, None, store)
    require_memory(file, device, spec.name, spec.memory_gb)
    return QualitySentinel(read_state(file), read_label_embeddings(beside), device)
