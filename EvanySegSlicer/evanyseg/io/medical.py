"""DICOM files and folders of a DICOM series, through SimpleITK."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import GeometryError, ImageError
from ..geometry.volume import Volume
from .itk import reason

_UNEVEN = 0.05
"""Slice distances of a series may differ by this part: scanners round positions, missing slices double them."""


def read_dicom(path: Path, series: str | None = None) -> tuple[Volume, dict[str, str]]:
    """The volume and the file's metadata, from a file or from a folder that holds one DICOM series.

    `series`: the SeriesInstanceUID to take from a folder with several. Raises ImageError for what cannot be read,
    GeometryError for time series, several components that are not colours, and series with missing slices.
    MONOCHROME1 (low is white) comes as the picture that everybody sees: ITK's reader inverts it.
    """
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # chatter about private tags; errors still raise
    try:
        if path.is_dir():
            return _series(sitk, path, series), {}
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        size = reader.GetSize()
        meta = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        if sum(n > 1 for n in size[3:]):
            raise GeometryError(
                f"{path.name} is a time series of {int(np.prod(size[3:]))} volumes (4D); save one of them as a volume."
            )
        image = reader.Execute()
    except RuntimeError as error:
        raise ImageError(f"{path} cannot be read as an image ({reason(error)}).") from error
    if len(size) > 3:
        image = image[(slice(None),) * 3 + (0,) * (len(size) - 3)]
    volume = _volume(sitk, image, path.name)
    return volume, meta


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
        return read_dicom(Path(files[0]))[0]
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
