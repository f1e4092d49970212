"""Overlap and surface distances of two masks. Surface metrics are MONAI's."""

from __future__ import annotations

import numpy as np


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Dice of two bool masks of one shape; 1 when both are empty, 0 when one is."""
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 1.0 if total == 0 else 2.0 * int(np.count_nonzero(a & b)) / total


def dice_of_iou(iou: np.ndarray) -> np.ndarray:
    """2u / (1 + u)."""
    return 2 * iou / (1 + iou)


def surface_metrics(mask: np.ndarray, truth: np.ndarray, tolerance: float = 2.0) -> tuple[float, float]:
    """(95th percentile Hausdorff distance in pixels, normalised surface Dice at `tolerance` pixels) of bool [H, W].

    With one mask empty: (image diagonal, 0); with both: (0, 1).
    """
    if not mask.any() or not truth.any():
        both = not mask.any() and not truth.any()
        return (0.0, 1.0) if both else (float(np.hypot(*mask.shape)), 0.0)
    import torch
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    joint = mask | truth
    rows, cols = np.flatnonzero(joint.any(1)), np.flatnonzero(joint.any(0))
    window = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(cols[0] - 1, 0) : cols[-1] + 2]
    a, b = (torch.from_numpy(np.ascontiguousarray(m[window]))[None, None].float() for m in (mask, truth))
    hd95 = compute_hausdorff_distance(a, b, include_background=True, percentile=95)
    nsd = compute_surface_dice(a, b, class_thresholds=[tolerance], include_background=True)
    return float(hd95), float(nsd)
