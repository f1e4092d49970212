"""The built-in estimator's files: what the .json tells, and the parts of the .safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from .conformal import Calibration
from .context import AUXILIARY_COUNT
from .gbdt import NETWORK_NUMBERS, Trees
from .gbdt import PREFIX as TREES
from .modes import BOX, FORMER_NO_PROMPT, MODES, NO_PROMPT
from .ood import PREFIXES as OOD
from .ood import OODDetector

FORMAT = 2
FORMER_SIZES = {"scalars": "auxiliary"}


@dataclass(frozen=True)
class EstimatorFile:
    """What the .json says: `config` of the network, window `factors` and calibrations (with box, without box);
    `flips`: whether mirror images are averaged."""

    config: dict[str, Any]
    factors: tuple[float, float]
    calibrations: tuple[Calibration, Calibration] | None
    flips: bool


@dataclass(frozen=True)
class EstimatorParts:
    """network: tensors as stored (see `weights.eight_bits`); trees and ood_detector, where the file has them."""

    network: dict[str, np.ndarray]
    trees: Trees | None
    ood_detector: OODDetector | None

    @classmethod
    def of(cls, stored: Mapping[str, np.ndarray]) -> EstimatorParts:
        """Raises WeightsError for damaged parts."""
        beside = {name: array for name, array in stored.items() if name.startswith((TREES, *OOD))}
        network = {name: array for name, array in stored.items() if name not in beside}
        return cls(
            network, Trees.from_tensors(beside, AUXILIARY_COUNT + NETWORK_NUMBERS), OODDetector.from_tensors(beside)
        )

    def tensors(self) -> dict[str, np.ndarray]:
        """For a weight file."""
        beside = [part.tensors() for part in (self.trees, self.ood_detector) if part is not None]
        return {**self.network, **{name: array for part in beside for name, array in part.items()}}


def read_description(path: Path) -> EstimatorFile:
    """Raises WeightsError when the .json beside the weights is missing or not of this format."""
    if not path.is_file():
        raise WeightsError(f"{path.name}, which belongs beside the estimator's weights, is missing.")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise WeightsError(f"{path.name} has format {stored['format']}; this version reads format {FORMAT}.")
        pair = stored.get("calibration")
        box, no_prompt = (Calibration.from_json(_of_mode(pair, mode)) for mode in MODES) if pair else (None, None)
        both = (box, no_prompt) if box and no_prompt else None
        factors = (float(_of_mode(stored["factors"], BOX)), float(_of_mode(stored["factors"], NO_PROMPT)))
        return EstimatorFile(present_sizes(stored["config"]), factors, both, bool(stored.get("flips", False)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path.name} is not an estimator's description ({error}).") from error


def present_sizes(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes of a network under the names they have now."""
    return {FORMER_SIZES.get(name, name): value for name, value in stored.items()}


def _of_mode(stored: Mapping[str, Any], mode: str) -> Any:
    """What is stored for a mode, under its name or the one that files had before."""
    former = FORMER_NO_PROMPT if mode == NO_PROMPT and NO_PROMPT not in stored else mode
    return stored[former]
