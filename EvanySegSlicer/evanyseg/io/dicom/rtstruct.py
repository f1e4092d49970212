"""DICOM structure sets (RTSTRUCT): closed contours, drawn slice by slice, rasterised on the image's own pixels.

Source: DICOM PS3.3 C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour). Nothing is interpolated: slices between contours
stay empty.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.volume import Volume
from ..segmentation import DEFAULT_COLOR, Segment, Segmentation
from .codes import SegmentAlgorithm, SegmentedProperty, category_of, code_of_item
from .contours import combined, filled
from .headers import items, read_object, text
from .layers import LayerBuilder
from .relation import check_patient, doubts, references_of_structure_set
from .source import DicomSource

CROSSING = "contours that cross were joined"
_OFF = 0.05
"""A contour may lie off its slice by this part of the slice distance: writers round coordinates."""

_FAR = 3
"""Contours that reach further than this many image sizes from the image do not belong to it."""


@dataclass(frozen=True)
class _Contour:
    """points [N, 2] in pixels (x, y) of slice `k`; `xor`: combined with its slice's others by exclusive or."""

    k: int
    points: np.ndarray
    xor: bool


def read_rtstruct(path: Path, image: Volume, source: DicomSource | None = None) -> Segmentation:
    """One segment per ROI with closed contours, named as the ROI; label values are the ROI numbers (counted from 1 when
    one of those is no label).

    The grid is the image's, widened where contours leave it, so that what is lost can be told. A contour inside
    another one is a hole; keyholes work as well. ROIs without closed contours are left out with a remark.
    Raises ImageError (nothing to rasterise, another patient) and GeometryError (contours that do not lie in the
    image's slices, or in another frame of reference).
    """
    dataset, name = read_object(path), path.name
    if not image.has_geometry:
        raise GeometryError(f"{name} has contours in millimetres, but the image {image.name} has no place in space.")
    rois = {int(r.ROINumber): r for r in items(dataset, "StructureSetROISequence") if r.get("ROINumber") is not None}
    caveats, rois, remarks = _related(dataset, rois, source, name)
    contours: dict[int, list[_Contour]] = {}
    for item in items(dataset, "ROIContourSequence"):
        number = _referenced(item)
        roi = rois.get(number)
        if roi is not None:
            contours[number] = _closed(item, image, f"'{_name(roi)}' of {name}")
    for number, roi in rois.items():
        if not contours.get(number):
            remarks.append(f"'{_name(roi)}' of {name} has no closed contour and is left out.")
    contours = {number: found for number, found in contours.items() if found}
    if not contours:
        raise ImageError(f"{name} has no closed contour on {image.name}: there is no mask in it.")
    grid, origin = _grid(image, [c for found in contours.values() for c in found], name)
    plain = min(contours) > 0 and max(contours) < 2**16
    values = {number: number if plain else n for n, number in enumerate(contours, 1)}
    layers = LayerBuilder(grid.shape, list(values.values()))
    extra = _extras(dataset)
    segments, crossing = [], False
    for number, found in contours.items():
        masks, crossed = _masks(found, grid.shape, origin)
        crossing = crossing or crossed
        layer = layers.add(values[number], masks)
        segments.append(replace(_segment(rois[number], extra), value=values[number], layer=layer))
    caveats += (CROSSING,) * crossing
    return Segmentation(grid, tuple(layers.layers), tuple(segments), caveats, tuple(remarks))


def _related(
    dataset: Any, rois: dict[int, Any], source: DicomSource | None, name: str
) -> tuple[tuple[str, ...], dict[int, Any], list[str]]:
    """(caveats, the ROIs in the image's frame of reference, remarks about the others)."""
    frames, series, instances = references_of_structure_set(dataset)
    own = text(dataset, "FrameOfReferenceUID") or (next(iter(frames)) if len(frames) == 1 else "")
    frame_of = {number: text(roi, "ReferencedFrameOfReferenceUID") or own for number, roi in rois.items()}
    used = set(frame_of.values()) - {""}
    if source is None:
        if len(used) > 1:
            raise GeometryError(f"{name} has ROIs in {len(used)} frames of reference; give the DICOM image of one.")
        return (), rois, []
    check_patient(dataset, source, name)
    caveats = doubts(used, series, instances, source, name)
    if len(used) <= 1:
        return caveats, rois, []
    here = {n: r for n, r in rois.items() if frame_of[n] in ("", source.frame_of_reference)}
    other = ", ".join(f"'{_name(r)}'" for n, r in rois.items() if n not in here)
    return caveats, here, [f"{other} of {name} lie in another frame of reference and are left out."]


