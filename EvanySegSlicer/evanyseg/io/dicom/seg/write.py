"""Writing segments as DICOM SEG (binary) on the images that they were made on. Needs highdicom.

Source: DICOM PS3.3 A.51 and C.8.20. Frames without a voxel are left out; the slice distance is written, so that a
reader can tell a gap from a neighbour.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .... import __version__
from ....errors import EvanySegError, ImageError, OutputError
from ....geometry.volume import Volume
from ...segmentation import Segment, Segmentation
from ...write import atomic_path
from ..codes import ARTIFICIAL_INTELLIGENCE, MANUAL, UNSPECIFIED, Code, SegmentAlgorithm, property_named
from ..colors import cielab_of_rgb
from ..headers import quiet, text
from ..source import DicomSource
from .read import read_dicom_seg

MANUFACTURER, MODEL, SERIAL_NUMBER = "EvanySegSlicer", "EvanySeg", "none"
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality", "Rows", "Columns")
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
_LABEL = 64
"""Characters that DICOM allows in a segment's label."""


def require_highdicom() -> Any:
    """The module. Raises OutputError that says how to get it: nothing is ever installed without being asked.

    highdicom needs pydicom 3. Slicer 5.10 ships pydicom 2.4, which its DICOM browser uses: there it must not be
    installed, and DICOM is written by the command line instead.
    """
    try:
        import highdicom
    except ImportError as error:
        raise OutputError(
            "Writing DICOM needs the package highdicom (with pydicom 3 or newer); install it with "
            "pip install 'evanyseg-slicer[cli]' in an environment of its own, not in Slicer 5.10."
        ) from error
    return highdicom


def write_dicom_seg(
    path: Path,
    segmentation: Segmentation,
    volume: Volume,
    source: DicomSource,
    made_by: SegmentAlgorithm | None = None,
    description: str = "EvanySeg segmentation",
) -> Any:
    """Write one SEG with a segment for each of `segmentation`'s, numbered from 1 in their order; the data set.

    The masks are brought to `volume`, whose slices must be the files of `source`; what lies outside is lost: the
    reader has decided about that. `made_by`: who made the segments that do not say so themselves. The file is read
    back before it takes its name.
    Raises OutputError, ImageError, GeometryError.
    """
    hd = require_highdicom()
    segments = tuple(_complete(s, made_by) for s in segmentation.segments)
    here = replace(segmentation.on_grid_of(volume, allow_cropped=True), segments=segments)
    if not any(here.mask(s).any() for s in segments):
        raise ImageError(f"There is no voxel in the segmentation: {path.name} was not written.")
    headers = writable_headers(source)
    frames = source.frames_of(volume)
    k_of = {frame: k for k, frame in enumerate(frames)}
    if frames[0].frame is None:
        order: list[int | None] = list(range(len(frames)))
        used = [headers[f.header] for f in frames]
    else:  # one multi-frame object: its frames in the order of the file
        numbers = {f.header for f in frames}
        if len(numbers) > 1:
            raise ImageError(f"{source.name} has {len(numbers)} multi-frame objects; a SEG can be made on one of them.")
        used = [headers[frames[0].header]]
        by_frame = {f.frame: k for f, k in k_of.items()}
        order = [by_frame.get(n) for n in range(int(used[0].NumberOfFrames))]
    measures = _measures(hd, volume, used[0])
    for header in used:
        if measures is not None and not header.get("SliceThickness"):
            header.SliceThickness = volume.spacing[2]  # highdicom looks for it, even where it is told the measures
    dataset = refusing(
        path,
        lambda: hd.seg.Segmentation(
            source_images=used,
            pixel_array=_pixels(here, order),
            segmentation_type="BINARY",
            segment_descriptions=[_description(hd, n, s) for n, s in enumerate(segments, 1)],
            pixel_measures=measures,
            content_label="SEGMENTATION",
            content_description=description[:_LABEL],
            omit_empty_frames=True,
            **common(hd, used[0], description, offset=100),
        ),
    )
    dataset.ContentCreatorName = ""  # must be there, and is nobody: a program made it
    with atomic_path(path) as part:
        dataset.save_as(part)
        _check_written(part, path, here, volume)
    return dataset


def writable_headers(source: DicomSource) -> list[Any]:
    """Copies of the image's headers in which what may be empty is there. Raises OutputError for what must be."""
    headers = []
    for original in source.headers:
        missing = [k for k in _NEEDED if not original.get(k)]
        placed = "ImagePositionPatient" in original or "PerFrameFunctionalGroupsSequence" in original
        if placed and not original.get("FrameOfReferenceUID"):
            missing.append("FrameOfReferenceUID")
        if missing:
            raise OutputError(
                f"The DICOM headers of {source.name} lack {', '.join(missing)}, without which nothing can refer to the "
                "image; export it again from the archive, or write .seg.nrrd instead."
            )
        header = copy.deepcopy(original)
        for keyword in _MAY_BE_EMPTY:
            if keyword not in header:
                setattr(header, keyword, "")
        headers.append(header)
    return headers


def common(hd: Any, header: Any, description: str, offset: int) -> dict[str, Any]:
    """What every object that is written here has: new identifiers, the equipment, text as UTF-8."""
    number = int(header.get("SeriesNumber") or 0)
    return {
        "series_instance_uid": hd.UID(),
        "series_number": number * 100 + offset if 0 < number < 10**6 else offset,
        "sop_instance_uid": hd.UID(),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
        "software_versions": __version__,
        "device_serial_number": SERIAL_NUMBER,
        "series_description": description[:_LABEL],
        "specific_character_set": "ISO_IR 192",
    }


