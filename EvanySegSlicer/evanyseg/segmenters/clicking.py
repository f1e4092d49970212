"""Which segmenters can say where the next click would tell most, and which of their masks are alternatives."""

from __future__ import annotations

import numpy as np

from ..errors import UnsupportedPromptError
from ..protocols import Segmenter
from ..results import Candidates
from .prompted import Capabilities

SAMS_MASKS = 4
"""So many masks SAM answers with: the single mask first, which is no alternative to the other three."""
OTHERS = "choose the built-in segmenter, SAM, MobileSAM, SAM 2.1 or SAM-Med2D."


def check_clicks(segmenter: Segmenter) -> None:
    """Raises UnsupportedPromptError for a segmenter that was not trained with points of both kinds or not with several
    mask heads: the disagreement of heads that were never trained means nothing (the paper shows it for MedSAM)."""
    able = _capabilities(segmenter)
    why = ""
    if not segmenter.supports_points:
        why = "it was trained with boxes only"
    elif able is not None and not (able.negative_points and able.several_points):
        why = "it was trained with one positive point only"
    elif able is not None and able.alternatives < 2:
        why = "it has one trained mask head, and one has nothing to disagree with"
    if why:
        raise UnsupportedPromptError(f"{segmenter.name} cannot say where to click next: {why}; {OTHERS}")


def alternatives(segmenter: Segmenter, candidates: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """(logits [K, H, W] with zero at the mask's edge, predicted IoU [K]) of the masks that are alternatives to each
    other. Raises UnsupportedPromptError where there are fewer than two, or none with a trained IoU head."""
    check_clicks(segmenter)
    able, count = _capabilities(segmenter), len(candidates.logits)
    first = 1 - able.first if able is not None else int(count == SAMS_MASKS)
    logits, iou = candidates.logits[first:] - candidates.threshold, candidates.predicted_iou[first:]
    if len(logits) < 2 or not np.isfinite(iou).any():
        raise UnsupportedPromptError(
            f"{segmenter.name} cannot say where to click next: it gives {len(logits)} mask{'s' * (len(logits) != 1)} "
            f"of trained heads; {OTHERS}"
        )
    return logits, iou


def _capabilities(segmenter: Segmenter) -> Capabilities | None:
    """None for segmenters of other packages, which need not tell."""
    found = getattr(segmenter, "capabilities", None)
    return found if isinstance(found, Capabilities) else None
