"""Tables of class names as files: a small table of text embeddings that ships, or one that the user brings.

The table that ships (class_names.safetensors): a few hundred anatomical names, each embedded by all-MiniLM-L6-v2
(Apache-2.0; the name alone, mean of its tokens, length 1), float16 [N, 384].
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evanyseg.errors import WeightsError
from evanyseg.quality.conditioned.class_table import ClassTable
from evanyseg.weights.labels import ORGANS, read_label_embeddings
from evanyseg.weights.safe_load import read_arrays

BUILT_IN = Path(__file__).parent / "class_names.safetensors"


def read_class_table(path: Path = BUILT_IN) -> ClassTable:
    """From a file: .safetensors of one tensor a name (or `vectors` with metadata `names`, one a line), .npz of one
    array a name, or Quality Sentinel's published label embeddings (.pkl). Raises WeightsError."""
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return ClassTable(*_stacked({name: file[name] for name in file.files}, path))
        except (OSError, ValueError) as error:
            raise WeightsError(f"{path.name} is no table of class names: {error}.") from None
    if path.suffix in (".pkl", ".pt", ".pth"):
        found = read_label_embeddings(path)
        known = {ORGANS[key]: v.numpy() for key, v in found.items() if 1 < key < len(ORGANS)}
        return ClassTable(*_stacked(known, path))
    arrays, metadata = read_arrays(path)
    if set(arrays) == {"vectors"} and "names" in metadata:
        return ClassTable(metadata["names"].split("\n"), arrays["vectors"])
    return ClassTable(*_stacked(arrays, path))


def _stacked(found: Mapping[str, np.ndarray], path: Path) -> tuple[list[str], np.ndarray]:
    rows = [np.asarray(v, np.float32).reshape(-1) for v in found.values()]
    if not rows or len({len(row) for row in rows}) != 1:
        raise WeightsError(f"{path.name} is no table of class names: its vectors differ in length, or there are none.")
    return list(found), np.stack(rows)
