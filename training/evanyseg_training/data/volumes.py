"""Volumes cut into slices as the product cuts them: axial, in the display frame, with square pixels.

What a network learns from is what it will be shown: see `evanyseg.geometry`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.square_grid import SquareGrid, resize
from evanyseg.geometry.volume import Volume, same_geometry
from evanyseg.io.read import read_image
from evanyseg.pipeline.intensity import PRESETS

from ..errors import DataError


class VolumeSlices:
    """The slices of one image volume and of the label maps on its grid. The window is fitted to the whole volume."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.planes = stack_of(volume)
        self.grid = SquareGrid(self.planes.shape, self.planes.spacing)
        self._window = PRESETS["percentile"].fit(volume.array)

    def image(self, index: int) -> np.ndarray:
        """uint8 [h, w, 1] with square pixels."""
        return self.grid.image(self._window.apply(self.planes.pixels(index)))[..., :1]

    def labels(self, labels: Volume, index: int) -> np.ndarray:
        """The label map's slice, int32 [h, w], by nearest neighbour. Raises DataError when it has another grid."""
        if labels.shape != self.volume.shape:
            raise DataError(f"{labels.name} has another size than its image {self.volume.name}.")
        if not same_geometry(labels, self.volume):
            raise DataError(
                f"{labels.name} has the size of its image {self.volume.name} but lies elsewhere in space; save it "
                "again with the image's own geometry."
            )
        found = resize(self.planes.take(labels.array, index), self.grid.square_shape, order=0)
        return np.ascontiguousarray(np.rint(found).astype(np.int32))

    def showing(self, chosen: np.ndarray) -> np.ndarray:
        """Indices of the slices with a True voxel of a bool [K, J, I]."""
        return np.flatnonzero(chosen.any(axis=tuple(a for a in range(3) if a != 2 - self.planes.axis)))


def load_volume(path: Path) -> Volume:
    """A NIfTI, NRRD or MetaImage volume; the first channel of several. Raises DataError when it cannot be read."""
    try:
        return _first_channel(path) or read_image(path)
    except (EvanySegError, RuntimeError, OSError) as error:
        raise DataError(f"{path} is missing or not a readable volume ({error}).") from error


def _first_channel(path: Path) -> Volume | None:
    """Of a file with a fourth axis (several sequences of one scan); None for others."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()
    if len(size) != 4 or size[3] == 1:
        return None
    image = reader.Execute()[..., 0]
    i, j, k = image.GetSpacing()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    x, y, z = image.GetOrigin()
    return Volume(sitk.GetArrayFromImage(image), (i, j, k), (x, y, z), direction, name=path.name)
