"""Writing masks of slices, for the commands that make them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import ImageError, OutputError
from ...geometry.volume import SlicePlane
from ...io.dicom.codes import SegmentedProperty
from ...io.seg_nrrd import write_seg_nrrd
from ...io.segmentation import Segment, Segmentation
from ...io.write import PICTURES, VOLUMES, ending, write_labels, write_picture
from .results import check_ending


def write_masks(path: Path, plane: SlicePlane, masks: dict[int, np.ndarray], name: str) -> None:
    """Masks bool [H, W] by slice index, as the file's ending asks: 0/255 in pictures, label 1 elsewhere.

    Raises OutputError.
    """
    segmentation = segmentation_of_masks(plane, masks, name)
    (labels,), grid = segmentation.layers, segmentation.grid
    if ending(path) in PICTURES:
        write_picture(path, plane.take(labels, 0) * np.uint8(255))
    elif ending(path) == ".seg.nrrd":
        write_seg_nrrd(path, segmentation)
    else:
        write_labels(path, labels, grid)


def segmentation_of_masks(
    plane: SlicePlane, masks: dict[int, np.ndarray], name: str, known: SegmentedProperty | None = None
) -> Segmentation:
    """One segment on the volume's grid, label 1, from masks bool [H, W] by slice index."""
    labels = np.zeros(plane.volume.shape, np.uint8)
    for index, mask in masks.items():
        plane.take(labels, index)[mask] = 1
    grid = replace(plane.volume, array=labels)
    return Segmentation(grid, (labels,), (Segment("Segment_1", name, 1, property=known),))


def check_output(path: Path, plane: SlicePlane) -> None:
    """Raises OutputError when a mask of these slices cannot be written under that name."""
    known = (*PICTURES, *VOLUMES, ".seg.nrrd")
    check_ending(path, "a mask", known)
    if ending(path) in PICTURES and plane.count > 1:
        raise OutputError(f"{path.name} is a picture, the mask a volume; write .nii.gz, .nrrd, .mha or .seg.nrrd.")


def slice_index_of(index: int | None, plane: SlicePlane) -> int:
    """The only slice, or the one asked for. Raises ImageError, GeometryError."""
    if index is None:
        if plane.count > 1:
            raise ImageError(f"{plane.volume.name} has {plane.count} {plane.name} slices; name one with --slice.")
        return 0
    plane.pixels(index)  # raises for an index that is not there
    return index
