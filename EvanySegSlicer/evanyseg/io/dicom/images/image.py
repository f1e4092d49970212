"""DICOM images as volumes: a series of slices, an enhanced multi-frame object, one slice, or one frame of a film."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import EvanySegError, GeometryError, ImageError
from ....geometry.placement import Placement
from ....geometry.volume import ImageSource, Volume
from ...formats.scaling import scaled, scaled_type
from ..headers import items, reason_of, text
from .decode import padding_range, stored_pixels, stored_range
from .luts import modality_values
from .multiframe import frame_places, frame_scaling, frame_stack, no_frame_chosen, slice_distance
from .objects import has_frames, is_localizer
from .series import ImageFile, ImageSeries, image_series
from .stack import SlicePlace, ordered_stack

_PHASES = ("TemporalPositionIdentifier", "EchoTime", "TriggerTime", "AcquisitionNumber", "ContrastBolusAgent",
           "ContentTime", "AcquisitionTime")  # fmt: skip


def read_dicom_image(path: Path, series: str | None = None, frame: int | None = None) -> Volume:
    """The image in a file, or in a folder with one series (or that `series`), sub-folders included. `frame`: which
    one of a film.

    Raises ImageError for what is no image, damaged or ambiguous, GeometryError for slices that make no volume.
    """
    try:
        found = image_series(path, series)
        first = found.files[0]
        if len(found.files) == 1:
            read = _frames if has_frames(first.header) else _single
            volume = read(first, path.name if not path.is_dir() else first.path.name, frame)
        else:
            volume = _stack(found, path.name)
    except EvanySegError:
        raise
    except Exception as error:  # pydicom converts values when they are first looked at, and raises what it likes
        reason = reason_of(error)
        raise ImageError(f"{path.name} has a damaged DICOM header ({reason}); copy or download it again.") from error
    return replace(volume, source=replace(volume.source, remarks=_left_out(found)))


def _stack(found: ImageSeries, name: str) -> Volume:
    """A volume from one file a slice."""
    films = [f for f in found.files if has_frames(f.header)]
    if films:
        raise GeometryError(
            f"The series in {name} has {len(films)} files of several frames ({films[0].path.name}, ...): each is an "
            "image of its own; give one of the files."
        )
    sizes = {
        (int(f.header.Rows), int(f.header.Columns), int(f.header.get("SamplesPerPixel") or 1)) for f in found.files
    }
    if len(sizes) > 1:
        listed = ", ".join(f"{columns} x {rows}" for rows, columns, _ in sorted(sizes))
        raise GeometryError(f"The slices of {name} differ in size ({listed}); they make no volume.")
    places = [_place(f.header) for f in found.files]
    known = [p for p in places if p is not None]
    if len(known) < len(places):
        raise GeometryError(
            f"{len(places) - len(known)} of the {len(places)} files in {name} do not say where they lie (photographs "
            "or secondary captures): they make no volume; give one of the files."
        )
    label = lambda n: found.files[n].path.name
    phases = lambda here: _phases([found.files[n].header for n in here])
    order = ordered_stack(known, slice_distance(found.files[0].header), name, label, phases)
    files = [found.files[n] for n in order.order]
    kinds = [_value_type(f.header) for f in files]
    kind = kinds[0] if len(set(kinds)) == 1 else np.dtype(np.result_type(*kinds, np.float32))
    array: np.ndarray | None = None
    for n, file in enumerate(files):
        dataset, pixels = stored_pixels(file.path)
        values = _values(dataset, pixels[0], kind)
        if array is None:
            array = np.empty((len(files), *values.shape), values.dtype)
        array[n] = values
    assert array is not None
    volume = order.place.volume(array, name=name)
    return replace(volume, source=_source(files[0].header, [f.header for f in files]))


def _frames(file: ImageFile, name: str, frame: int | None) -> Volume:
    """A volume from an enhanced object, or one frame of a film."""
    header = file.header
    places = frame_places(header, name)
    count = int(header.get("NumberOfFrames") or 1)
    if places is None and count > 1 and frame is None:
        raise no_frame_chosen(name, count)
    if places is None and frame is not None and not 0 <= frame < count:
        raise GeometryError(f"There is no frame {frame} in {name}; frames go from 0 to {count - 1}.")
    order = frame_stack(header, places, name) if places is not None else None  # refused before pixels are decoded
    dataset, pixels = stored_pixels(file.path)
    if order is None:
        chosen = frame or 0
        values = _values(dataset, pixels[chosen], _value_type(header))
        source = replace(_source(header, [header]), frame=chosen if count > 1 else None)
        title = f"{name}, frame {chosen}" if count > 1 else name
        return _flat(header).volume(values[None], planar=True, has_geometry=False, name=title, source=source)
    scalings = [frame_scaling(header, f) for f in order.order]
    low, high = stored_range(dataset)
    kinds = {scaled_type(low, high, slope, intercept) for slope, intercept, _ in scalings}
    kind = kinds.pop() if len(kinds) == 1 else np.dtype(np.result_type(*kinds, np.float32))
    if pixels.ndim == 4 or set(scalings) == {(1.0, 0.0, scalings[0][2])}:
        array = pixels[order.order]
    else:
        parts = zip(order.order, scalings, strict=True)
        array = np.stack([scaled(pixels[f], slope, intercept, kind) for f, (slope, intercept, _) in parts])
    return replace(order.place.volume(array, name=name), source=_source(header, [header]))


def _single(file: ImageFile, name: str, frame: int | None) -> Volume:
    """One slice with its place in space, or a 2D image that has none (radiographs, photographs)."""
    del frame  # a picture has no frames; an index of a slice is checked where slices are
    header = file.header
    dataset, pixels = stored_pixels(file.path)
    values = _values(dataset, pixels[0], _value_type(header))
    place, source = _place(header), _source(header, [header])
    if place is None:
        return _flat(header).volume(values[None], planar=True, has_geometry=False, name=name, source=source)
    order = ordered_stack([place], slice_distance(header), name, lambda _: name)
    return order.place.volume(values[None], name=name, source=source)


def _value_type(header: Any) -> np.dtype:
    """The type that a file's values need once they are scaled; the stored one when they are not."""
    slope, intercept, _ = frame_scaling(header, 0)
    signed, size = int(header.get("PixelRepresentation") or 0), int(header.get("BitsAllocated") or 16) // 8
    if (slope, intercept) == (1, 0):
        return np.dtype(f"{'i' if signed else 'u'}{max(size, 1)}")
    return scaled_type(*stored_range(header), slope, intercept)


