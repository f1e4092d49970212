"""Reading and writing one slice of one segment. Other slices and other segments stay as they are.

A segmentation keeps its own geometry: slices are read by nearest neighbour where it differs from the volume's, and
written onto its own voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.labels import LabelArray, Stamp, stamp
from evanyseg.geometry.slice_plane import SlicePlane

from .matrices import matrix_array, node_to_world, vtk_matrix
from .segment_surfaces import SURFACE, renew_surface

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLVolumeNode, vtkOrientedImageData, vtkSegment, vtkSegmentation
    from vtkmodules.vtkCommonDataModel import vtkPolyData

_LABELMAP = "Binary labelmap"


class Masking(Protocol):
    """An editor whose settings (editable area, intensity range, overwrite mode) edits obey."""

    def modify(self, node: vtkMRMLSegmentationNode, segment_id: str, found: Stamp, matrix: np.ndarray) -> None:
        """Change a segment within `found`; `matrix`: voxel indices to the node's own space, 4x4."""


class SegmentStore:
    """The binary labelmaps of one segmentation node.

    `masking`: the editor that edits go through, or None to change the segment itself only.
    """

    def __init__(self, node: vtkMRMLSegmentationNode, masking: Masking | None = None) -> None:
        self.node = node
        self.masking = masking
        self.pending_surfaces: set[str] = set()

    @property
    def segmentation(self) -> vtkSegmentation:
        return self.node.GetSegmentation()

    def ids(self, visible_only: bool = False) -> list[str]:
        """Segment ids in their order."""
        found = [self.segmentation.GetNthSegmentID(n) for n in range(self.segmentation.GetNumberOfSegments())]
        display = self.node.GetDisplayNode()
        if visible_only and display is not None:
            found = [s for s in found if display.GetSegmentVisibility(s)]
        return found

    def name(self, segment_id: str) -> str:
        return self._segment(segment_id).GetName()

    def has(self, segment_id: str) -> bool:
        return self.segmentation.GetSegment(segment_id) is not None

    def add(self, name: str = "") -> str:
        """A new empty segment; returns its id."""
        self._ensure_labelmaps()
        return self.segmentation.AddEmptySegment("", name)

    def array(self, segment_id: str) -> LabelArray:
        """The segment as stored (a view: `copy()` it for a worker). Raises GeometryError, ImageError."""
        from vtk.util.numpy_support import vtk_to_numpy

        segment = self._segment(segment_id)
        image = segment.GetRepresentation(_LABELMAP)
        if image is None:
            self._refuse_surfaces(segment)
            return LabelArray(np.zeros((0, 0, 0), np.uint8), 1, np.eye(4))
        i0, i1, j0, j1, k0, k1 = image.GetExtent()
        scalars = image.GetPointData().GetScalars()
        if i1 < i0 or j1 < j0 or k1 < k0 or scalars is None:
            return LabelArray(np.zeros((0, 0, 0), np.uint8), 1, np.eye(4))
        array = vtk_to_numpy(scalars).reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)
        first = np.eye(4)
        first[:3, 3] = i0, j0, k0
        return LabelArray(array, int(segment.GetLabelValue()), self._image_to_world(image) @ first)

    def snapshot(self, segment_ids: list[str]) -> dict[str, LabelArray]:
        """Segments detached from the scene, for a worker; segments that share a labelmap share the copy."""
        copies: dict[int, np.ndarray] = {}
        taken = {}
        for segment_id in segment_ids:
            live = self.array(segment_id)
            where = live.array.__array_interface__["data"][0]
            if where not in copies:
                copies[where] = live.array.copy()
            taken[segment_id] = LabelArray(copies[where], live.label, live.array_to_ras)
        return taken

    def grid_to_ras(self, segment_id: str, volume: vtkMRMLVolumeNode | None = None) -> np.ndarray:
        """Voxel indices to world of the geometry the segment is written in. Raises GeometryError."""
        return self._grid(segment_id, volume)[0]

    def mask(self, segment_id: str, plane: SlicePlane) -> np.ndarray:
        """The segment on a slice, bool [H, W]."""
        return self.array(segment_id).slice(plane)

    def write(
        self, segment_id: str, plane: SlicePlane, mask: np.ndarray, volume: vtkMRMLVolumeNode | None = None
    ) -> bool:
        """Replace the segment's voxels on one slice by `mask` [H, W]; False when no voxel of it is on the slice.

        `volume` gives the geometry of a segmentation that has none yet. Raises ImageError for a mask of another shape,
        GeometryError.
        """
        if mask.shape != plane.shape:
            raise ImageError(f"The mask is {list(mask.shape)} but the slice is {list(plane.shape)}.")
        self._ensure_labelmaps()
        grid, local = self._grid(segment_id, volume)
        found = stamp(plane, mask, grid)
        if found is None:
            return False
        surface = self._hold_surface(segment_id)
        try:
            if self.masking is not None:
                self.masking.modify(self.node, segment_id, found, local)
            elif _edit_in_place(self._segment(segment_id), found):
                self._tell(segment_id)
            else:
                _merge(self.node, segment_id, found, local)
        finally:
            if surface is not None:
                self._segment(segment_id).AddRepresentation(SURFACE, surface)
                self.pending_surfaces.add(segment_id)
        return True

    def _tell(self, segment_id: str) -> None:
        """What Slicer's own merge tells; else views keep the old outline, and whoever watches edits misses one (vtk
        does not observe the only segment of a segmentation that was read from a file)."""
        if not self._segment(segment_id).GetRepresentation(_LABELMAP).HasObserver("ModifiedEvent"):
            self.segmentation.InvokeEvent(self.segmentation.SourceRepresentationModified, segment_id)
        self.segmentation.InvokeEvent(self.segmentation.RepresentationModified, segment_id)

    def expect_surfaces(self) -> None:
        """Masks were changed by others (undo, redo), which may have restored an old 3D surface: renew all when idle."""
        self.pending_surfaces.update(s for s in self.ids() if self._segment(s).GetRepresentation(SURFACE) is not None)

    def ensure_surfaces(self) -> None:
        """Give segments that have voxels but no 3D surface one (slow: call it when idle)."""
        if any(self._segment(s).GetRepresentation(SURFACE) is None and self.array(s).array.any() for s in self.ids()):
            self.segmentation.CreateRepresentation(SURFACE)

    def flush_surfaces(self) -> int:
        """Bring 3D surfaces up to date after edits (slow: call it when idle); returns how many were."""
        renewed = [renew_surface(self.segmentation, s) for s in sorted(self.pending_surfaces) if self.has(s)]
        self.pending_surfaces.clear()
        return sum(renewed)

    def _hold_surface(self, segment_id: str) -> vtkPolyData | None:
        """Take the 3D surface off the segment, or Slicer rebuilds it within the edit (seconds on large volumes)."""
        segment = self._segment(segment_id)
        surface = segment.GetRepresentation(SURFACE)
        if surface is not None:
            segment.RemoveRepresentation(SURFACE)
        return surface

    def _grid(self, segment_id: str, volume: vtkMRMLVolumeNode | None) -> tuple[np.ndarray, np.ndarray]:
        """(voxel indices to world, voxel indices to the node's own space) that the segment is written on."""
        import slicer
        import vtk

        image = self._segment(segment_id).GetRepresentation(_LABELMAP)
        if image is not None and not image.IsEmpty():
            return self._image_to_world(image), _own_matrix(image)
        text = self.segmentation.GetConversionParameter("Reference image geometry")
        if not text and volume is not None:
            self.node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
            text = self.segmentation.GetConversionParameter("Reference image geometry")
        matrix = vtk.vtkMatrix4x4()
        if not text or not slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, matrix, [0] * 6):
            raise GeometryError(
                f"The segmentation '{self.node.GetName()}' has no geometry yet; choose its source volume first."
            )
        local = matrix_array(matrix)
        return node_to_world(self.node) @ local, local

    def _image_to_world(self, image: vtkOrientedImageData) -> np.ndarray:
        return node_to_world(self.node) @ _own_matrix(image)

    def _ensure_labelmaps(self) -> None:
        if self.segmentation.GetSourceRepresentationName() != _LABELMAP:
            for segment_id in self.ids():
                segment = self._segment(segment_id)
                if segment.GetRepresentation(_LABELMAP) is None:
                    self._refuse_surfaces(segment)
            self.node.SetSourceRepresentationToBinaryLabelmap()

    def _refuse_surfaces(self, segment: vtkSegment) -> None:
        if segment.GetRepresentation(SURFACE) is not None:
            raise GeometryError(
                f"Segment '{segment.GetName()}' is a surface; convert the segmentation to binary labelmaps "
                "(Segmentations module, Representations) first."
            )

    def _segment(self, segment_id: str) -> vtkSegment:
        segment = self.segmentation.GetSegment(segment_id)
        if segment is None:
            raise ImageError(f"The segmentation '{self.node.GetName()}' has no segment '{segment_id}' any more.")
        return segment


