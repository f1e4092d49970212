"""DICOM SEG (binary, fractional, label map) as named segments.

Source: DICOM PS3.3 A.51 and C.8.20 (Segmentation), PS3.3 A.51 with SegmentationType LABELMAP (Supplement 243).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import GeometryError, ImageError
from ....geometry.volume import Volume
from ...segmentation import DEFAULT_COLOR, Segment, Segmentation
from ..codes import SegmentAlgorithm, SegmentedProperty, code_of_item
from ..colors import rgb_of_cielab
from ..headers import LABEL_MAP_SEGMENTATION, SURFACE_SEGMENTATION, functional_group, items, read_object, text
from ..layers import LayerBuilder
from ..relation import check_patient, doubts, references_of_segmentation
from ..source import DicomSource
from .frames import frame_count, placed_frames
from .pixels import frame_reader

FRACTIONAL = "fractional mask cut at 0.5"


def read_dicom_seg(
    path: Path, image: Volume | None = None, source: DicomSource | None = None, fractional: bool = True
) -> Segmentation:
    """Segments with names, codes, colours and algorithms; label values are the segment numbers.

    The grid is the SEG's own, from its first to its last slice with a frame; `image` (the volume that it belongs to)
    decides about the slice distance where the file does not. `source`: that image's headers, to check whose it is.
    `fractional`: take a fractional SEG as the part above one half, with a caveat; False refuses it.
    Raises ImageError, GeometryError.
    """
    dataset, name = read_object(path), path.name
    if str(dataset.get("SOPClassUID")) == SURFACE_SEGMENTATION:
        raise ImageError(f"{name} is a surface segmentation (meshes); export it as a DICOM Segmentation (binary).")
    caveats: tuple[str, ...] = ()
    if source is not None:
        check_patient(dataset, source, name)
        series, instances = references_of_segmentation(dataset)
        frame = text(dataset, "FrameOfReferenceUID")
        caveats = doubts({frame} - {""}, series, instances, source, name)
    described = _described(dataset, name)
    placed = placed_frames(dataset, image, name)
    if placed is None:
        grid, slices = _unplaced(dataset, image, name)
    else:
        grid, slices = placed.grid, placed.slices
    layers = LayerBuilder(grid.shape, [int(s.SegmentNumber) for s in described])
    if _is_label_map(dataset):
        where = _add_label_map(dataset, slices, layers, described, name)
    else:
        threshold, cut = _threshold(dataset, fractional, name)
        where, gray = _add_frames(dataset, slices, layers, described, threshold, name)
        caveats += (FRACTIONAL,) * (cut and gray)
    segments = tuple(_segment(item, where.get(int(item.SegmentNumber), 0)) for item in described)
    return Segmentation(grid, tuple(layers.layers), segments, caveats)


def _described(dataset: Any, name: str) -> list[Any]:
    """The items of the segment sequence; a described background (number 0) is none of them."""
    found = [s for s in items(dataset, "SegmentSequence") if s.get("SegmentNumber")]
    numbers = [int(s.SegmentNumber) for s in found]
    if not found:
        raise ImageError(f"{name} is a DICOM SEG that describes no segment; export it again.")
    if len(set(numbers)) < len(numbers):
        raise ImageError(f"{name} describes two segments under one number; export it again.")
    return found


def _is_label_map(dataset: Any) -> bool:
    return text(dataset, "SegmentationType") == "LABELMAP" or str(dataset.SOPClassUID) == LABEL_MAP_SEGMENTATION


def _threshold(dataset: Any, fractional: bool, name: str) -> tuple[float, bool]:
    """(stored values above this are inside, whether that cuts fractions)."""
    kind = text(dataset, "SegmentationType")
    if kind == "BINARY":
        return 0.5, False
    if kind != "FRACTIONAL":
        raise ImageError(f"{name} is a DICOM SEG of the unknown type '{kind}'; export it as BINARY.")
    if not fractional:
        what = text(dataset, "SegmentationFractionalType").lower() or "fractions"
        raise ImageError(f"{name} is fractional ({what}), and fractional masks are refused; export it as BINARY.")
    return float(dataset.get("MaximumFractionalValue") or 255) / 2, True


def _unplaced(dataset: Any, image: Volume | None, name: str) -> tuple[Volume, tuple[int, ...]]:
    """A SEG without positions fits an image of one slice and the same size; the grid is then the image's."""
    if image is None or image.shape[0] != 1:
        of = "" if image is None else f", and {image.name} has {image.shape[0]} slices"
        raise GeometryError(
            f"The frames of {name} have no place in space{of}; it can only be used with the single image that it was "
            "made on."
        )
    if image.shape[1:] != (int(dataset.Rows), int(dataset.Columns)):
        raise ImageError(
            f"{name} is {dataset.Columns} x {dataset.Rows} pixels, the image {image.name} is {image.shape[2]} x "
            f"{image.shape[1]}: they must have the same size."
        )
    grid = Volume(np.broadcast_to(np.uint8(0), image.shape), image.spacing, image.origin, image.direction,
                  image.planar, image.has_geometry, name)  # fmt: skip
    return grid, (0,) * frame_count(dataset, name)


