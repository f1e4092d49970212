"""From a volume node to the slices that models see, and a snapshot of it that a worker can read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.oblique import oblique_of_key, plane_of_view, resampled
from evanyseg.geometry.slice_plane import OBLIQUE, SlicePlane, slice_plane
from evanyseg.geometry.volume import Volume
from evanyseg.pipeline.intensity import IntensityWindow, preset_named, window_of, window_sentence
from evanyseg.pipeline.slice_pipeline import SliceInput

from ..table.content import image_hash
from .image_facts import image_facts
from .matrices import matrix_array, volume_dims, volume_to_world, voxels

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode, vtkMRMLVolumeNode


@dataclass
class VolumeSnapshot:
    """A volume as arrays: array [K, J, I(, C)] (a view of the stored voxels), its matrix to RAS and its window.

    Holds no node: a worker may use it while the scene changes or closes.
    """

    array: np.ndarray
    ijk_to_ras: np.ndarray
    window: IntensityWindow
    name: str = ""
    _hashes: dict[tuple, str] = field(default_factory=dict, repr=False)

    @property
    def dims(self) -> tuple[int, int, int]:
        k, j, i = self.array.shape[:3]
        return i, j, k

    def plane(self, axis: int, index: int) -> SlicePlane:
        """Raises GeometryError."""
        return slice_plane(self.ijk_to_ras, self.dims, axis, index)

    def plane_of_key(self, axis: int, index: int, geometry: str = "") -> SlicePlane:
        """The slice a table row is about. Raises GeometryError."""
        return oblique_of_key(index, geometry) if axis == OBLIQUE else self.plane(axis, index)

    def pixels(self, plane: SlicePlane) -> np.ndarray:
        """The slice's stored pixels [H, W(, C)]; oblique planes are resampled linearly."""
        return plane.take(self.array) if not plane.oblique else resampled(self.array, self.ijk_to_ras, plane)

    def image_hash(self, plane: SlicePlane) -> str:
        """Fingerprint of the slice's pixels, remembered."""
        if plane.key not in self._hashes:
            self._hashes[plane.key] = image_hash(self.pixels(plane))
        return self._hashes[plane.key]

    def slice_input(self, plane: SlicePlane) -> SliceInput:
        """What `SlicePipeline` takes; its key is the content, so that embeddings survive renaming and reloading."""
        pixels = np.ascontiguousarray(self.pixels(plane))
        return SliceInput(pixels, self.window, plane.spacing, self.image_hash(plane))


class VolumeReader:
    """Reads one volume node; fits its intensity window once per content."""

    def __init__(self, volume: vtkMRMLVolumeNode, preset: str = "") -> None:
        """`preset`: a name in `pipeline.intensity`, empty for the default. Raises ImageError, GeometryError."""
        self.volume = volume
        self.preset = preset
        volume_dims(volume)
        self._snapshot: VolumeSnapshot | None = None
        self._stamp: tuple | None = None

    def snapshot(self) -> VolumeSnapshot:
        """The volume as it is now; the same object as long as nothing about it has changed.

        Raises ImageError, GeometryError.
        """
        matrix = volume_to_world(self.volume)
        image = self.volume.GetImageData()
        facts = image_facts(self.volume)
        stamp = (image, image.GetMTime() if image is not None else 0, matrix.tobytes(), self.preset, facts)
        if self._snapshot is None or stamp != self._stamp:
            array = voxels(self.volume)
            window = window_of(Volume(array, source=facts), preset_named(self.preset) if self.preset else None)
            self._snapshot = VolumeSnapshot(array, matrix, window, self.volume.GetName())
            self._stamp = stamp
        return self._snapshot

    def window_sentence(self) -> str:
        """Which window is used, and why where nobody chose it. Raises ImageError, GeometryError."""
        facts = image_facts(self.volume)
        return window_sentence(self.snapshot().window, facts, chosen=bool(self.preset))

    def plane(self, axis: int, index: int) -> SlicePlane:
        """Raises GeometryError."""
        return slice_plane(volume_to_world(self.volume), volume_dims(self.volume), axis, index)

    def plane_of_view(self, slice_node: vtkMRMLSliceNode) -> SlicePlane:
        """The slice that a view shows. Raises GeometryError outside the volume."""
        xy_to_ras = matrix_array(slice_node.GetXYToRAS())
        return plane_of_view(volume_to_world(self.volume), volume_dims(self.volume), xy_to_ras)
