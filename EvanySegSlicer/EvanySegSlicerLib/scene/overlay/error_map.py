"""Where a mask is probably wrong: false positive and false negative probabilities of one slice, in its foreground.

Codes 1..100: a pixel of the mask is wrong with that percentage; 101..200: a pixel outside is missing.
"""

from __future__ import annotations

import numpy as np

from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.results import QualityEstimate

from ..nodes.session_node import SessionNode
from .code_volume import CODES
from .slice_map import SliceMap

NAME = "EvanySeg error map"
FALSE_POSITIVE_COLOR, FALSE_POSITIVE_WORD = (0.8, 0.0, 0.5), "magenta"
FALSE_NEGATIVE_COLOR, FALSE_NEGATIVE_WORD = (0.0, 0.75, 0.85), "cyan"
LEGEND = [("probably too much", FALSE_POSITIVE_COLOR), ("probably missing", FALSE_NEGATIVE_COLOR)]
"""For `ViewLabels.show_legend`, in place of the bands' (whose pink of edited slices looks like the magenta)."""

IN_WORDS = (
    f"{FALSE_POSITIVE_WORD.capitalize()}: probably too much. {FALSE_NEGATIVE_WORD.capitalize()}: probably missing."
)

FLOOR = 0.05
"""Probabilities below this stay transparent: they would only tint the whole slice."""


def error_codes(estimate: QualityEstimate) -> np.ndarray | None:
    """uint8 [H, W], the larger of the two wins; None when the estimate has no maps."""
    if estimate.false_positive is None or estimate.false_negative is None:
        return None
    wrong, missing = (np.nan_to_num(m, nan=0.0) for m in (estimate.false_positive, estimate.false_negative))
    code = np.where(missing > wrong, 100 + np.rint(100 * missing.clip(0, 1)), np.rint(100 * wrong.clip(0, 1)))
    return np.where(np.maximum(wrong, missing) >= FLOOR, code, 0).astype(np.uint8)


class ErrorMapOverlay(SliceMap):
    """Shows one slice's error map before everything else; `remove` puts back what was in the foreground."""

    def __init__(self, session: SessionNode, opacity: float = 0.6) -> None:
        super().__init__(session, NAME, _colors(), opacity)

    def show(self, plane: SlicePlane, estimate: QualityEstimate) -> bool:
        """Show the maps of `estimate`, made on `plane`; False (and nothing shown) when it has none."""
        codes = error_codes(estimate)
        if codes is None:
            self.remove()
            return False
        self.show_codes(plane, codes)
        return True


def _colors() -> np.ndarray:
    """RGBA [256, 4]: the more probable, the more opaque."""
    table = np.zeros((CODES, 4))
    for first, color in ((1, FALSE_POSITIVE_COLOR), (101, FALSE_NEGATIVE_COLOR)):
        table[first : first + 100, :3] = color
        table[first : first + 100, 3] = np.arange(1, 101) / 100
    return table
