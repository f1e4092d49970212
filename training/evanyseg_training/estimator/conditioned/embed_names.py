"""Makes a table of class names with a sentence model in a local folder (transformers' format); nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evanyseg.io.write import atomic_path

from ...errors import OptionError


def embedded(names: Sequence[str], model: Path) -> np.ndarray:
    """float32 [N, D]: the mean of the last hidden states over each name's tokens, length 1. Raises OptionError."""
    import torch

    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise OptionError(f"Embedding names needs the package transformers ({error}).") from None
    if not (model / "config.json").is_file():
        raise OptionError(f"{model} holds no model (no config.json); unpack a sentence model there.")
    tokenizer = AutoTokenizer.from_pretrained(str(model), local_files_only=True)
    net = AutoModel.from_pretrained(str(model), local_files_only=True).eval()
    rows = []
    with torch.inference_mode():
        for name in names:
            tokens = tokenizer(name, return_tensors="pt")
            mean = net(**tokens).last_hidden_state[0].mean(0)
            rows.append((mean / mean.norm()).numpy())
    return np.stack(rows)


def write_class_table(path: Path, names: Sequence[str], vectors: np.ndarray, model: str) -> None:
    """float16 `vectors` with `names` and `model` as metadata. Raises OutputError."""
    from safetensors.numpy import save_file

    with atomic_path(path) as partial:
        save_file({"vectors": vectors.astype(np.float16)}, partial, {"names": "\n".join(names), "model": model})
