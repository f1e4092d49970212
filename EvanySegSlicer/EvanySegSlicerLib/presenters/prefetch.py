"""Encoding slices before they are asked for: the one a box is begun on, then its neighbours while nothing else runs."""

from __future__ import annotations

from evanyseg.geometry.slice_plane import SlicePlane, slice_plane

from ..scene.jobs.runner import Job
from ..scene.nodes.volume_reader import VolumeSnapshot
from .review_controller import ReviewController


class Prefetcher:
    """One quiet job at a time; its result lies in the pipeline's cache. The user never waits behind it: encoding a
    slice other than the one wanted now is stopped."""

    def __init__(self, controller: ReviewController) -> None:
        self.controller = controller
        self._fetching: SlicePlane | None = None
        self._job: Job | None = None
        controller.jobs.wanted = self.want

    def fetch(self, *planes: SlicePlane) -> None:
        """Encode these slices, one after the other, unless the user waits for something else."""
        review = self.controller.review
        if not planes or self.controller.busy or review is None or review.problem:
            return
        first, rest = planes[0], planes[1:]
        self.want(first)
        pipeline = review.pipeline
        if self._job is not None or pipeline is None or pipeline.segmenter is None:
            return
        volume = review.reader.snapshot()
        self._fetching = first
        self._job = self.controller.start(
            "Encoding the slice",
            lambda context: pipeline.embed(volume.slice_input(first), context.should_cancel),
            lambda embedding: self.fetch(*rest),
            quiet=True,
            plane=first,
        )

    def want(self, plane: SlicePlane | None) -> None:
        """Work on this slice begins (None: other work): stop encoding any other."""
        if self._job is None or self._fetching is None:
            return
        if plane is None or plane.key != self._fetching.key:
            self._job.cancel()
        if self._job.done or self._job.cancel_requested:
            self._fetching = self._job = None


def neighbors(plane: SlicePlane, before: SlicePlane | None, volume: VolumeSnapshot) -> list[SlicePlane]:
    """The slices beside an aligned one, the one further in the direction of travel first; none of an oblique one."""
    if plane.oblique:
        return []
    back = before is not None and before.axis == plane.axis and before.index > plane.index
    indices = (plane.index + step for step in ((-1, 1) if back else (1, -1)))
    return [
        slice_plane(volume.ijk_to_ras, volume.dims, plane.axis, index)
        for index in indices
        if 0 <= index < volume.dims[plane.axis]
    ]