def oriented_image(found: Stamp, values: np.ndarray, matrix: np.ndarray) -> vtkOrientedImageData:
    """vtkOrientedImageData of uint8 `values` [K, J, I] on the stamp's extent."""
    import slicer
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    image = slicer.vtkOrientedImageData()
    image.SetExtent(*found.extent)
    image.AllocateScalars(vtk.VTK_SHORT if values.max(initial=0) > 255 else vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetGeometryFromImageToWorldMatrix(vtk_matrix(matrix))
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = values.ravel()
    return image


def _edit_in_place(segment: vtkSegment, found: Stamp) -> bool:
    """The quick way (Slicer's own merge copies the whole labelmap several times); False when it is not possible:
    no voxels yet, or the mask lies on another segment of the same layer, which must not lose them."""
    from vtk.util.numpy_support import vtk_to_numpy

    image = segment.GetRepresentation(_LABELMAP)
    if image is None or image.IsEmpty() or image.GetPointData().GetScalars() is None:
        return False
    label = int(segment.GetLabelValue())
    needed = _bounds(found) if found.value.any() else None
    if needed is not None and not _contains(image.GetExtent(), needed):
        _grow(image, needed)
    i0, i1, j0, j1, k0, k1 = image.GetExtent()
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)
    if label > np.iinfo(array.dtype).max:
        return False
    ours, theirs = [], []
    for axis, low, high in ((2, k0, k1), (1, j0, j1), (0, i0, i1)):
        first, last = max(low, found.extent[2 * axis]), min(high, found.extent[2 * axis + 1])
        if last < first:
            return True  # nothing of the slice is stored, and nothing is to be stored
        ours.append(slice(first - low, last - low + 1))
        theirs.append(slice(first - found.extent[2 * axis], last - found.extent[2 * axis] + 1))
    part, slab, value = array[tuple(ours)], found.slab[tuple(theirs)], found.value[tuple(theirs)]
    if (value & (part != 0) & (part != label)).any():
        return False
    part[slab & ~value & (part == label)] = 0
    part[value] = label
    image.GetPointData().GetScalars().Modified()
    image.Modified()
    return True


