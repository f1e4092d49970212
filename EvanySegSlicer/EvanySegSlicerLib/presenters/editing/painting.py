"""Painting and erasing on slices: strokes in RAS, written like every other edit: one undo step, this segment only.

A front end has the brush and its pointer; what a stroke means is decided here, so that it is the same on oblique
slices, under transforms and in segmentations with voxels of their own. No Qt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.geometry.strokes import stroke_mask

from ...scene.review.session import ReviewSession
from ..review_controller import ReviewController
from ..segmenting import SegmentingPresenter

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode

SMALLEST_MM, LARGEST_MM = 0.2, 200.0
SHARE = 0.08
"""Of the volume's longest side: the brush that a volume begins with."""


class PaintingPresenter:
    """`diameter`: of the brush, in mm. `on_edit()` after every stroke that changed a mask."""

    def __init__(self, controller: ReviewController, segmenting: SegmentingPresenter) -> None:
        self.controller = controller
        self.segmenting = segmenting
        self.on_edit: Callable[[], None] = lambda: None
        self.diameter = 10.0

    def fit_brush(self) -> None:
        """A brush that suits the open volume."""
        review = self.controller.usable
        if review is not None:
            snapshot = review.reader.snapshot()
            sides = np.linalg.norm(snapshot.ijk_to_ras[:3, :3], axis=0) * snapshot.dims
            self.set_diameter(round(SHARE * float(sides.max()), 1))

    def set_diameter(self, diameter: float) -> None:
        """What cannot be drawn with is brought to what can."""
        self.diameter = min(max(float(diameter), SMALLEST_MM), LARGEST_MM)

    def begin(self) -> bool:
        """The brush is taken up: there is a segment to paint into. False when it was said why not."""
        try:
            review = self.controller.require()
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return False
        if not self._segment(review):
            self.segmenting.add_segment()
        return True

    def stroke(self, slice_node: vtkMRMLSliceNode, points: np.ndarray, erase: bool) -> None:
        """points [N, 3] RAS, along the line that was drawn on this view: paint, or erase, the chosen segment.

        Each point counts on the slice that it lies on: the view may have been scrolled meanwhile."""
        try:
            review = self.controller.require()
            segment_id = self._segment(review)
            if not segment_id:
                raise EvanySegError("Choose a segment first, or make one.")
            view_plane = review.reader.plane_of_view(slice_node)
            self._write(review, segment_id, _by_slice(review, view_plane, points), erase)
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)

    def _segment(self, review: ReviewSession) -> str:
        chosen = self.segmenting.segment_id
        return chosen if chosen and review.store.has(chosen) else ""

    def _write(
        self, review: ReviewSession, segment_id: str, parts: list[tuple[SlicePlane, np.ndarray]], erase: bool
    ) -> None:
        changed = []
        for plane, points in parts:
            mask = review.store.mask(segment_id, plane)
            brush = stroke_mask(plane, points, self.diameter / 2)
            new = mask & ~brush if erase else mask | brush
            if not np.array_equal(new, mask):
                changed.append((plane, new))
        if not changed:
            return
        review.history.save()
        for plane, new in changed:
            review.store.write(segment_id, plane, new, review.volume)
        keys = [(segment_id, *plane.key) for plane, _ in changed]
        review.refresh([key for key in keys if review.table.get(key) is not None])
        review.changed(keys)  # also where nothing is scored: the picture follows the mask
        self.on_edit()


def _by_slice(review: ReviewSession, view_plane: SlicePlane, points: np.ndarray) -> list[tuple[SlicePlane, np.ndarray]]:
    """Points of each slice they lie on; of an oblique view only those on it. Raises GeometryError."""
    steps = np.rint(view_plane.to_pixels(points)[:, 2]).astype(int)
    if view_plane.oblique:
        return [(view_plane, points[steps == 0])] if (steps == 0).any() else []
    snapshot = review.reader.snapshot()
    last = snapshot.dims[view_plane.axis] - 1
    found = []
    for step in np.unique(steps):
        index = view_plane.index + int(step)
        if 0 <= index <= last:
            found.append((snapshot.plane(view_plane.axis, index), points[steps == step]))
    return found
