"""An estimator that is told the class, as a file: safetensors with its table of class names inside, no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import WeightsError
from ...io.write import atomic_path
from ...weights.safe_load import KIND, MODEL, read_arrays
from .class_table import ClassTable

FORMAT = 1
NAME, KEY, VECTORS = "conditioned", "conditioned", "class_vectors"
LARGEST_SIDE = 512


@dataclass(frozen=True)
class ConditionedFile:
    """network: arrays by name; names: the table of classes; size: edge of the crops; length: of the vector that tells
    the class; fingerprint: another file has another one."""

    network: Mapping[str, np.ndarray]
    names: ClassTable
    size: int
    length: float
    fingerprint: str = ""


def save(path: Path, made: ConditionedFile) -> None:
    """Writes the file whole or not at all. Raises OutputError."""
    from safetensors.numpy import save_file

    said = {"format": FORMAT, "size": made.size, "length": made.length, "names": list(made.names.names)}
    arrays = {**made.network, VECTORS: made.names.vectors.astype(np.float16)}
    with atomic_path(path) as part:
        save_file(
            {name: np.array(array, order="C") for name, array in arrays.items()},
            part,
            {MODEL: NAME, KIND: "estimator", KEY: json.dumps(said)},
        )


def read(path: Path) -> ConditionedFile:
    """Raises WeightsError for a file that is damaged or another's."""
    arrays, metadata = read_arrays(path)
    try:
        said = json.loads(metadata[KEY])
        if said["format"] != FORMAT:
            raise WeightsError(f"{path.name} has format {said['format']}; this version reads format {FORMAT}.")
        size, length = int(said["size"]), float(said["length"])
        names = ClassTable([str(name) for name in said["names"]], arrays.pop(VECTORS))
        if not 8 <= size <= LARGEST_SIDE or not np.isfinite(length):
            raise ValueError("sizes out of range")
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path.name} is no file of 'evanyseg-train sentinel', or damaged; make it again.") from None
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise WeightsError(f"{path.name} is damaged: it has weights that are no numbers; make it again.")
    return ConditionedFile(arrays, names, size, length, hashlib.sha256(path.read_bytes()).hexdigest())
