"""Before the network: what makes a case unusable, what makes it doubtful, and its input if it can be scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import ImageError
from ..prompts import BoxPrompt
from ..protocols import ShouldCancel, never_cancel
from ..results import Caveat, QualityCase, QualityEstimate
from .context import ContextInput, ContextWindow, WindowImage, context_input
from .doubts import doubts_about_mask

MOST_WINDOWS = 64
"""So many windows of one image are remembered at most: masks of one box come together."""


@dataclass(frozen=True)
class PreparedCase:
    """`seen` is None for a case that cannot be scored. `empty`: the mask is empty and has a box (Dice 0 is certain)."""

    seen: ContextInput | None
    mask: np.ndarray
    caveats: tuple[str, ...]
    has_box: bool
    empty: bool
    diagonal: float


def cases_of_image(
    image: np.ndarray, masks: np.ndarray, boxes: Sequence[BoxPrompt | None] | None = None, label: str = ""
) -> list[QualityCase]:
    """A case for each of masks bool [N, H, W] of image uint8 [H, W, 3]; boxes: one per mask, None = the mask's bounding
    box; label: what all of them are meant to be.

    Raises ImageError for other shapes, and when boxes and masks are not as many.
    """
    masks = np.asarray(masks)
    if masks.ndim != 3:
        raise ImageError(f"Masks must be [N, H, W], got {list(masks.shape)}.")
    given = [None] * len(masks) if boxes is None else list(boxes)
    if len(given) != len(masks):
        raise ImageError(f"There are {len(masks)} masks but {len(given)} boxes; give one box (or None) per mask.")
    return [QualityCase(image, mask, box, label=label) for mask, box in zip(masks, given, strict=True)]


class CaseEstimator:
    """The half of `protocols.QualityEstimator` that follows from the other: a class says how cases are scored."""

    def estimate(
        self,
        image: np.ndarray,
        masks: np.ndarray,
        boxes: Sequence[BoxPrompt | None] | None = None,
        maps: bool = False,
        should_cancel: ShouldCancel = never_cancel,
    ) -> list[QualityEstimate]:
        """Score masks bool [N, H, W] of one image uint8 [H, W, 3]. Raises ImageError, PromptError, CancelledError."""
        return list(self.estimate_cases(cases_of_image(image, masks, boxes), maps, should_cancel))

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """Estimates in order, lazily."""
        raise NotImplementedError


def checked_image(image: np.ndarray) -> tuple[str, ...]:
    """Caveats of an image; raises ImageError when it is not uint8 [H, W, 3] with at least 2 x 2 pixels."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(
            f"The estimator needs an 8-bit RGB image [H, W, 3], got {image.dtype} {list(image.shape)}; apply an "
            "intensity preset first."
        )
    if min(image.shape[:2]) < 2:
        raise ImageError(f"An image of {image.shape[1]} x {image.shape[0]} pixels is too small to be scored.")
    return (Caveat.CONSTANT_IMAGE,) if image.min() == image.max() else ()


@dataclass
class CaseImage:
    """The image that cases are about, its caveats, and what windows of it show (made once for all masks of a box)."""

    image: np.ndarray
    caveats: tuple[str, ...]
    windows: dict[ContextWindow, WindowImage] = field(default_factory=dict)

    @classmethod
    def of(cls, image: np.ndarray) -> CaseImage:
        """Raises ImageError."""
        return cls(image, checked_image(image))


def checked_case(case: QualityCase, of_image: tuple[str, ...]) -> tuple[np.ndarray, BoxPrompt | None, tuple[str, ...]]:
    """(mask bool, box inside the image, caveats) of a case whose image has these caveats.

    Raises ImageError for a mask of another shape than its image, PromptError for an unusable box.
    """
    mask = np.asarray(case.mask)
    if mask.shape != case.image.shape[:2]:
        raise ImageError(
            f"The mask has {list(mask.shape)} pixels and its image {list(case.image.shape[:2])}; they must be the same."
        )
    mask = mask if mask.dtype == bool else mask > 0
    caveats = [*case.caveats, *of_image]
    box = None
    if case.box is not None:
        box = case.box.validated(mask.shape)
        if box != case.box:
            caveats.append(Caveat.BOX_OFF_IMAGE)
    return mask, box, tuple(dict.fromkeys([*caveats, *doubts_about_mask(mask, box)]))


def prepare(case: QualityCase, of_image: CaseImage, size: int, factors: tuple[float, float]) -> PreparedCase:
    """The network's input of a case. factors: window factor with and without a box.

    Raises ImageError for a mask of another shape than its image, PromptError for an unusable box.
    """
    mask, box, caveats = checked_case(case, of_image.caveats)
    mask_box = BoxPrompt.of_mask(mask)
    if mask_box is None and box is None:
        return PreparedCase(None, mask, caveats, False, True, 0.0)
    if len(of_image.windows) >= MOST_WINDOWS:
        of_image.windows.clear()
    factor = factors[0] if box else factors[1]
    seen = context_input(case.image, mask, box, factor, size, mask_box, of_image.windows)
    around = box or mask_box
    assert around is not None
    diagonal = float(np.hypot(around.width, around.height))
    return PreparedCase(seen, mask, caveats, box is not None, mask_box is None, diagonal)