def _add_frames(
    dataset: Any, slices: tuple[int, ...], layers: LayerBuilder, described: list[Any], threshold: float, name: str
) -> tuple[dict[int, int], bool]:
    """(layer of every segment, whether any stored value lay between none and all)."""
    by_segment: dict[int, dict[int, int]] = defaultdict(dict)
    for frame, k in enumerate(slices):
        group = functional_group(dataset, frame, "SegmentIdentificationSequence")
        if group is None or group.get("ReferencedSegmentNumber") is None:
            raise ImageError(f"Frame {frame + 1} of {name} does not say which segment it shows; export it again.")
        number = int(group.ReferencedSegmentNumber)
        if k in by_segment[number]:
            raise ImageError(f"{name} has two frames of segment {number} at one position: several phases?")
        by_segment[number][k] = frame
    unknown = set(by_segment) - {int(s.SegmentNumber) for s in described}
    if unknown:
        raise ImageError(f"{name} has frames of segment {min(unknown)}, which it does not describe; export it again.")
    take = frame_reader(dataset, name)
    top = round(2 * threshold)
    where, gray = {}, False
    for number, frames in by_segment.items():
        masks = {}
        for k, pixels in zip(frames, take(list(frames.values())), strict=True):
            gray = gray or bool(((pixels > 0) & (pixels < top)).any())
            masks[k] = pixels > threshold
        where[number] = layers.add(number, masks)
    return where, gray


def _add_label_map(
    dataset: Any, slices: tuple[int, ...], layers: LayerBuilder, described: list[Any], name: str
) -> dict[int, int]:
    if len(set(slices)) < len(slices):
        raise ImageError(f"{name} is a label map with two frames at one position: several phases?")
    known = np.array([0, *(int(s.SegmentNumber) for s in described)])
    padding = int(dataset.get("PixelPaddingValue") or 0)
    for k, pixels in zip(slices, frame_reader(dataset, name)(range(len(slices))), strict=True):
        values = np.where(pixels == padding, 0, pixels)
        odd = np.setdiff1d(values, known)
        if odd.size:
            raise ImageError(f"{name} has pixels of segment {odd[0]}, which it does not describe; export it again.")
        layers.layers[0][k] = values
    return {}


def _segment(item: Any, layer: int) -> Segment:
    number = int(item.SegmentNumber)
    color = item.get("RecommendedDisplayCIELabValue")
    return Segment(
        f"Segment_{number}",
        text(item, "SegmentLabel") or f"Segment {number}",
        number,
        layer,
        rgb_of_cielab(color) if color is not None and len(color) == 3 else DEFAULT_COLOR,
        property=_property(item),
        algorithm=_algorithm(item),
    )


def _property(item: Any) -> SegmentedProperty | None:
    category, kind = (
        items(item, "SegmentedPropertyCategoryCodeSequence"),
        items(item, "SegmentedPropertyTypeCodeSequence"),
    )
    if not category or not kind:
        return None
    modifiers = items(kind[0], "SegmentedPropertyTypeModifierCodeSequence")
    regions = items(item, "AnatomicRegionSequence")
    return SegmentedProperty(
        code_of_item(category[0]),
        code_of_item(kind[0]),
        tuple(code_of_item(m) for m in modifiers),
        tuple(code_of_item(r) for r in regions),
    )


def _algorithm(item: Any) -> SegmentAlgorithm | None:
    kind, name = text(item, "SegmentAlgorithmType"), text(item, "SegmentAlgorithmName")
    if not kind:
        return None
    for found in items(item, "SegmentationAlgorithmIdentificationSequence"):
        family = items(found, "AlgorithmFamilyCodeSequence")
        return SegmentAlgorithm(
            kind,
            text(found, "AlgorithmName") or name,
            text(found, "AlgorithmVersion"),
            code_of_item(family[0]) if family else None,
            text(found, "AlgorithmParameters"),
        )
    return SegmentAlgorithm(kind, name)