def _closed(item: Any, image: Volume, what: str) -> list[_Contour]:
    """The closed contours of one ROI in pixels. One that is given twice counts once."""
    inverse = np.linalg.inv(image.ijk_to_lps)
    found, seen = [], set()
    for number, contour in enumerate(items(item, "ContourSequence"), 1):
        kind = text(contour, "ContourGeometricType")
        if kind not in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
            continue
        try:
            points = np.array([float(v) for v in contour.get("ContourData") or []]).reshape(-1, 3)
        except (TypeError, ValueError):
            raise ImageError(f"Contour {number} of {what} has coordinates that cannot be read.") from None
        said = contour.get("NumberOfContourPoints")
        if said is not None and int(said) != len(points):
            raise ImageError(f"Contour {number} of {what} has {len(points)} points and says {said}; export it again.")
        if len(points) < 3:
            continue
        ijk = points @ inverse[:3, :3].T + inverse[:3, 3]
        k = float(np.median(ijk[:, 2]))
        spread = float(np.ptp(ijk[:, 2]))
        if spread > 2 * _OFF:
            raise GeometryError(
                f"Contour {number} of {what} runs across {spread:.3g} slices of {image.name} instead of lying in one; "
                "use the series that it was drawn on."
            )
        if abs(k - round(k)) > _OFF:
            raise GeometryError(
                f"Contour {number} of {what} lies {abs(k - round(k)):.2g} of a slice distance off the slices of "
                f"{image.name}; use the series that it was drawn on."
            )
        key = (round(k), kind, frozenset(Counter(map(tuple, np.round(ijk[:, :2], 3).tolist())).items()))
        if key not in seen:
            seen.add(key)
            found.append(_Contour(round(k), ijk[:, :2], kind == "CLOSEDPLANAR_XOR"))
    return found


def _grid(image: Volume, contours: list[_Contour], name: str) -> tuple[Volume, np.ndarray]:
    """(the image's grid, wide enough for all contours; its first voxel (i, j, k) on the image)."""
    size = np.array(image.shape[::-1])
    corners = [np.array([*np.round(p), c.k]) for c in contours for p in (c.points.min(axis=0), c.points.max(axis=0))]
    low = np.minimum(np.min(corners, axis=0), 0).astype(int)
    high = np.maximum(np.max(corners, axis=0) + 1, size).astype(int)
    if ((low < -_FAR * size) | (high > (_FAR + 1) * size)).any():
        raise GeometryError(
            f"The contours of {name} lie far outside the image {image.name}; are they of the same patient and study?"
        )
    origin = (image.ijk_to_lps @ np.array([*low, 1.0]))[:3]
    shape = tuple(int(n) for n in (high - low)[::-1])
    array = np.broadcast_to(np.uint8(0), shape)
    place = (float(origin[0]), float(origin[1]), float(origin[2]))
    return Volume(array, image.spacing, place, image.direction, image.planar, name=name), low


def _masks(
    contours: list[_Contour], shape: tuple[int, int, int], origin: np.ndarray
) -> tuple[dict[int, np.ndarray], bool]:
    """(bool [J, I] by slice of the grid, whether outlines crossed) of one ROI."""
    by_slice: dict[int, list[_Contour]] = defaultdict(list)
    for contour in contours:
        by_slice[contour.k - int(origin[2])].append(contour)
    masks, crossing = {}, False
    for k, found in by_slice.items():
        drawn = [filled(c.points - origin[:2], shape[1:]) for c in found]
        if all(c.xor for c in found):
            masks[k] = np.logical_xor.reduce(drawn)
        else:
            masks[k], crossed = combined(drawn)
            crossing = crossing or crossed
    return masks, crossing


@dataclass(frozen=True)
class _Extras:
    """What stands about ROIs elsewhere in the file, by ROI number."""

    colors: dict[int, tuple[float, float, float]]
    properties: dict[int, SegmentedProperty]


def _extras(dataset: Any) -> _Extras:
    colors: dict[int, tuple[float, float, float]] = {}
    for item in items(dataset, "ROIContourSequence"):
        color = item.get("ROIDisplayColor")
        if color is not None and len(color) == 3:
            red, green, blue = (min(255, max(0, int(c))) / 255 for c in color)
            colors[_referenced(item)] = (red, green, blue)
    properties = {}
    for item in items(dataset, "RTROIObservationsSequence"):
        for found in items(item, "RTROIIdentificationCodeSequence")[:1]:
            code = code_of_item(found)
            properties[_referenced(item)] = SegmentedProperty(category_of(code), code)
    return _Extras(colors, properties)


def _segment(roi: Any, extra: _Extras) -> Segment:
    number = int(roi.ROINumber)
    kind = text(roi, "ROIGenerationAlgorithm")
    return Segment(
        f"ROI_{number}",
        _name(roi),
        number,
        color=extra.colors.get(number, DEFAULT_COLOR),
        property=extra.properties.get(number),
        algorithm=SegmentAlgorithm(kind, text(roi, "ROIGenerationDescription")) if kind else None,
    )


def _referenced(item: Any) -> int:
    """The ROI number that an item is about; -1 when it does not say."""
    number = item.get("ReferencedROINumber")
    return -1 if number is None else int(number)


def _name(roi: Any) -> str:
    return text(roi, "ROIName") or f"ROI {roi.ROINumber}"
