"""Volumes through SimpleITK: NIfTI, NRRD, MetaImage, DICOM files and folders of a DICOM series."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import GeometryError, ImageError
from ..geometry.volume import Volume
from .nifti import check_complete, read_header

NIFTI = (".nii", ".nii.gz", ".hdr", ".img", ".img.gz")
_UNEVEN = 0.05
"""Slice distances of a series may differ by this part: scanners round positions, missing slices double them."""


def read_volume(path: Path, series: str | None = None) -> tuple[Volume, dict[str, str]]:
    """The volume and the file's metadata, from a file or from a folder that holds one DICOM series.

    `series`: the SeriesInstanceUID to take from a folder with several. Raises ImageError for what cannot be read,
    GeometryError for time series, several components that are not colours, and series with missing slices.
    MONOCHROME1 (low is white) comes as the picture that everybody sees: ITK's reader inverts it.
    """
    import SimpleITK as sitk

    if not path.exists():
        raise ImageError(f"There is no file or folder {path}.")
    if path.name.lower().endswith(NIFTI):
        check_complete(read_header(path))
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # chatter about private tags; errors still raise
    try:
        if path.is_dir():
            return _series(sitk, path, series), {}
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        size, components = reader.GetSize(), reader.GetNumberOfComponents()
        meta = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        if sum(n > 1 for n in size[3:]):
            raise GeometryError(
                f"{path.name} is a time series of {int(np.prod(size[3:]))} volumes (4D); save one of them as a volume."
            )
        image = reader.Execute()
    except RuntimeError as error:
        raise ImageError(f"{path} cannot be read as an image ({_reason(error)}).") from error
    if len(size) > 3:
        image = image[(slice(None),) * 3 + (0,) * (len(size) - 3)]
    volume = _volume(sitk, image, path.name)
    if components > 1 and not _segmentation(meta):
        series_of = meta.get("NRRD_kinds[pixel]", "") in ("list", "time")
        if series_of or components not in (3, 4):
            raise GeometryError(
                f"{path.name} has {components} values per voxel, which are no colours (a time series or vector "
                "field?); save one of them as a volume."
            )
    return volume, meta


def geometry_of(volume: Volume, image: Any) -> None:
    """Give a SimpleITK image the volume's spacing, origin and direction."""
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.origin)
    image.SetDirection(np.asarray(volume.direction).ravel().tolist())


def resample_labels(labels: np.ndarray, grid: Volume, target: Volume) -> np.ndarray:
    """Integer labels [K, J, I] on `grid`, by nearest neighbour on target's grid; 0 outside."""
    import SimpleITK as sitk

    moving = sitk.GetImageFromArray(labels)
    geometry_of(grid, moving)
    ijk = tuple(int(n) for n in reversed(target.shape))
    direction = np.asarray(target.direction).ravel().tolist()
    out = sitk.Resample(
        moving, ijk, sitk.Transform(), sitk.sitkNearestNeighbor, target.origin, target.spacing, direction, 0
    )
    return sitk.GetArrayFromImage(out)


def _series(sitk: Any, folder: Path, series: str | None) -> Volume:
    found = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not found:
        raise ImageError(f"The folder {folder} holds no DICOM series.")
    names = {uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid) for uid in found}
    if series is None and len(found) > 1:
        listed = "; ".join(f"{uid} ({len(names[uid])} files)" for uid in found)
        raise ImageError(f"The folder {folder.name} holds {len(found)} DICOM series; name one with --series: {listed}.")
    uid = series or found[0]
    if uid not in names:
        raise ImageError(f"The folder {folder.name} holds no series {uid}; it has {', '.join(found)}.")
    files = names[uid]
    if len(files) == 1:
        return read_volume(Path(files[0]))[0]
    _check_positions(sitk, files, folder.name)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    return _volume(sitk, reader.Execute(), folder.name)


def _check_positions(sitk: Any, files: tuple[str, ...], name: str) -> None:
    """Slices must be parallel, of one size, and evenly spaced: ITK would take the first distance for all."""
    places, sizes, normals = [], set(), []
    for file in files:
        reader = sitk.ImageFileReader()
        reader.SetFileName(file)
        reader.ReadImageInformation()
        direction = np.array(reader.GetDirection()).reshape(3, 3)
        normals.append(direction[:, 2])
        places.append(float(normals[0] @ np.array(reader.GetOrigin())))
        sizes.add(reader.GetSize()[:2])
    if len(sizes) > 1 or np.abs(np.array(normals) - normals[0]).max() > 1e-3:
        raise GeometryError(f"The slices of {name} differ in size or orientation; they make no volume.")
    places.sort()
    repeats = max(Counter(np.round(places, 3)).values())
    if repeats > 1:
        raise GeometryError(f"{name} has up to {repeats} slices at one position: a time series (4D); export one phase.")
    steps = np.diff(places)
    if steps.max() > (1 + _UNEVEN) * np.median(steps) or steps.min() < (1 - _UNEVEN) * np.median(steps):
        raise GeometryError(
            f"The slices of {name} are unevenly spaced ({steps.min():.3g} to {steps.max():.3g} mm): is one missing?"
        )


def _volume(sitk: Any, image: Any, name: str) -> Volume:
    array = sitk.GetArrayFromImage(image)
    dimension = image.GetDimension()
    direction = np.eye(3)
    direction[:dimension, :dimension] = np.array(image.GetDirection()).reshape(dimension, dimension)
    spacing, origin = tuple(image.GetSpacing()), tuple(image.GetOrigin())
    if dimension == 2:
        array, spacing, origin = array[None], (*spacing, 1.0), (*origin, 0.0)
    return Volume(array, spacing, origin, direction, planar=dimension == 2, name=name)


def _segmentation(meta: dict[str, str]) -> bool:
    return "Segment0_ID" in meta or "Segment0_Name" in meta


def _reason(error: RuntimeError) -> str:
    """The last line of an ITK message: the others name C++ files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[-1] if lines else "unknown reason"
    return text.split("): ")[-1].removeprefix("sitk::ERROR: ").strip().rstrip(".")
