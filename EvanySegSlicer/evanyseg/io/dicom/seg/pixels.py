"""Stored frames of a DICOM SEG, some at a time: all at once they would need one byte a pixel for every segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ....errors import ImageError
from ..headers import reason_of


def frame_reader(dataset: Any, name: str) -> Callable[[Sequence[int]], Iterator[np.ndarray]]:
    """A function that gives stored frames [Rows, Columns] by number (from 0). It raises ImageError when it cannot."""

    def take(frames: Sequence[int]) -> Iterator[np.ndarray]:
        try:
            _check_description(dataset)
            syntax = dataset.file_meta.TransferSyntaxUID
            if syntax.is_encapsulated or not syntax.is_little_endian:
                yield from _decoded(dataset, frames)
            else:
                yield from (_native(dataset, f) for f in frames)
        except (AttributeError, NotImplementedError, RuntimeError, ValueError, KeyError, IndexError) as error:
            raise ImageError(f"The pixels of {name} cannot be read ({reason_of(error)}).") from error

    return take


def _check_description(dataset: Any) -> None:
    """Raises ValueError when the header describes pixels that no segmentation has."""
    if not dataset.get("PixelData"):
        raise ValueError("they are not there: copy or download it again")
    if not 1 <= int(dataset.BitsStored) <= int(dataset.BitsAllocated):
        raise ValueError(f"{dataset.BitsStored} of {dataset.BitsAllocated} bits are said to be used")
    kind = str(dataset.PhotometricInterpretation)
    if kind != "MONOCHROME2" or int(dataset.SamplesPerPixel) != 1 or int(dataset.PixelRepresentation) != 0:
        raise ValueError("they are said to be colours, or to be negative")


def _native(dataset: Any, frame: int) -> np.ndarray:
    """Bits of one-bit frames follow each other without a gap: a frame may begin within a byte (PS3.5 8.1.1)."""
    shape = int(dataset.Rows), int(dataset.Columns)
    size, bits = shape[0] * shape[1], int(dataset.BitsAllocated)
    start, stop = frame * size * bits, (frame + 1) * size * bits
    stored = np.frombuffer(dataset.PixelData, np.uint8, offset=0)[start // 8 : -(-stop // 8)]
    if stored.size < -(-stop // 8) - start // 8:
        raise ValueError("the file is cut short")
    if bits == 1:
        return np.unpackbits(stored, bitorder="little")[start % 8 :][:size].reshape(shape)
    return stored.view({8: "<u1", 16: "<u2"}[bits]).reshape(shape)


def _decoded(dataset: Any, frames: Sequence[int]) -> Iterator[np.ndarray]:
    try:
        from pydicom.pixels import iter_pixels
    except ImportError:  # pydicom 2, which Slicer 5.10 ships: all frames at once
        stored = np.asarray(dataset.pixel_array).reshape(-1, int(dataset.Rows), int(dataset.Columns))
        yield from (stored[f] for f in frames)
    else:
        yield from iter_pixels(dataset, indices=list(frames))
