"""A baseline: reverse classification by registration. A mask is as good as what it makes of the references.

Valindria et al., arXiv 1702.03407: the scored image with its mask is an atlas of one; registered to each reference it
segments that, and the best Dice with a reference's truth is the prediction. Both images are cropped to twice the box.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evanyseg.overlap import dice
from evanyseg.performance.reverse.protocol import ReverseEngine

from .measuring import CELLS, TRUTH, MeasuredSet

FINER = 2
"""The engine's masks have twice the cells of its images."""


def reverse_dice(data: MeasuredSet, rows: np.ndarray, subjects: Sequence[int], engine: ReverseEngine) -> np.ndarray:
    """float64 [M] of the masks in `rows`; subjects: whose first objects are the references."""
    truths = np.flatnonzero((data.kind == TRUTH) & np.isin(data.subject, subjects))
    truths = truths[np.unique(data.subject[truths], return_index=True)[1]]
    references = data.object[truths]
    target = engine.describe(_colored(data.windows[references]))
    known = _finer(data.mask(truths))
    out = np.full(len(rows), np.nan)
    for one in np.unique(data.object[rows]):
        segment = engine.taught(engine.describe(_colored(data.windows[[one]])), target)
        for at in np.flatnonzero(data.object[rows] == one):
            made = segment(_finer(data.mask(rows[[at]])))
            out[at] = max(dice(mask, truth) for mask, truth in zip(made, known, strict=True))
    return out


def _colored(windows: np.ndarray) -> np.ndarray:
    return np.repeat(windows[..., None], 3, axis=-1)


def _finer(masks: np.ndarray) -> np.ndarray:
    """bool [N, 128, 128] of masks [N, 64, 64]."""
    assert masks.shape[-1] == CELLS
    return masks.repeat(FINER, axis=1).repeat(FINER, axis=2)
