"""A segmentation brought to its image's voxels, with a word about everything that this cost.

Nothing here is silent: voxels that coincide are moved, others are resampled with a caveat; what falls outside the
image is counted for each segment, and too much of it ends the case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import find_objects

from ..errors import GeometryError, ImageError
from ..geometry.labels import resampled_labels
from ..geometry.mask_fit import ALLOWED_LOSS, MaskFit, mask_fit
from ..geometry.placement import Placement, placement_of_volume
from ..geometry.plane_stack import PlaneStack, stack_of
from ..geometry.regrid import voxel_map, voxel_move
from ..geometry.volume import Volume, same_geometry
from ..results import Caveat

if TYPE_CHECKING:
    from .segmentation import Segmentation

RESAMPLED = Caveat.RESAMPLED
SHIFTED = "mask of the image's size lies elsewhere"


def aligned(
    segmentation: Segmentation, volume: Volume, allow_cropped: bool = False, planes: PlaneStack | None = None
) -> Segmentation:
    """The same segments on the volume's voxels; `planes`: the slices that they are wanted on (None: the usual ones),
    where they have to be resampled.

    Raises ImageError when a 2D image's mask has another size, GeometryError when a segment loses more than
    `ALLOWED_LOSS` outside the image (`allow_cropped`: only when nothing at all overlaps).
    """
    mine = segmentation.grid
    if mine.has_geometry:
        segmentation = replace(segmentation, remarks=segmentation.remarks + mine.source.remarks)
    only = planes if planes is not None and planes.count == 1 else stack_of(volume)
    if _is_2d(mine) and only.count == 1:
        return _placed_2d(segmentation, only)
    if same_geometry(mine, volume):
        return replace(segmentation, grid=empty_like(volume), remarks=segmentation.remarks + _unplaced(mine, volume))
    if not (volume.has_geometry and mine.has_geometry) or volume.planar or mine.planar:
        why = "they must have the same size"
        if not (volume.planar or mine.planar):
            silent = mine.name if volume.has_geometry else volume.name
            why = f"{silent} does not say where its voxels lie, so they must have the same size"
        raise ImageError(f"The mask {mine.name} is {_size(mine)}, the image {volume.name} is {_size(volume)}: {why}.")
    for here, there, words in _readings(mine, volume):
        if same_geometry(here, there):
            remark = f"{words}: with that {mine.name} and {volume.name} fit together."
            return replace(segmentation, grid=empty_like(volume), remarks=(*segmentation.remarks, remark))
    return _regridded(segmentation, volume, allow_cropped, planes or stack_of(volume))


def _is_2d(grid: Volume) -> bool:
    """A two-dimensional image that knows no place (PNG, TIFF, ...): its pixels are those that a person sees."""
    return grid.planar and not grid.has_geometry and stack_of(grid).plane(0).as_stored


def _placed_2d(segmentation: Segmentation, planes: PlaneStack) -> Segmentation:
    """A 2D image's labels on the only slice of a volume, in the display frame, as every image of a slice has it."""
    mine, volume = segmentation.grid, planes.volume
    if mine.shape[1:] != planes.shape:
        height, width = planes.shape
        size = _size(volume) if volume.planar else f"{width} x {height} pixels as displayed"
        raise ImageError(
            f"The mask {mine.name} is {_size(mine)}, the image {volume.name} is {size}: they must have the same size."
            + "".join(f" {remark}" for remark in volume.source.remarks)
        )
    layers = []
    for layer in segmentation.layers:
        out = np.zeros(volume.shape, layer.dtype)
        planes.take(out, 0)[...] = layer[0]
        layers.append(out)
    said: tuple[str, ...] = ()
    if not planes.plane(0).as_stored:
        said = (f"{mine.name} is a 2D image: it was laid on {volume.name} as that is displayed, not as it is stored.",)
    grid, remarks = empty_like(volume), segmentation.remarks + said
    return replace(segmentation, grid=grid, layers=tuple(layers), remarks=remarks)


def empty_like(volume: Volume) -> Volume:
    """The volume's grid without its voxels in memory."""
    return replace(volume, array=np.broadcast_to(np.uint8(0), volume.shape))


def _regridded(segmentation: Segmentation, volume: Volume, allow_cropped: bool, planes: PlaneStack) -> Segmentation:
    mine = segmentation.grid
    move = voxel_move(mine, volume)
    if move is not None:
        layers = tuple(move.apply(layer, volume.shape) for layer in segmentation.layers)
    else:
        layers = tuple(resampled_labels(layer, mine.ijk_to_ras, planes) for layer in segmentation.layers)
    fits = _fits(segmentation, volume)
    gone = [s for s in segmentation.segments if s.id in fits and not (layers[s.layer] == s.value).any()]
    worst = max(fits, key=lambda name: fits[name].lost, default=None)
    everything = bool(fits) and min(fit.outside for fit in fits.values()) >= 1
    fell_between = [s.id for s in gone if fits[s.id].outside <= ALLOWED_LOSS]
    if everything or (worst and not fits[worst].acceptable and not allow_cropped and worst not in fell_between):
        assert worst is not None
        raise GeometryError(_refusal(segmentation, volume, worst, fits[worst], everything))
    names = ", ".join(s.name for s in gone)
    if gone and not allow_cropped:
        raise GeometryError(
            f"Nothing is left of {names} on the voxels of {volume.name}, which are coarser than those of {mine.name}; "
            "score it on the image that it was drawn on. --allow-cropped scores what is left."
        )
    remarks = (*segmentation.remarks, *([f"Not scored, for nothing of it lies in the image: {names}."] if gone else []))
    caveats = list(segmentation.caveats)
    if move is None:
        caveats.append(RESAMPLED)
    elif not move.identity and mine.shape == volume.shape and move.order == (0, 1, 2) and not move.reverse:
        caveats.append(f"{SHIFTED} ({_difference(mine, volume)})")
    doubts = dict(segmentation.segment_caveats)
    for identity, fit in fits.items():
        said = [caveat for caveat in fit.caveats if caveat != RESAMPLED]  # of the whole segmentation: said above
        if said:
            doubts[identity] = (*doubts.get(identity, ()), *said)
    return replace(
        segmentation, grid=empty_like(volume), layers=layers, caveats=tuple(caveats), segment_caveats=doubts,
        remarks=remarks,
    )  # fmt: skip