def _values(dataset: Any, pixels: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Stored pixels as the values they stand for."""
    if pixels.ndim == 3:
        return pixels
    if items(dataset, "ModalityLUTSequence"):
        return modality_values(pixels, dataset, stored_range(dataset))
    slope, intercept, _ = frame_scaling(dataset, 0)
    return pixels.astype(kind, copy=False) if (slope, intercept) == (1, 0) else scaled(pixels, slope, intercept, kind)


def _source(header: Any, headers: list[Any]) -> ImageSource:
    slope, intercept, kind = frame_scaling(header, 0)
    modality = text(header, "Modality")
    said = kind.upper() in ("HU", "") and all(_calibrated(h) for h in headers)
    hounsfield = modality == "CT" and said and not is_localizer(header)
    stored = padding_range(header)
    padding = None
    if stored is not None:
        ends = sorted(slope * v + intercept for v in stored)
        padding = (ends[0], ends[1])
    return ImageSource(modality, hounsfield, padding)


def _calibrated(header: Any) -> bool:
    """Whether the header says how stored values become HU, if only by 1 and 0."""
    group = items(header, "SharedFunctionalGroupsSequence")
    shared = items(group[0], "PixelValueTransformationSequence") if group else []
    frames = items(header, "PerFrameFunctionalGroupsSequence")
    own = items(frames[0], "PixelValueTransformationSequence") if frames else []
    return any("RescaleIntercept" in place for place in (header, *shared, *own))


def _place(header: Any) -> SlicePlace | None:
    position, cosines = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    spacing = header.get("PixelSpacing")
    if not position or not cosines or not spacing:
        return None
    try:
        row, column = (float(v) for v in spacing)
        place = SlicePlace(np.array([float(v) for v in position]), np.array([float(v) for v in cosines]), (column, row))
    except (TypeError, ValueError):
        raise ImageError("A DICOM header has a position, orientation or pixel spacing that is no number.") from None
    if place.position.shape != (3,) or place.cosines.shape != (6,) or min(place.pixel) <= 0:
        raise ImageError("A DICOM header has a position, orientation or pixel spacing that cannot be.")
    return place


def _phases(headers: list[Any]) -> str:
    """What tells slices at one place apart, such as ' (EchoTime 20, 60)'."""
    for keyword in _PHASES:
        values = dict.fromkeys(text(h, keyword) for h in headers)
        if len(values) > 1:
            return f" ({keyword} {', '.join(values)})"
    return ""


def _flat(header: Any) -> Placement:
    """Pixel sizes of a 2D image without a place: as calibrated, else at the detector, else their ratio, else square."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"):
        pair = header.get(keyword)
        if pair and len(pair) == 2 and min(float(v) for v in pair) > 0:
            row, column = (float(v) for v in pair)
            return Placement((column, row, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    regions = items(header, "SequenceOfUltrasoundRegions")
    if len(regions) == 1 and int(regions[0].get("PhysicalUnitsXDirection") or 0) == 3:  # centimetres
        column, row = (abs(float(regions[0].get(f"PhysicalDelta{a}") or 0)) * 10 for a in "XY")
        if row > 0 and column > 0:
            return Placement((column, row, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    return Placement((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))


def _left_out(found: ImageSeries) -> tuple[str, ...]:
    said = []
    if found.localizers:
        names = ", ".join(p.name for p in found.localizers[:3]) + (", ..." if len(found.localizers) > 3 else "")
        said.append(f"Left out: {len(found.localizers)} localizer images of the same series ({names}).")
    if found.copies:
        said.append(f"Left out: {found.copies} files that are copies of others.")
    return tuple(said)