def _bounds(found: Stamp) -> list[int]:
    """Extent of the stamp's object voxels."""
    bounds: list[int] = []
    for axis in range(3):
        used = np.flatnonzero(found.value.any(axis=tuple(a for a in range(3) if a != 2 - axis)))
        bounds += [found.extent[2 * axis] + int(used[0]), found.extent[2 * axis] + int(used[-1])]
    return bounds


def _contains(outer: Sequence[int], inner: list[int]) -> bool:
    return all(outer[a] <= inner[a] and inner[a + 1] <= outer[a + 1] for a in (0, 2, 4))


def _grow(image: vtkOrientedImageData, needed: list[int]) -> None:
    """Pad a labelmap with zeros; the object stays the same, since several segments may share it."""
    import slicer

    old = image.GetExtent()
    union = [f(old[n], needed[n]) for n, f in enumerate((min, max) * 3)]
    padded = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.CopyImage(image, padded, union)
    image.ShallowCopy(padded)


def _merge(node: vtkMRMLSegmentationNode, segment_id: str, found: Stamp, matrix: np.ndarray) -> None:
    """Clear the slab, then fill it. Labelmaps are shared by segments, so values are this segment's own label (which
    may change when Slicer moves the segment to a layer of its own)."""
    import slicer

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    segment = node.GetSegmentation().GetSegment(segment_id)
    for mode, part in ((logic.MODE_MERGE_MIN, found.value | ~found.slab), (logic.MODE_MERGE_MAX, found.value)):
        values = part.astype(np.int16) * int(segment.GetLabelValue())
        if not logic.SetBinaryLabelmapToSegment(oriented_image(found, values, matrix), node, segment_id, mode):
            raise GeometryError(f"Slicer refused to change segment '{segment.GetName()}'.")


def _own_matrix(image: vtkOrientedImageData) -> np.ndarray:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return matrix_array(matrix)
