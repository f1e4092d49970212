"""The main job on one slice and along a stack: segment, choose, score, propagate. Arrays in, arrays out.

Front ends give slices in the volume's own pixels; this module resamples to square pixels for the models and back, so
that no caller ever sees another grid than its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import EvanySegError
from ..geometry.square_grid import SquareGrid
from ..prompts import BoxPrompt, PointPrompt
from ..protocols import QualityEstimator, Segmenter, ShouldCancel, never_cancel, raise_if_cancelled
from ..quality.cases import cases_of_image
from ..results import Candidates, Caveat, Embedding, QualityCase, QualityEstimate
from .continuity import Continuity
from .embedding_cache import EmbeddingCache
from .intensity import IntensityWindow, image_caveats


@dataclass(frozen=True)
class SliceInput:
    """One slice: pixels [H, W] or [H, W, 3 or 4] as stored, spacing (row mm, column mm), the intensity window.

    `key` identifies the content for the embedding cache (None: do not cache).
    """

    pixels: np.ndarray
    window: IntensityWindow
    spacing: tuple[float, float] = (1.0, 1.0)
    key: Hashable | None = None

    @property
    def grid(self) -> SquareGrid:
        height, width = self.pixels.shape[:2]
        return SquareGrid((height, width), self.spacing)

    def model_image(self) -> np.ndarray:
        """uint8 RGB [h, w, 3] with square pixels."""
        return self.grid.image(self.window.apply(self.pixels))


ScoreCase = tuple[SliceInput, np.ndarray, BoxPrompt | None] | tuple[SliceInput, np.ndarray, BoxPrompt | None, str]
"""A slice, a mask bool [H, W], the box that it was made with or None; what it is meant to be, where that is known."""


@dataclass(frozen=True)
class SliceResult:
    """Masks bool [K, H, W] of one prompt with an estimate each; `chosen` is the one to keep.

    Estimates carry error maps [H, W] for the chosen one when asked for. `candidates` is the segmenter's raw answer on
    the square grid (its low-resolution logits refine the next prompt).
    """

    masks: np.ndarray
    estimates: tuple[QualityEstimate, ...]
    chosen: int
    box: BoxPrompt | None
    candidates: Candidates

    @property
    def mask(self) -> np.ndarray:
        return self.masks[self.chosen]

    @property
    def estimate(self) -> QualityEstimate:
        return self.estimates[self.chosen]


class SlicePipeline:
    """Ties one segmenter (optional), one estimator and the embedding cache; holds no other state."""

    def __init__(
        self, estimator: QualityEstimator, segmenter: Segmenter | None = None, cache: EmbeddingCache | None = None
    ) -> None:
        self.estimator = estimator
        self.segmenter = segmenter
        self.cache = cache if cache is not None else EmbeddingCache()  # an empty cache is falsy

    def _segmenter(self) -> Segmenter:
        if self.segmenter is None:
            raise EvanySegError("No segmenter is loaded; choose one first.")
        return self.segmenter

    def embed(self, slice_: SliceInput, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        """The slice's embedding, from the cache if it is there (call it to prefetch a neighbour)."""
        segmenter = self._segmenter()
        make = lambda: segmenter.embed(slice_.model_image(), should_cancel)
        if slice_.key is None:
            return make()
        # by device as well: what one has encoded another cannot use
        key = (segmenter.name, segmenter.device, slice_.window, slice_.spacing, slice_.key)
        return self.cache.get_or_make(key, make)

    def segment(
        self,
        slice_: SliceInput,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        maps: bool = False,
        should_cancel: ShouldCancel = never_cancel,
        label: str = "",
    ) -> SliceResult:
        """Segment and score one slice from a box and/or points in the slice's own pixels.

        The candidate with the highest predicted Dice is chosen. label: what it is meant to be, for estimators that ask.
        Raises PromptError, CancelledError.
        """
        grid = slice_.grid
        known = image_caveats(slice_.pixels)
        if box is not None:
            asked, box = box, box.validated(grid.shape)
            known += (Caveat.BOX_OFF_IMAGE,) * (asked != box)
        points = [p.validated(grid.shape) for p in points]
        embedding = self.embed(slice_, should_cancel)
        raise_if_cancelled(should_cancel)
        square_box = grid.box(box) if box is not None else None
        candidates = self._segmenter().segment(
            embedding, square_box, [grid.point(p) for p in points], mask_input, should_cancel
        )
        raise_if_cancelled(should_cancel)
        masks = grid.back(candidates.logits) > candidates.threshold
        image, square_masks = slice_.model_image(), candidates.masks
        cases = cases_of_image(image, square_masks, [square_box] * len(masks), label)
        estimates = [_with_caveats(e, known) for e in self.estimator.estimate_cases(cases, False, should_cancel)]
        chosen = best_of(estimates, fallback=candidates.best)
        if maps:
            mapped = next(iter(self.estimator.estimate_cases([cases[chosen]], True, should_cancel)))
            estimates[chosen] = _maps_back(_with_caveats(mapped, known), grid)
        return SliceResult(masks, tuple(estimates), chosen, box, candidates)

    def score(
        self,
        cases: Iterable[ScoreCase],
        maps: bool = False,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Iterator[QualityEstimate]:
        """Estimates of cases, in order, batched across slices, lazily.

        Several masks of one slice in a row should come with the same SliceInput object: its image is made once.
        """
        grids: deque[SquareGrid] = deque()

        def prepared() -> Iterator[QualityCase]:
            last: SliceInput | None = None
            for slice_, mask, box, *told in cases:
                if slice_ is not last:
                    last, grid = slice_, slice_.grid
                    image, known = slice_.model_image(), image_caveats(slice_.pixels)
                grids.append(grid)
                yield QualityCase(image, grid.mask(mask), grid.box(box) if box else None, known, *told)

        for estimate in self.estimator.estimate_cases(prepared(), maps, should_cancel):
            yield _maps_back(estimate, grids.popleft())

    def propagate(
        self,
        slice_at: Callable[[int], SliceInput],
        start: int,
        mask: np.ndarray,
        stop: int,
        stop_below: float = 0.5,
        grow: float = 1.06,
        should_cancel: ShouldCancel = never_cancel,
        label: str = "",
    ) -> Iterator[tuple[int, SliceResult]]:
        """Carry a mask from slice `start` towards `stop` (exclusive; either direction), one slice at a time.

        Each slice is prompted with the previous mask's box times `grow`; of its candidates the one is kept that is
        good and most like the previous mask. Ends before the first slice whose mask is empty, whose predicted Dice is
        below `stop_below` (or its interval reaches below half of that), or that does not look like the object any
        more (`continuity`): nothing of that slice is yielded.
        """
        step = 1 if stop > start else -1
        first = slice_at(start)
        same = Continuity(first.window.apply(first.pixels), mask)
        for index in range(start + step, stop, step):
            box = BoxPrompt.of_mask(mask)
            if box is None:
                return
            slice_ = slice_at(index)
            try:
                usable = box.scaled(grow).validated(slice_.pixels.shape)
            except EvanySegError:  # the object left the image
                return
            result = _most_like(same, self.segment(slice_, usable, should_cancel=should_cancel, label=label))
            if not result.estimate.dice >= stop_below or result.estimate.low < stop_below / 2:
                return
            if not same.accepts(slice_.window.apply(slice_.pixels), result.mask):
                return
            yield index, result
            mask = result.mask


def best_of(estimates: Sequence[QualityEstimate], fallback: int = 0) -> int:
    """Index of the highest predicted Dice; `fallback` when none is scored. Ties go to the first."""
    scores = [e.dice if e.scored else -1.0 for e in estimates]
    return int(np.argmax(scores)) if max(scores, default=-1.0) >= 0 else fallback


def _most_like(same: Continuity, result: SliceResult) -> SliceResult:
    """Along a stack the previous slice says which of several plausible objects is meant."""
    fit = [same.shared(m) + (e.dice if e.scored else -1.0) for m, e in zip(result.masks, result.estimates, strict=True)]
    return replace(result, chosen=int(np.argmax(fit)))


def _with_caveats(estimate: QualityEstimate, known: tuple[str, ...]) -> QualityEstimate:
    if not known:
        return estimate
    return replace(estimate, caveats=tuple(dict.fromkeys(known + estimate.caveats)))


def _maps_back(estimate: QualityEstimate, grid: SquareGrid) -> QualityEstimate:
    wrong, lacking = estimate.false_positive, estimate.false_negative
    if grid.identity or (wrong is None and lacking is None):
        return estimate
    return replace(
        estimate,
        false_positive=None if wrong is None else grid.back(wrong),
        false_negative=None if lacking is None else grid.back(lacking),
    )
