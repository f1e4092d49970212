"""Segments of several files as one segmentation: archives keep every structure in a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import GeometryError
from ...geometry.regrid import voxel_move
from ...geometry.volume import Volume
from ..segmentation import Segment, Segmentation
from .layers import LayerBuilder


def joined(found: Sequence[Segmentation], name: str) -> Segmentation:
    """All segments on one grid that holds all of theirs; label values are counted from 1, ids begin with the file.

    Raises GeometryError when the grids are not parts of one: then the files belong to different images.
    """
    grid = _around(found, name)
    layers = LayerBuilder(grid.shape, range(1, 1 + sum(len(s.segments) for s in found)))
    segments: list[Segment] = []
    of_segment: dict[str, tuple[str, ...]] = {}
    for number, part in enumerate(found, 1):
        move = voxel_move(part.grid, grid)
        assert move is not None, "the grid was made around this one"
        moved = [move.apply(layer, grid.shape) for layer in part.layers]
        for segment in part.segments:
            mask = moved[segment.layer] == segment.value
            value, identity = len(segments) + 1, f"{part.grid.name}:{segment.id}"
            if identity in of_segment:  # files of one name in several folders
                identity = f"{number}/{identity}"
            layer = layers.add(value, {int(k): mask[k] for k in np.flatnonzero(mask.any(axis=(1, 2)))})
            segments.append(replace(segment, id=identity, value=value, layer=layer))
            of_segment[identity] = part.caveats_of(segment)
    remarks = tuple(r for s in found for r in s.remarks)
    return Segmentation(grid, tuple(layers.layers), tuple(segments), (), remarks, of_segment)


def _around(found: Sequence[Segmentation], name: str) -> Volume:
    """The grid of the first, widened to hold the others."""
    first = found[0].grid
    low, high = np.zeros(3, int), np.array(first.shape)
    for part in found[1:]:
        move = voxel_move(part.grid, first)
        if move is None or move.order != (0, 1, 2) or part.grid.has_geometry != first.has_geometry:
            raise GeometryError(
                f"{first.name} and {part.grid.name} in {name} lie on different grids; give one at a time."
            )
        low, high = np.minimum(low, move.start), np.maximum(high, np.array(move.start) + part.grid.shape)
    origin = (first.ijk_to_lps @ np.array([*low[::-1], 1.0]))[:3]
    place = (float(origin[0]), float(origin[1]), float(origin[2]))
    k, j, i = (int(n) for n in high - low)
    return replace(first, array=np.broadcast_to(np.uint8(0), (k, j, i)), origin=place, name=name)
