"""Brings the slice views to what a row is about."""

from __future__ import annotations

from typing import Any

from evanyseg.geometry.slice_plane import SlicePlane

from ...scene.review.jump import jump, target_of, view_of_plane
from .slice_views import all_views

VIEW_OF = {"axial": "Red", "coronal": "Green", "sagittal": "Yellow"}


def jump_to(plane: SlicePlane, mask: Any, volume: Any) -> None:
    """Scroll every view through the object; when none is parallel to the slice, the usual one is turned to it."""
    views = all_views()
    nodes = [view.slice_node for view in views]
    if view_of_plane(nodes, plane) is None:
        for view in views:
            if view.name == VIEW_OF[plane.name]:
                view.slice_node.RotateToVolumePlane(volume)
    jump(nodes, target_of(plane, mask))
