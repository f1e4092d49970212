"""The two collaborators everything else is built on. Implementations are registered in `registry`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from .errors import CancelledError
from .prompts import BoxPrompt, PointPrompt
from .results import Candidates, Embedding, QualityCase, QualityEstimate

Progress = Callable[[float, str], None]
"""Called with a fraction in [0, 1] and a short phrase."""

ShouldCancel = Callable[[], bool]
"""Polled often; True means: stop now, write nothing (the callee raises CancelledError)."""


def no_progress(fraction: float, what: str) -> None:
    """The default Progress: silence."""


def part_of(progress: Progress, begin: float, share: float) -> Progress:
    """The progress of a part that begins at a fraction and takes a share of the whole."""
    return lambda fraction, what: progress(begin + share * fraction, what)


def never_cancel() -> bool:
    """The default ShouldCancel."""
    return False


def raise_if_cancelled(should_cancel: ShouldCancel) -> None:
    if should_cancel():
        raise CancelledError("Cancelled; nothing was changed.")


@runtime_checkable
class Segmenter(Protocol):
    """A SAM variant: image once, prompts many times."""

    name: str
    device: str
    supports_points: bool
    supports_boxes: bool

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        """Encode image uint8 [H, W, 3]. Raises ImageError, CancelledError."""

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        """Masks for one prompt in pixels of the embedded image; `mask_input`: one low-resolution logit map [h, w]
        of an earlier answer to refine. Raises PromptError, UnsupportedPromptError, CancelledError."""


@runtime_checkable
class QualityEstimator(Protocol):
    """Predicts the Dice of a mask without ground truth."""

    name: str
    level: float

    @property
    def device(self) -> str:
        """Where it runs now: it changes when memory runs out and the CPU takes over."""

    def estimate(
        self,
        image: np.ndarray,
        masks: np.ndarray,
        boxes: Sequence[BoxPrompt | None] | None = None,
        maps: bool = False,
        should_cancel: ShouldCancel = never_cancel,
    ) -> list[QualityEstimate]:
        """Score masks bool [N, H, W] of one image uint8 [H, W, 3]; boxes: one per mask, None = the mask's bounding box.
        `maps`: also return the error maps at image resolution. Raises ImageError, CancelledError."""

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """The same over cases of many images, batched across them, in order, lazily."""
