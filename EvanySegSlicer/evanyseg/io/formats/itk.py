"""NRRD and MetaImage volumes through SimpleITK, after their voxels were found to be all there."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.placement import placement_of
from ...geometry.volume import ImageSource, Volume
from ..sniff import FileKind
from . import metaimage, nrrd
from .streams import surplus_remark

_READERS = {FileKind.NRRD: "NrrdImageIO", FileKind.METAIMAGE: "MetaImageIO"}


def read_itk(path: Path, kind: FileKind) -> tuple[Volume, dict[str, str]]:
    """The volume and the file's metadata; `kind` is what the file is, whatever its ending says.

    Raises ImageError for what cannot be read, GeometryError for time series and components that are not colours.
    """
    import SimpleITK as sitk

    called_colors, header = False, None
    if kind is FileKind.NRRD:
        header = nrrd.check_complete(path)
        placed, called_colors, surplus = header.placed, header.color, header.surplus
    else:
        placed, surplus = metaimage.check_complete(path)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with nrrd.readable(path, header) if header is not None else contextlib.nullcontext(path) as file:
            reader = sitk.ImageFileReader()
            reader.SetImageIO(_READERS[kind])
            reader.SetFileName(str(file))
            reader.ReadImageInformation()
            size, components = reader.GetSize(), reader.GetNumberOfComponents()
            meta = _metadata(reader)
            if sum(n > 1 for n in size[3:]):
                raise GeometryError(
                    f"{path.name} is a time series of {int(np.prod(size[3:]))} volumes (4D); save one of them as a "
                    "volume."
                )
            image = reader.Execute()
    except RuntimeError as error:
        raise ImageError(f"{path} cannot be read as an image ({reason(error)}).") from error
    if len(size) > 3:
        image = image[(slice(None),) * 3 + (0,) * (len(size) - 3)]
    array = sitk.GetArrayFromImage(image)
    if components > 1 and not nrrd.segment_numbers(meta):
        called_series = meta.get("NRRD_kinds[pixel]", "") in ("list", "time")
        if not called_colors and (called_series or components not in (3, 4) or array.dtype.kind != "u"):
            what = "a vector field" if components in (2, 3) else "no colours (a time series or vector field?)"
            raise GeometryError(f"{path.name} has {components} values per voxel, which are {what}; save one of them "
                                "as a volume.")  # fmt: skip
    volume = _volume(image, array, path.name, placed)
    if surplus:
        remarks = (surplus_remark(path.name), *volume.source.remarks)
        volume = replace(volume, source=replace(volume.source, remarks=remarks))
    return volume, meta


def geometry_of(volume: Volume, image: Any) -> None:
    """Give a SimpleITK image the volume's spacing, origin and direction."""
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.origin)
    image.SetDirection(np.asarray(volume.direction).ravel().tolist())


def reason(error: RuntimeError) -> str:
    """What an ITK message says in words: the line that tells the error, else the last; names of C++ are left out."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if re.search(r"ERROR: |\[nrrd\] ", line)]
    text = re.split(r"\): |ERROR: ", (told or lines or ["unknown reason"])[-1])[-1]
    text = re.sub(r"^\[nrrd\] (_?\w+: )?|^Reason: ", "", text.strip())
    return "its parts contradict each other" if text in ("", "Success") else text.rstrip(".!")


def _volume(image: Any, array: np.ndarray, name: str, placed: bool) -> Volume:
    dimension = image.GetDimension()
    matrix = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    matrix[:dimension, :dimension] = direction * np.array(image.GetSpacing())
    matrix[:dimension, 3] = image.GetOrigin()
    planar = dimension == 2
    volume = placement_of(matrix, name).volume(array[None] if planar else array, planar=planar, name=name)
    if placed or planar:
        return volume
    note = f"{name} does not say where its voxels lie: the names of its slice planes are a guess."
    return replace(volume, has_geometry=False, source=ImageSource(remarks=(note,)))


def _metadata(reader: Any) -> dict[str, str]:
    """All entries but those whose key is no text in UTF-8, which nothing here asks for."""
    found = {}
    for key in reader.GetMetaDataKeys():
        with contextlib.suppress(TypeError, UnicodeError):
            found[key] = reader.GetMetaData(key)
    return found
