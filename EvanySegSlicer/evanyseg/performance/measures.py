"""The six metrics of a pair of masks that SPE estimates, on the working grid."""

from __future__ import annotations

import numpy as np

from ..metrics.surface import surface_scores

MEASURES = ("dice", "jaccard", "precision", "recall", "correlation", "hd95")
"""All but the last in [0, 1] (correlation: [-1, 1]), more is better; hd95 in pixels of the working grid, less is
better."""
WORDS = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "precision": "Precision",
    "recall": "Recall",
    "correlation": "Pixel correlation",
    "hd95": "HD95 (pixels of the working grid)",
}


def measures_of(mask: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """float64 [6] of bool masks [H, W]. Two empty masks agree (1, and 0 for hd95). With one of them empty overlaps and
    correlation are 0 and hd95 is the diagonal of the grid: a model that finds nothing must not gain by it."""
    both, of_mask, of_truth = (int(np.count_nonzero(part)) for part in (mask & truth, mask, truth))
    if not of_mask and not of_truth:
        return np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    if not of_mask or not of_truth:
        return np.array([0.0, 0.0, 0.0, 0.0, 0.0, float(np.hypot(*mask.shape))])
    scores = surface_scores(mask, truth)
    union = of_mask + of_truth - both
    r = _correlation(both / mask.size, of_mask / mask.size, of_truth / mask.size)
    return np.array([scores.dice, both / union, both / of_mask, both / of_truth, r, scores.hd95])


def _correlation(both: float, of_mask: float, of_truth: float) -> float:
    """Pearson correlation of two 0/1 pictures from their shares; a full one orders nothing: 1 if both are, else 0."""
    spread = of_mask * (1 - of_mask) * of_truth * (1 - of_truth)
    if spread <= 0:
        return float(of_mask == of_truth)
    return float((both - of_mask * of_truth) / np.sqrt(spread))


def measured(masks: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """float64 [N, 6] of bool masks [N, H, W] against truths [N, H, W]."""
    return np.array([measures_of(mask, truth) for mask, truth in zip(masks, truths, strict=True)]).reshape(
        -1, len(MEASURES)
    )
