"""Writing masks of slices, for the commands that make them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import ImageError, OutputError
from ...geometry.plane_stack import PlaneStack
from ...io.dicom.codes import SegmentedProperty
from ...io.seg_nrrd import write_seg_nrrd
from ...io.segmentation import Segment, Segmentation
from ...io.write import IMAGES_2D, VOLUMES, ending, write_image_2d, write_labels
from .results import check_ending


def write_masks(path: Path, planes: PlaneStack, masks: dict[int, np.ndarray], name: str) -> None:
    """Masks bool [H, W] (display frame) by slice index: label 1 in the file's own voxels; in 2D images, which hold the
    only slice, 0/255 in the display frame, as overlays have it and as `align` reads it.

    Raises OutputError.
    """
    if ending(path) in IMAGES_2D:
        mask = masks.get(0, np.zeros(planes.shape, bool))
        write_image_2d(path, np.where(mask, np.uint8(255), np.uint8(0)))
        return
    segmentation = segmentation_of_masks(planes, masks, name)
    (labels,), grid = segmentation.layers, segmentation.grid
    if ending(path) == ".seg.nrrd":
        write_seg_nrrd(path, segmentation)
    else:
        write_labels(path, labels, grid)


def segmentation_of_masks(
    planes: PlaneStack, masks: dict[int, np.ndarray], name: str, known: SegmentedProperty | None = None
) -> Segmentation:
    """One segment on the volume's grid, label 1, from masks bool [H, W] by slice index."""
    labels = np.zeros(planes.volume.shape, np.uint8)
    for index, mask in masks.items():
        planes.take(labels, index)[mask] = 1
    grid = replace(planes.volume, array=labels)
    return Segmentation(grid, (labels,), (Segment("Segment_1", name, 1, property=known),))


def check_output(path: Path, planes: PlaneStack) -> None:
    """Raises OutputError when a mask of these slices cannot be written under that name."""
    known = (*IMAGES_2D, *VOLUMES, ".seg.nrrd")
    check_ending(path, "a mask", known)
    if ending(path) in IMAGES_2D and planes.count > 1:
        raise OutputError(f"{path.name} is a 2D image, the mask is a volume; write .nii.gz, .nrrd, .mha or .seg.nrrd.")


def slice_index_of(index: int | None, planes: PlaneStack) -> int:
    """The only slice, or the one asked for. Raises ImageError, GeometryError."""
    if index is None:
        if planes.count > 1:
            raise ImageError(f"{planes.volume.name} has {planes.count} {planes.name} slices; name one with --slice.")
        return 0
    planes.plane(index)  # raises for an index that is not there
    return index
