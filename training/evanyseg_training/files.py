"""Results on disk: every file appears whole or not at all, also when a run is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.io.write import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def write_table(path: Path, table: pd.DataFrame, digits: int = 5, **options: Any) -> None:
    """CSV without the index (`options`: others of pandas), or Parquet where the name says so. Raises OutputError."""
    with atomic_path(path) as partial:
        if path.suffix == ".parquet":
            table.to_parquet(partial)
        else:
            table.to_csv(partial, **{"index": False, "float_format": f"%.{digits}f", **options})


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """A safetensors file of numpy arrays. Raises OutputError."""
    from safetensors.numpy import save_file

    with atomic_path(path) as partial:
        save_file(dict(tensors), partial)
