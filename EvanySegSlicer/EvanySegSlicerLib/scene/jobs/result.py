"""What every job is and gives: made on the main thread from snapshots, run anywhere, applied by `ReviewSession`.

A job's `run` touches arrays and models only, so that a worker thread may run it while the scene changes or closes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SliceResult
from evanyseg.prompts import PointPrompt
from evanyseg.protocols import Progress, ShouldCancel

from ..nodes.volume_reader import VolumeSnapshot
from ..table.outcomes import SliceOutcome


@dataclass(frozen=True)
class JobResult:
    """Outcomes to apply; `prompted`: the segmenter's full answer to a box and `points` that refined `mask_input`
    (candidates, low-resolution logits);
    `message`: one sentence for the status line; `problem`: what could not be done, and why, though the rest was."""

    outcomes: tuple[SliceOutcome, ...]
    prompted: SliceResult | None = None
    message: str = ""
    problem: str = ""
    points: tuple[PointPrompt, ...] = ()
    mask_input: np.ndarray | None = None


class SliceJob(Protocol):
    """The heavy middle of an action of the review."""

    @property
    def title(self) -> str:
        """For the progress line."""

    @property
    def volume(self) -> VolumeSnapshot:
        """The image that it works on."""

    @property
    def encodes(self) -> SlicePlane | None:
        """The one slice whose embedding it needs (prefetching of others gives way); None for jobs on many slices."""

    def run(self, progress: Progress, should_cancel: ShouldCancel) -> JobResult:
        """Writes nothing. Raises PromptError, CancelledError."""
