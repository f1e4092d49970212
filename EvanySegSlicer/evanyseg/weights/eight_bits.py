"""Weights in 8 bits per channel: how the built-in models are stored.

Each large tensor is int8 with one float32 scale for each index of its first axis (the output channel), stored beside it
as 'NAME/scale'; what is small (biases, norms, codes) stays float16. Files of plain floats read the same way, so that a
training run's checkpoint and a shipped file are interchangeable.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import WeightsError

SCALE = "/scale"
SMALLEST = 2048
"""Tensors of fewer values are not worth rounding."""
LEVELS = 127


def packed(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a weight file from floating-point ones. Raises WeightsError for values that are not finite."""
    out: dict[str, np.ndarray] = {}
    for name, tensor in state.items():
        values = np.asarray(tensor, np.float32)
        if not np.isfinite(values).all():
            raise WeightsError(f"{name} holds values that are not finite; these weights cannot be stored.")
        if values.ndim < 2 or values.shape[0] < 2 or values.size < SMALLEST:
            out[name] = values.astype(np.float16)
            continue
        flat = values.reshape(len(values), -1)
        scale = np.abs(flat).max(axis=1) / np.float32(LEVELS)
        scale[scale == 0] = 1
        rounded = np.clip(np.rint(flat / scale[:, None]), -LEVELS, LEVELS).astype(np.int8)
        out[name], out[name + SCALE] = rounded.reshape(values.shape), scale
    return out


def unpacked(stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """float32 tensors of a weight file, packed or plain. Raises WeightsError for parts that do not belong together."""
    out: dict[str, np.ndarray] = {}
    for name, tensor in stored.items():
        if name.endswith(SCALE):
            if name.removesuffix(SCALE) not in stored:
                raise WeightsError(f"The weights have a scale without its tensor ({name}); get the file anew.")
            continue
        scale = stored.get(name + SCALE)
        if scale is None and tensor.dtype == np.int8:
            raise WeightsError(f"The weights {name} are in 8 bits and their scale is missing; get the file anew.")
        if scale is None:
            out[name] = tensor.astype(np.float32)
        elif tensor.dtype != np.int8 or scale.shape != tensor.shape[:1] or not np.isfinite(scale).all():
            raise WeightsError(f"The weights {name} and their scale do not belong together; get the file anew.")
        else:
            out[name] = tensor.astype(np.float32) * scale.astype(np.float32).reshape(-1, *[1] * (tensor.ndim - 1))
    return out


def rounded(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors as they come back from a file: what a model is calibrated with before it is written."""
    return unpacked(packed(state))
