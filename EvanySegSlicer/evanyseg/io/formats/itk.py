"""NRRD volumes through SimpleITK, after their voxels were found to be all there."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.volume import Volume
from . import nrrd
from .placing import checked_components, placed_volume
from .streams import surplus_remark


def read_nrrd(path: Path) -> tuple[Volume, dict[str, str]]:
    """The volume of an NRRD file and the file's metadata, whatever its ending says.

    Raises ImageError for what cannot be read, GeometryError for time series and components that are not colours.
    """
    import SimpleITK as sitk

    header = nrrd.check_complete(path)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with nrrd.readable(path, header) as file:
            reader = sitk.ImageFileReader()
            reader.SetImageIO("NrrdImageIO")
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
    if not nrrd.segment_numbers(meta):
        series = meta.get("NRRD_kinds[pixel]", "") in ("list", "time")
        checked_components(array, components, path.name, True if header.color else False if series else None)
    dimension = image.GetDimension()
    matrix = np.eye(4)
    matrix[:dimension, :dimension] = np.array(image.GetDirection()).reshape(dimension, dimension) * image.GetSpacing()
    matrix[:dimension, 3] = image.GetOrigin()
    planar = dimension == 2
    remark = surplus_remark(path.name) if header.surplus else ""
    voxels = array[None] if planar else array
    return placed_volume(voxels, matrix, path.name, planar, header.placed, remark, header.unit), meta


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


def _metadata(reader: Any) -> dict[str, str]:
    """All entries but those whose key is no text in UTF-8, which nothing here asks for."""
    found = {}
    for key in reader.GetMetaDataKeys():
        with contextlib.suppress(TypeError, UnicodeError):
            found[key] = reader.GetMetaData(key)
    return found
