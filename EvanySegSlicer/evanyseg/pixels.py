"""Gray pixels shown as colors: networks and reports take three channels."""

from __future__ import annotations

import numpy as np


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """[H, W, 3] of pixels [H, W], [H, W, 1] (gray, three times) or [H, W, 3] (as they are, not copied)."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
