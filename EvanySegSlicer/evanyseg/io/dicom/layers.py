"""Segments that may overlap, packed into as few label layers as their order allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


class LayerBuilder:
    """Collects masks by slice and value into layers [K, J, I]; a segment goes into the first layer where it is free.

    `values`: all label values to come; they decide the integer type.
    """

    def __init__(self, shape: tuple[int, int, int], values: Sequence[int]) -> None:
        top = max(values, default=1)
        self._dtype = np.uint8 if top < 2**8 else np.uint16 if top < 2**16 else np.uint32
        self._shape = shape
        self.layers: list[np.ndarray] = [np.zeros(shape, self._dtype)]

    def add(self, value: int, masks: Mapping[int, np.ndarray]) -> int:
        """Put bool masks [J, I] by slice index k into a layer as `value`; the layer's number."""
        free = [not any(layer[k][mask].any() for k, mask in masks.items()) for layer in self.layers]
        if not any(free):
            self.layers.append(np.zeros(self._shape, self._dtype))
        number = free.index(True) if any(free) else len(free)
        for k, mask in masks.items():
            self.layers[number][k][mask] = value
        return number
