"""The job that scores masks which are there already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from evanyseg.geometry.labels import LabelArray
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.io.interpolated import INTERPOLATED, interpolated_values
from evanyseg.pipeline.slice_pipeline import ScoreCase, SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled

from ..nodes.volume_reader import VolumeSnapshot
from ..table.content import content_hash
from ..table.outcomes import SliceOutcome
from ..table.records import Key
from .admission import admit
from .result import JobResult


@dataclass(frozen=True)
class ScoreJob:
    """Score every slice of existing segments along one axis; slices whose content is in `known` are skipped."""

    volume: VolumeSnapshot
    pipelines: dict[str, SlicePipeline]
    """Of each segment."""
    axis: int
    segments: dict[str, LabelArray]
    known: dict[Key, str] = field(default_factory=dict)
    boxes: dict[Key, tuple[str, BoxPrompt]] = field(default_factory=dict)
    """key -> (content hash, box): unedited slices that came from a box are scored with it."""
    only: frozenset[Key] | None = None
    names: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each segment, for slices as they were read from a file."""
    allow_cropped: bool = False
    title: str = "Scoring"

    @property
    def encodes(self) -> None:
        return None

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Raises CancelledError."""
        progress(0.0, self.title)
        waiting: list[tuple[str, SlicePlane, np.ndarray, str, BoxPrompt | None]] = []
        admitted = admit(self.volume, self.segments, self.names, self.allow_cropped)
        total = sum(len(slice_range(self.volume, a, self.axis)) for a in admitted.segments.values())
        seen = unchanged = 0
        doubtful = _with_lines(self.segments) if self.only is None else {}

        def cases(pipeline: SlicePipeline) -> Iterator[ScoreCase]:
            nonlocal seen, unchanged
            for segment_id, array in admitted.segments.items():
                if self.pipelines[segment_id] is not pipeline:
                    continue
                for index in slice_range(self.volume, array, self.axis):
                    raise_if_cancelled(should_cancel)
                    seen += 1
                    plane = self.volume.plane(self.axis, index)
                    key = (segment_id, *plane.key)
                    if self.only is not None and key not in self.only:
                        continue
                    mask = array.slice(plane)
                    if not mask.any():
                        continue
                    content = content_hash(mask, self.volume.image_hash(plane))
                    if self.known.get(key) == content:
                        unchanged += 1
                        continue
                    prompted = self.boxes.get(key)
                    box = prompted[1] if prompted is not None and prompted[0] == content else None
                    waiting.append((segment_id, plane, mask, content, box))
                    yield self.volume.slice_input(plane), mask, box, self.names.get(segment_id, "")

        outcomes = []
        window = self.volume.window.describe()
        for pipeline in {id(p): p for p in self.pipelines.values()}.values():
            for estimate in pipeline.score(cases(pipeline), should_cancel=should_cancel):
                segment_id, plane, mask, content, box = waiting.pop(0)
                doubts = admitted.caveats[segment_id]
                if box is None:
                    doubts += self.doubts.get(segment_id, ()) + doubtful.get(segment_id, ())
                estimate = replace(estimate, caveats=tuple(dict.fromkeys((*estimate.caveats, *doubts))))
                outcomes.append(SliceOutcome(segment_id, plane, mask, estimate, content, window, box))
                progress(min(1.0, seen / max(1, total)), f"{self.title}: slice {plane.index}")
        raise_if_cancelled(should_cancel)
        progress(1.0, self.title)
        return JobResult(tuple(outcomes), message=admitted.message(len(outcomes), unchanged), problem=admitted.problem)


def _with_lines(segments: dict[str, LabelArray]) -> dict[str, tuple[str, ...]]:
    """A caveat for the segments that interpolation of a label map has left lines of."""
    layers = {id(a.array): a.array for a in segments.values()}
    values = {layer: interpolated_values(array) for layer, array in layers.items()}
    return {i: (INTERPOLATED,) for i, a in segments.items() if a.label in values[id(a.array)]}


def slice_range(volume: VolumeSnapshot, array: LabelArray, axis: int) -> range:
    """Slices of the volume that a segment's stored voxels can reach."""
    count = volume.dims[axis]
    if array.array.size == 0:
        return range(0)
    k, j, i = array.array.shape
    corners = np.array([[x, y, z, 1] for x in (-0.5, i - 0.5) for y in (-0.5, j - 0.5) for z in (-0.5, k - 0.5)])
    along = (corners @ (np.linalg.inv(volume.ijk_to_ras) @ array.array_to_ras).T)[:, axis]
    return range(max(0, int(np.floor(along.min()))), min(count, int(np.ceil(along.max())) + 1))
