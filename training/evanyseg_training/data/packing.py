"""Masks on disk: the bits of the tight box (numpy.packbits, C order), eight pixels a byte."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evanyseg.prompts import BoxPrompt


class PixelBox(NamedTuple):
    """Half-open box of whole pixels; all zero for an empty mask."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def size(self) -> int:
        return (self.x1 - self.x0) * (self.y1 - self.y0)

    @property
    def bytes(self) -> int:
        """How many bytes the bits of a mask in this box take."""
        return (self.size + 7) // 8

    @classmethod
    def of_mask(cls, mask: np.ndarray) -> PixelBox:
        box = BoxPrompt.of_mask(mask)
        return cls(0, 0, 0, 0) if box is None else cls(*(int(v) for v in box.as_tuple()))

    def prompt(self) -> BoxPrompt | None:
        """The box as a prompt; None when it is empty."""
        return BoxPrompt(*(float(v) for v in self)) if self.size else None


def packed(mask: np.ndarray) -> tuple[PixelBox, bytes]:
    """Tight box and bits of a bool [H, W] mask."""
    box = PixelBox.of_mask(mask)
    return box, np.packbits(mask[box.y0 : box.y1, box.x0 : box.x1]).tobytes()


def unpacked(bits: np.ndarray, box: PixelBox, shape: tuple[int, int]) -> np.ndarray:
    """bool [H, W] of `shape` from uint8 bits that begin with those of the box."""
    out = np.zeros(shape, bool)
    if box.size:
        inside = np.unpackbits(bits[: box.bytes], count=box.size)
        out[box.y0 : box.y1, box.x0 : box.x1] = inside.reshape(box.y1 - box.y0, box.x1 - box.x0)
    return out