def _complete(segment: Segment, made_by: SegmentAlgorithm | None) -> Segment:
    algorithm = segment.algorithm or made_by
    if algorithm is None:
        raise OutputError(
            f"DICOM asks who made a segment, and '{segment.name}' does not say; add --segmented-by manual, or "
            "--segmented-by with the name of the program."
        )
    if algorithm.kind != MANUAL and not algorithm.name:
        algorithm = replace(algorithm, name="unknown")
    return replace(segment, algorithm=algorithm, property=segment.property or property_named(segment.name))


def _pixels(segmentation: Segmentation, order: Sequence[int | None]) -> np.ndarray:
    """uint [frames, J, I] with segment numbers, or [frames, J, I, segments] of 0 and 1 when segments overlap."""
    segments = segmentation.segments
    shape = (len(order), *segmentation.grid.shape[1:])
    layers = {s.layer for s in segments}
    if len(layers) == 1:
        layer = segmentation.layers[layers.pop()]
        values = np.array([s.value for s in segments], np.int64)
        sorting = np.argsort(values)
        out = np.zeros(shape, np.uint8 if len(segments) < 2**8 else np.uint16)
        for frame, k in enumerate(order):
            if k is not None:
                place = np.searchsorted(values[sorting], layer[k]).clip(max=len(values) - 1)
                out[frame] = np.where(values[sorting][place] == layer[k], sorting[place] + 1, 0)
        return out
    out = np.zeros((*shape, len(segments)), np.uint8)
    for number, segment in enumerate(segments):
        layer = segmentation.layers[segment.layer]
        for frame, k in enumerate(order):
            if k is not None:
                out[frame, ..., number] = layer[k] == segment.value
    return out


def _description(hd: Any, number: int, segment: Segment) -> Any:
    algorithm, known = segment.algorithm, segment.property or UNSPECIFIED
    assert algorithm is not None
    identification = None
    if algorithm.kind != MANUAL:
        identification = hd.AlgorithmIdentificationSequence(
            name=algorithm.name[:_LABEL],
            family=coded(hd, algorithm.family or ARTIFICIAL_INTELLIGENCE),
            version=(algorithm.version or "unknown")[:_LABEL],
        )
        if algorithm.parameters:
            identification[0].AlgorithmParameters = algorithm.parameters
    described = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label_text(segment.name),
        segmented_property_category=coded(hd, known.category),
        segmented_property_type=coded(hd, known.type),
        algorithm_type=algorithm.kind,
        algorithm_identification=identification,
        tracking_uid=hd.UID(),
        tracking_id=segment.name or f"Segment {number}",
        anatomic_regions=[coded(hd, c) for c in known.regions] or None,
        display_color=hd.color.CIELabColor.from_dicom_value(cielab_of_rgb(segment.color)),
    )
    if algorithm.kind != MANUAL and algorithm.family is None:  # the name is told, its family nobody knows
        del described.SegmentationAlgorithmIdentificationSequence
    if known.modifiers:
        kind = described.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [coded(hd, c) for c in known.modifiers]
    return described


def coded(hd: Any, code: Code) -> Any:
    return hd.sr.CodedConcept(code.value, code.scheme, code.meaning)


def label_text(name: str) -> str:
    """A name as DICOM's long string: 64 characters, no backslash, no line break."""
    clean = " ".join(name.replace("\\", "/").split())
    return clean[:_LABEL] or "Segment"


def _measures(hd: Any, volume: Volume, header: Any) -> Any | None:
    """Spacing of pixels and slices; None for an image without a place in space."""
    if "ImagePositionPatient" not in header and "PerFrameFunctionalGroupsSequence" not in header:
        return None
    column, row, step = volume.spacing
    thickness = float(header.get("SliceThickness") or step)
    return hd.PixelMeasuresSequence(pixel_spacing=(row, column), slice_thickness=thickness, spacing_between_slices=step)


def refusing(path: Path, make: Callable[[], Any]) -> Any:
    """What `make` returns; highdicom's objections to a header become one sentence."""
    try:
        with quiet():
            return make()
    except EvanySegError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        if isinstance(error, AttributeError) and "Dataset' object" not in str(error):
            raise  # a mistake here, not a missing attribute there
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise OutputError(
            f"{path.name} cannot be made from these DICOM headers ({reason.rstrip('.')}); export the image again, or "
            "choose another format."
        ) from error


def _check_written(part: Path, path: Path, segmentation: Segmentation, volume: Volume) -> None:
    """The file is read as anybody would, and compared: a segmentation that differs is never left behind."""
    again = read_dicom_seg(part, volume).on_grid_of(volume)
    for mine, found in zip(segmentation.segments, again.segments, strict=True):
        if not np.array_equal(segmentation.mask(mine), again.mask(found)):
            raise OutputError(f"{path} was not written as it should be: '{mine.name}' comes back different.")


def check_headers_fit(source: DicomSource, volume: Volume) -> None:
    """Everything that can be wrong with the image for writing, before a network is loaded. Raises as writing does."""
    require_highdicom()
    source.frames_of(volume)
    writable_headers(source)
    if len({text(h, "StudyInstanceUID") for h in source.headers}) > 1:
        raise OutputError(f"The files of {source.name} belong to several studies; export one of them.")
