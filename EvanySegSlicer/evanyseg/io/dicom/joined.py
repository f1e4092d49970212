"""Segments of several files as one segmentation: archives keep every structure in a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import GeometryError
from ...geometry.volume import Volume, voxel_offset
from ..segmentation import Segment, Segmentation
from .layers import LayerBuilder


def joined(found: Sequence[Segmentation], name: str) -> Segmentation:
    """All segments on one grid that holds all of theirs; label values are counted from 1, ids begin with the file.

    Raises GeometryError when the grids are not parts of one: then the files belong to different images.
    """
    first = found[0].grid
    offsets = [voxel_offset(s.grid, first) for s in found]
    for segmentation, offset in zip(found, offsets, strict=True):
        if offset is None or segmentation.grid.has_geometry != first.has_geometry:
            raise GeometryError(
                f"{first.name} and {segmentation.grid.name} in {name} lie on different grids; give one at a time."
            )
    starts = np.array([o for o in offsets if o is not None])
    low = starts.min(axis=0)
    high = np.max([start + s.grid.shape[::-1] for start, s in zip(starts, found, strict=True)], axis=0)
    origin = (first.ijk_to_lps @ np.array([*low, 1.0]))[:3]
    shape = tuple(int(n) for n in (high - low)[::-1])
    place = (float(origin[0]), float(origin[1]), float(origin[2]))
    grid = replace(first, array=np.broadcast_to(np.uint8(0), shape), origin=place, name=name)
    return _on(grid, found, starts - low)


def _on(grid: Volume, found: Sequence[Segmentation], offsets: np.ndarray) -> Segmentation:
    layers = LayerBuilder(grid.shape, range(1, 1 + sum(len(s.segments) for s in found)))
    segments: list[Segment] = []
    of_segment: dict[str, tuple[str, ...]] = {}
    for number, (part, (i, j, k)) in enumerate(zip(found, offsets.tolist(), strict=True), 1):
        rows, columns = (slice(a, a + n) for a, n in zip((j, i), part.grid.shape[1:], strict=True))
        for segment in part.segments:
            masks = {}
            for n, plane in enumerate(part.mask(segment)):
                if plane.any():
                    masks[n + k] = np.zeros(grid.shape[1:], bool)
                    masks[n + k][rows, columns] = plane
            value, identity = len(segments) + 1, f"{part.grid.name}:{segment.id}"
            if identity in of_segment:  # files of one name in several folders
                identity = f"{number}/{identity}"
            segments.append(replace(segment, id=identity, value=value, layer=layers.add(value, masks)))
            of_segment[identity] = part.caveats_of(segment)
    remarks = tuple(r for s in found for r in s.remarks)
    return Segmentation(grid, tuple(layers.layers), tuple(segments), (), remarks, of_segment)
