"""Controls: parts of the input taken away, so that it shows what an estimator needs them for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from evanyseg.prompts import MIN_SIDE, BoxPrompt
from evanyseg.results import QualityCase

from .cases import CaseSet


def _other_image(case: QualityCase, other: QualityCase) -> QualityCase:
    size = case.image.shape[1::-1]
    return replace(case, image=cv2.resize(other.image, size, interpolation=cv2.INTER_AREA))


def _no_image(case: QualityCase, other: QualityCase) -> QualityCase:
    return replace(case, image=np.full_like(case.image, 128))


def _no_mask(case: QualityCase, other: QualityCase) -> QualityCase:
    if case.box is None:
        return case
    mask = np.zeros_like(case.mask)
    x0, y0, x1, y1 = (max(round(v), 0) for v in case.box.as_tuple())
    mask[y0:y1, x0:x1] = True
    return replace(case, mask=mask)


def _mask_box(case: QualityCase, other: QualityCase) -> QualityCase:
    mask_box = BoxPrompt.of_mask(case.mask)
    usable = mask_box is not None and min(mask_box.width, mask_box.height) >= MIN_SIDE  # a smaller box is no prompt
    return replace(case, box=mask_box if usable else case.box)


CONTROLS: dict[str, Callable[[QualityCase, QualityCase], QualityCase]] = {
    "image shuffled": _other_image,
    "mask only": _no_image,
    "image only": _no_mask,
    "box zeroed": _mask_box,
}
"""What is taken away: the image of another case; no image; the box filled instead of the mask; the mask's bounding box
box given as if it were the prompt."""


def controlled(cases: CaseSet, control: str, seed: int = 5) -> Iterator[QualityCase]:
    """The cases in mode 'box' with a control applied; for 'image shuffled' the other image is a random case's."""
    order = np.random.default_rng(seed).permutation(len(cases))
    for i, case in enumerate(cases.quality_cases("box")):
        other = case
        if control == "image shuffled":
            j = int(order[i])
            other = QualityCase(cases.image(j), cases.mask(j))
        yield CONTROLS[control](case, other)
