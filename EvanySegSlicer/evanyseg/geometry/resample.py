"""Bilinear resampling in numpy and scipy, as `torch.nn.functional.interpolate` does it (align_corners=False).

One implementation whatever runs the network, so that its input never depends on the backend. Each axis is a sparse
matrix: row i holds the weights of the source pixels that make up target pixel i.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse

BITS = 15
"""Weights for 8-bit pixels are integers below 2**15, as in torch and Pillow."""


@lru_cache(maxsize=512)
def axis_weights(source: int, target: int, antialias: bool = True) -> sparse.csr_array:
    """float32 [target, source]; the rows sum to 1. With `antialias` the triangle widens where it shrinks."""
    first, weights = _triangle(source, target, antialias)
    return _matrix(first, weights.astype(np.float32), source)


def resized_bytes(pixels: np.ndarray, side: int) -> np.ndarray:
    """uint8 [side, side, C] of pixels uint8 [n, m, C], antialiased; equal to torch's to the last bit: first along x,
    then along y, rounded after each."""
    if pixels.shape[:2] == (side, side):
        return pixels
    rows, columns, channels = pixels.shape
    turned = np.ascontiguousarray(pixels.transpose(1, 0, 2)).reshape(columns, rows * channels)
    wide = _apply_bytes(turned, columns, side).reshape(side, rows, channels).transpose(1, 0, 2)
    high = _apply_bytes(np.ascontiguousarray(wide).reshape(rows, side * channels), rows, side)
    return high.astype(np.uint8).reshape(side, side, channels)


def resized(pixels: np.ndarray, shape: tuple[int, int], antialias: bool = True) -> np.ndarray:
    """float32 [h, w, C] of pixels [H, W, C] of any type."""
    rows, columns, channels = pixels.shape
    turned = np.ascontiguousarray(pixels.transpose(1, 0, 2)).reshape(columns, rows * channels).astype(np.float32)
    wide = (axis_weights(columns, shape[1], antialias) @ turned).reshape(shape[1], rows, channels).transpose(1, 0, 2)
    flat = np.ascontiguousarray(wide).reshape(rows, shape[1] * channels)
    return (axis_weights(rows, shape[0], antialias) @ flat).reshape(*shape, channels)


def along_axes(maps: np.ndarray, rows: sparse.csr_array, columns: sparse.csr_array) -> np.ndarray:
    """float32 [K, h, w]: rows [h, H] and columns [w, W] (products of `axis_weights`) applied to maps [K, H, W]."""
    count, high, wide = maps.shape
    flat = np.ascontiguousarray(maps.reshape(count * high, wide).T, np.float32)
    narrow = np.ascontiguousarray((columns @ flat).T).reshape(count, high, -1)
    return np.stack([rows @ one for one in narrow])


def _apply_bytes(flat: np.ndarray, source: int, target: int) -> np.ndarray:
    """int32 [target, N] in 0..255 of integers [source, N]."""
    weights, shift = _integer_weights(source, target)
    out = weights @ flat.astype(np.int32)
    out += 1 << (shift - 1)
    out >>= shift
    return np.clip(out, 0, 255, out=out)


@lru_cache(maxsize=512)
def _integer_weights(source: int, target: int) -> tuple[sparse.csr_array, int]:
    """The weights as integers, and by how many bits they were shifted: as many as keep the largest below 2**BITS."""
    first, weights = _triangle(source, target, True)
    largest, shift = float(weights.max()), 0
    while shift < 22 and int(0.5 + largest * (1 << (shift + 1))) < (1 << BITS):
        shift += 1
    return _matrix(first, np.floor(weights * (1 << shift) + 0.5).astype(np.int32), source), shift


def _triangle(source: int, target: int, antialias: bool) -> tuple[np.ndarray, np.ndarray]:
    """First source pixel [target] of each target pixel, and float64 weights [target, K] from there on."""
    scale = source / target
    reach = max(scale, 1.0) if antialias else 1.0
    center = scale * (np.arange(target) + 0.5)
    if not antialias:  # beyond the outermost centres the edge pixel alone counts
        center = np.clip(center, 0.5, source - 0.5)
    first = np.maximum((center - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((center + reach + 0.5).astype(np.int64), source)
    offsets = np.arange(int((last - first).max()))
    weights = np.maximum(1 - np.abs((offsets + first[:, None] - center[:, None] + 0.5) / reach), 0)
    weights[offsets >= (last - first)[:, None]] = 0
    return first, weights / weights.sum(axis=1, keepdims=True)


def _matrix(first: np.ndarray, weights: np.ndarray, source: int) -> sparse.csr_array:
    kept = weights != 0
    rows, offsets = np.nonzero(kept)
    return sparse.csr_array((weights[kept], (rows, first[rows] + offsets)), shape=(len(first), source))
