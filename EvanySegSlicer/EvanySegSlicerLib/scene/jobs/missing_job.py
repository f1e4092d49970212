"""The job that looks for slices where the object was left out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evanyseg.geometry.labels import LabelArray
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from evanyseg.scoring.missing_slices import EmptySliceStatus, MissingSliceDetector, empty_slices

from ..nodes.volume_reader import VolumeSnapshot
from ..table.content import content_hash
from ..table.outcomes import SliceOutcome
from ..table.records import MISSING, Key
from .admission import admit
from .result import JobResult
from .score_job import slice_range


@dataclass(frozen=True)
class MissingJob:
    """Look at slices without a mask between slices with one, and the slice beyond each end, with the engine's
    `MissingSliceDetector`: the neighbour's box is carried over, and what it finds there must be good and alike."""

    volume: VolumeSnapshot
    detector: MissingSliceDetector
    axis: int
    segments: dict[str, LabelArray]
    known: dict[Key, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    allow_cropped: bool = False
    title: str = "Looking for missing slices"

    @property
    def encodes(self) -> None:
        return None

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Outcomes of kind MISSING: `mask` is what was found, the estimate is that of the empty mask (Dice 0).

        Raises CancelledError.
        """
        outcomes: list[SliceOutcome] = []
        admitted = admit(self.volume, self.segments, {}, self.allow_cropped).segments  # the others were said
        todo = [(s, a, gap) for s, a in admitted.items() for gap in self._gaps(a, should_cancel)]
        for done, (segment_id, array, (index, source)) in enumerate(todo):
            raise_if_cancelled(should_cancel)
            progress(done / len(todo), f"{self.title}: slice {index}")
            outcome = self._assessed(segment_id, array, index, source, should_cancel)
            if outcome is not None:
                outcomes.append(outcome)
        progress(1.0, self.title)
        return JobResult(tuple(outcomes), message=f"{len(outcomes)} slices may lack a mask.")

    def _gaps(self, array: LabelArray, should_cancel: ShouldCancel) -> list[tuple[int, int]]:
        """(empty slice, nearest slice with a mask)."""
        filled = []
        for index in slice_range(self.volume, array, self.axis):
            raise_if_cancelled(should_cancel)
            if array.slice(self.volume.plane(self.axis, index)).any():
                filled.append(index)
        return empty_slices(filled, self.volume.dims[self.axis], beyond_ends=True)

    def _assessed(
        self, segment_id: str, array: LabelArray, index: int, source: int, should_cancel: ShouldCancel
    ) -> SliceOutcome | None:
        plane, near = self.volume.plane(self.axis, index), self.volume.plane(self.axis, source)
        content = content_hash(np.zeros(plane.shape, bool), self.volume.image_hash(plane))
        if self.known.get((segment_id, *plane.key)) == content:
            return None
        answer = self.detector.assess(
            self.volume.slice_input(plane),
            self.volume.slice_input(near),
            array.slice(near),
            should_cancel,
            self.names.get(segment_id, ""),
        )
        if answer.finding is not EmptySliceStatus.MISSING or answer.found is None:
            return None
        return SliceOutcome(
            segment_id=segment_id,
            plane=plane,
            mask=answer.found,
            estimate=answer.estimate,
            content=content,
            window=self.volume.window.describe(),
            box=answer.box,
            segmenter=self.detector.segmenter,
            kind=MISSING,
        )