def _fits(segmentation: Segmentation, volume: Volume) -> dict[str, MaskFit]:
    """By segment id, for segments with a voxel: how much of it the image shows."""
    to_image, dims = voxel_map(segmentation.grid, volume), (volume.shape[2], volume.shape[1], volume.shape[0])
    found: dict[str, MaskFit] = {}
    for number, layer in enumerate(segmentation.layers):
        mine = [s for s in segmentation.segments if s.layer == number]
        places = find_objects(layer, max((s.value for s in mine), default=0))
        for segment in mine:
            place = places[segment.value - 1]
            if place is not None:
                shift = np.eye(4)
                shift[:3, 3] = [part.start for part in reversed(place)]
                found[segment.id] = mask_fit(layer[place] == segment.value, to_image @ shift, dims)
    return found


def _refusal(segmentation: Segmentation, volume: Volume, worst: str, fit: MaskFit, everything: bool) -> str:
    mine = segmentation.grid
    if everything:
        text = f"The segmentation {mine.name} and the image {volume.name} do not overlap in space; "
    else:
        several = len(segmentation.segments) > 1
        name = next(s.name for s in segmentation.segments if s.id == worst)
        subject = f"segment '{name}' of {mine.name}" if several else f"mask {mine.name}"
        text = f"{fit.lies(f'the {subject}')} the image {volume.name}; "
    larger = np.divide(mine.spacing, volume.spacing)
    units = next((f for f in (1000.0, 0.001, 10.0, 0.1) if np.allclose(larger, f, rtol=0.01)), None)
    if units is not None and not _identity(mine):
        text += (
            f"its voxels are {units:g} times as large: one of the two counts in other units than its header says "
            "(micrometres?); save it again with the image's own header"
        )
    elif mine.shape == volume.shape:
        what = "an identity matrix" if _identity(mine) else "another placement"
        difference = _difference(mine, volume)
        text += f"it has the image's size but {what} ({difference}): save it again with the image's own geometry"
    else:
        text += "are they of the same patient and study, and was one of them moved or cut?"
    hint = "" if everything else " --allow-cropped scores what is left"
    return f"{text}{'.' if text[-1] not in '.?' else ''}{hint}{'.' if hint else ''}"


def _readings(mine: Volume, volume: Volume) -> list[tuple[Volume, Volume, str]]:
    """Pairs of grids to try when a file gives two placements (NIfTI's sform and qform), best first."""
    found = []
    if volume.other is not None:
        found.append((mine, _moved(volume, volume.other), f"The qform of {volume.name} was taken"))
    if mine.other is not None:
        found.append((_moved(mine, mine.other), volume, f"The qform of {mine.name} was taken"))
    if mine.other is not None and volume.other is not None:
        both = _moved(mine, mine.other), _moved(volume, volume.other)
        found.append((*both, "The qforms were taken"))
    return found


def _moved(volume: Volume, place: Placement) -> Volume:
    return replace(volume, spacing=place.spacing, origin=place.origin, direction=place.direction)


def _unplaced(mine: Volume, volume: Volume) -> tuple[str, ...]:
    """Said when two volumes fit by their sizes alone."""
    if _is_2d(volume) and not stack_of(mine).plane(0).as_stored:
        return (f"{volume.name} is a 2D image: {mine.name} was laid on it voxel by voxel, not as it is displayed.",)
    if mine.planar or volume.planar or (mine.has_geometry and volume.has_geometry):
        return ()
    silent = mine.name if volume.has_geometry else volume.name
    return (f"{silent} does not say where its voxels lie: mask and image were laid upon each other voxel by voxel.",)


def _identity(grid: Volume) -> bool:
    """The matrix that tools write who were given none: in RAS or in LPS."""
    straight = np.allclose(np.abs(grid.direction), np.eye(3)) and np.allclose(grid.spacing, 1)
    return bool(straight and np.allclose(grid.origin, 0))


def _difference(a: Volume, b: Volume) -> str:
    return placement_of_volume(a).difference(placement_of_volume(b), b.shape).describe()


def _size(grid: Volume) -> str:
    k, j, i = grid.shape
    return f"{i} x {j} pixels" if grid.planar else f"{i} x {j} x {k} voxels"
