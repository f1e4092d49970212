"""One door for every file: which reader a path needs, decided by its content and never by its ending."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ImageError
from ..geometry.volume import Volume
from .dicom.headers import understood
from .dicom.images.image import read_dicom_image
from .dicom.masks import ReadImage, read_dicom_mask
from .formats.images_2d import read_image_2d
from .formats.itk import read_nrrd
from .formats.masks_2d import read_labels_2d
from .formats.metaimage import read_metaimage
from .formats.nifti import read_nifti
from .gray_levels import refuse_gray_levels
from .interpolated import INTERPOLATED, interpolated_values
from .names import names_for, with_names
from .remote import local_copy
from .seg_nrrd import is_seg_nrrd, segmentation_of_nrrd
from .segmentation import MASK, Segmentation, segmentation_of_labels, whole_labels
from .sniff import FileKind, refuse_other, sniff


def read_image(path: Path | str, series: str | None = None, frame: int | None = None) -> Volume:
    """An image or volume from PNG, JPEG, WebP, TIFF, NIfTI, NRRD, MetaImage, a DICOM file or a DICOM folder; also from
    an address (`io.remote`).

    `series`: the SeriesInstanceUID to take from a folder with several; `frame`: the image to take from a film.
    Raises ImageError for what cannot be read, GeometryError for what has no plain 3D geometry.
    """
    path = local_copy(Path(path).expanduser())
    kind = _kind_of(path)
    return read_image_2d(path) if kind is FileKind.IMAGE_2D else _read_volume(path, kind, series, frame)[0]


def read_segmentation(
    path: Path | str,
    binary: bool = False,
    series: str | None = None,
    image: ReadImage | None = None,
    fractional: bool = True,
    threshold: float | str | None = None,
    names: str | Path | None = None,
) -> Segmentation:
    """A mask, label map, `.seg.nrrd`, DICOM SEG or RTSTRUCT. `binary`: everything above zero is one segment 'mask'.

    `image`: what the segmentation belongs to; contours are rasterised on it, and DICOM headers are compared with its
    own. `fractional`: take fractional DICOM SEGs as the part above one half (with a caveat); False refuses them.
    `threshold`: of a grey mask everything above this value is the mask; 'labels': its values are labels, however many.
    `names`: a file, or the word of a known tool, that names the values of a label map; without it they are looked for
    in the file and in nnU-Net's folders.
    Raises ImageError for images given as masks, GeometryError as `read_image` does.
    """
    path = local_copy(Path(path).expanduser())
    kind = _kind_of(path)
    cut = threshold if isinstance(threshold, float) else None
    coded = read_dicom_mask(path, image, fractional) if kind is FileKind.DICOM else None
    if coded is not None:
        return _named(coded, binary, cut, names)
    if kind is FileKind.IMAGE_2D:
        pixels, remarks = read_labels_2d(path, cut)
        grid = Volume(pixels[None], planar=True, has_geometry=False, name=path.name)
    else:
        grid, meta = _read_volume(path, kind, series)
        remarks = ()
        if kind is FileKind.NRRD and is_seg_nrrd(path, meta):
            return _named(segmentation_of_nrrd(grid, meta), binary, cut, names)
        if grid.color:
            raise ImageError(f"{path.name} is a colour image, not a mask; save the mask with one value per voxel.")
        if cut is not None:
            grid = replace(grid, array=(grid.array > cut).astype(np.uint8))
    labels = whole_labels(grid.array, path.name)
    if threshold is None:
        refuse_gray_levels(labels, path.name)
    if binary:
        labels = (labels > 0).astype(np.uint8)
    found = replace(segmentation_of_labels(labels, grid), remarks=remarks)
    if len(found.segments) > 1:
        lines = interpolated_values(labels)
        found = replace(found, segment_caveats={s.id: (INTERPOLATED,) for s in found.segments if s.value in lines})
    known = names_for(names, path, kind, {s.value for s in found.segments}) if not binary and cut is None else None
    if known is not None:
        return with_names(found, known)
    if (grid.planar and set(np.unique(labels)) <= {0, 255}) or binary or cut is not None:
        found = replace(found, segments=tuple(replace(s, id=MASK, name=MASK) for s in found.segments))
    return found


def read_labeled(
    path: Path | str,
    label: str,
    image: ReadImage,
    threshold: float | str | None = None,
    names: str | Path | None = None,
) -> Segmentation:
    """What a row of a table means by a mask and its label: the segments named so (name, id or value; several: `1;2`),
    everything above zero where `label` is empty. A mask with nothing in it is empty, whatever is named; the only
    object of a picture is what it is called.

    Raises as `read_segmentation` does, and ImageError for a label that the mask has not.
    """
    named = names if label else None
    found = read_segmentation(path, binary=not label, image=image, threshold=threshold, names=named)
    return found.called(label) if label and found.segments else found


def _kind_of(path: Path) -> FileKind:
    try:
        folder = path.is_dir()
    except OSError as error:  # a name that no system allows
        raise ImageError(f"{path.name[:40]}... cannot be opened ({error.strerror}).") from None
    if folder:
        return FileKind.DICOM
    found = sniff(path)
    refuse_other(path, found)
    return found.kind


def _read_volume(
    path: Path, kind: FileKind, series: str | None, frame: int | None = None
) -> tuple[Volume, dict[str, str]]:
    if kind is FileKind.NIFTI:
        return read_nifti(path), {}
    if kind is FileKind.DICOM:
        with understood(path.name):
            return read_dicom_image(path, series, frame), {}
    if kind is FileKind.METAIMAGE:
        return read_metaimage(path), {}
    return read_nrrd(path)


def _named(segmentation: Segmentation, binary: bool, cut: float | None, names: str | Path | None) -> Segmentation:
    """A file of named segments, which needs no threshold and no names."""
    if names is not None:
        raise ImageError(f"{segmentation.grid.name} names its segments itself; leave --names out.")
    if cut is not None:
        raise ImageError(f"{segmentation.grid.name} holds segments, not grey levels; leave --threshold out.")
    return _merged(segmentation) if binary else segmentation


def _merged(segmentation: Segmentation) -> Segmentation:
    union = np.zeros(segmentation.grid.shape, np.uint8)
    for segment in segmentation.segments:
        union |= segmentation.mask(segment)
    found = segmentation_of_labels(union, segmentation.grid)
    segments = tuple(replace(s, id=MASK, name=MASK) for s in found.segments)
    return replace(found, segments=segments, caveats=segmentation.all_caveats, remarks=segmentation.remarks)
