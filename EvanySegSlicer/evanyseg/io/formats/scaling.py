"""Stored integers to what they stand for: slope x stored + intercept, as small integers where that is exact."""

from __future__ import annotations

import numpy as np


def scaled_type(low: int, high: int, slope: float, intercept: float) -> np.dtype:
    """The smallest type that holds the scaled values of integers low..high: int16, int32, or else float32."""
    if float(slope).is_integer() and float(intercept).is_integer():
        ends = (low * slope + intercept, high * slope + intercept)
        for kind in (np.int16, np.int32):
            if min(ends) >= np.iinfo(kind).min and max(ends) <= np.iinfo(kind).max:
                return np.dtype(kind)
    return np.dtype(np.float32 if max(abs(low), abs(high)) < 2**24 else np.float64)


def scaled(values: np.ndarray, slope: float, intercept: float, kind: np.dtype) -> np.ndarray:
    """slope x values + intercept as `kind`, which `scaled_type` gave."""
    if kind.kind == "i":
        narrow = values.dtype.itemsize <= 2 and abs(slope) < 2**14 and abs(intercept) < 2**29
        out: np.ndarray = values.astype(np.int32 if narrow else np.int64)
        out *= int(slope)
        out += int(intercept)
        return out.astype(kind, copy=False)
    out = values.astype(kind)
    out *= slope
    out += intercept
    return out
