"""A map of one slice in the foreground of the slice views: made, shown before everything else, and taken away.

A derived volume of one slice's thickness on the slice's own pixels, so that it lies exactly on the image, also for
oblique slices. What its codes mean is for those who show it (`error_map`, `gain_map`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from weakref import WeakSet

import numpy as np

from evanyseg.geometry.slice_plane import SlicePlane

from ..nodes.matrices import vtk_matrix
from ..nodes.session_node import SessionNode
from .code_volume import (
    color_codes,
    give_voxels,
    make_code_volume,
    remove_code_volume,
    restore_foreground,
    slice_composites,
)

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode


class SliceMap:
    """Shows codes uint8 [H, W] of one slice; `remove` puts back what was in the foreground, in whatever order maps come
    and go."""

    _maps: ClassVar[WeakSet[SliceMap]] = WeakSet()

    def __init__(self, session: SessionNode, name: str, colors: np.ndarray, opacity: float = 0.6) -> None:
        """colors: RGBA [256, 4] in 0..1."""
        self.session, self.name, self.colors, self.opacity = session, name, colors, opacity
        self._node: vtkMRMLScalarVolumeNode | None = None
        self._before: dict[str, tuple[str, float]] = {}
        self._maps.add(self)

    @property
    def shown(self) -> bool:
        return self.node is not None

    @property
    def node(self) -> vtkMRMLScalarVolumeNode | None:
        """The map's volume while it is in the scene."""
        return self._node if self._node is not None and self._node.GetScene() is not None else None

    def show_codes(self, plane: SlicePlane, codes: np.ndarray) -> None:
        node = self.node
        if node is None:
            node = self._node = make_code_volume(self.session.node.GetScene(), self.name)
            color_codes(node, self.colors)
        height, width = codes.shape
        give_voxels(node, (width, height, 1))[0] = codes
        centers = np.eye(4)
        centers[:2, 3] = 0.5  # voxel (0, 0) is the center of pixel (0, 0)
        node.SetIJKToRASMatrix(vtk_matrix(plane.pixel_to_ras @ centers))
        for view in slice_composites(node.GetScene()):
            if view.GetForegroundVolumeID() == node.GetID():
                continue
            self._before[view.GetID()] = (view.GetForegroundVolumeID() or "", view.GetForegroundOpacity())
            view.SetForegroundVolumeID(node.GetID())
            view.SetForegroundOpacity(self.opacity)

    def remove(self) -> None:
        node, self._node = self._node, None
        before, self._before = self._before, {}
        scene = self.session.node.GetScene()
        if node is None or scene is None:
            return
        for above in self._maps:  # a map that was shown over this one puts back what this one had displaced
            for view_id, (volume, _) in above._before.items():
                if volume == node.GetID() and view_id in before:
                    above._before[view_id] = before[view_id]
        for view in slice_composites(scene):
            if view.GetID() in before:
                restore_foreground(view, node.GetID(), *before[view.GetID()])
        remove_code_volume(node)
