"""2D images as masks: black and white, label values, palettes, an alpha channel; never grey levels by accident."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import ImageError
from .images_2d import TURNED, Image2D, open_image_2d

_DARK, _BRIGHT = 64, 192
"""Of images compressed with loss: black and white with noise lie beyond these."""

_BLACK, _WHITE = 24, 230
"""The middle of the dark values and of the bright ones: black and white, if only as video has them (16 to 235)."""

_BLOCKS = 17
"""Noise reaches one block of compression (8 pixels) away from an edge."""

_NOISE = 0.05
"""So much of a lossy mask's bright area may be grey away from its edge."""

_INVERTING = np.repeat(np.arange(255, -1, -1, dtype=np.uint8)[:, None], 3, axis=1)
"""ImageJ's inverting table: masks are 255, and shown black on white."""

FROM_ALPHA = "its mask was taken from the alpha channel; its colours say nothing."


def read_labels_2d(path: Path, threshold: float | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """(a mask or label map as integers [H, W], remarks). `threshold`: everything brighter is 1.

    Black-and-white palettes count by their grey, other palettes by their indices. Grey images stored as RGB(A) give
    their grey, an alpha channel counts when the colours say nothing. Files of lossy formats must be black and white.
    Raises ImageError for colours, for two masks in one file, for lossy files that are not black and white.
    """
    picture = open_image_2d(path, palette=True)
    values, remarks = _values(picture, path.name)
    if picture.white_is_zero and threshold is None:
        values, remarks = _as_stored(picture, values, path.name)
    if picture.turned:
        remarks = (*remarks, f"{path.name} {TURNED}.")
    if threshold is not None:
        return (values > threshold).astype(np.uint8), remarks
    if picture.mode == "1":
        return values.astype(np.uint8), remarks
    return (_black_and_white(values, path.name) if picture.lossy else values), remarks


def _values(picture: Image2D, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    pixels, mode = picture.pixels, picture.mode
    if mode == "P" and picture.palette is not None:
        return _of_palette(pixels, picture.palette, name)
    if mode not in ("LA", "RGB", "RGBA"):
        return pixels, ()
    colors = pixels[..., : 1 if mode == "LA" else 3]
    alpha = pixels[..., -1] if mode in ("LA", "RGBA") else None
    if alpha is not None and alpha.min() != alpha.max():
        if (colors == colors[0, 0]).all():
            return alpha, (f"{name}: {FROM_ALPHA}",)
        visible = np.where((alpha > 0)[..., None], colors, 0)
        if not np.array_equal(visible.any(axis=-1), colors.any(axis=-1)) or len(np.unique(alpha)) > 2:
            raise ImageError(
                f"{name} has a mask in its colours and another in its alpha channel; save the one that counts with "
                "one grey channel."
            )
    if (colors != colors[..., :1]).any():
        if not picture.lossy:
            raise ImageError(f"{name} is a colour image, not a mask; save the mask with one grey channel.")
        if np.ptp(colors.astype(int), axis=-1).max() > _DARK:
            raise ImageError(f"{name} is a colour photograph, not a mask; save the mask as PNG with one grey channel.")
    return colors[..., 0] if colors.shape[-1] == 1 else np.median(colors, axis=-1).astype(colors.dtype), ()


def _as_stored(picture: Image2D, values: np.ndarray, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The values of a file that stores white as zero as it stores them, where its program means them so.

    Raises ImageError where nobody can tell which end is the mask.
    """
    if not picture.program:
        raise ImageError(
            f"{name} stores white as its lowest value: nobody can tell whether its bright or its high pixels are the "
            "mask. Save it as PNG, white where the object is; --threshold 127 takes the bright ones."
        )
    top = 1 if picture.mode == "1" else int(np.iinfo(values.dtype).max)
    stored = (top - values.astype(np.uint32)).astype(np.uint8 if top == 1 else values.dtype)
    return stored, (f"{name}: the mask is where {picture.program} stored high values, which viewers show dark.",)


def _of_palette(indices: np.ndarray, palette: np.ndarray, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """(Indices as labels, remarks); but of two greys the brighter one is the mask, whatever their indices are."""
    used = np.flatnonzero(np.bincount(indices.ravel()))
    colors = palette[used].astype(int)
    if (colors != colors[:, :1]).any() or len(np.unique(colors[:, 0])) < len(used):
        return indices, ()
    if np.array_equal(palette, _INVERTING) and set(used) <= {0, 255}:
        return indices, (f"{name} has ImageJ's inverting table: its mask is what is shown black.",)
    grays = colors[:, 0]
    if len(used) <= 2 or (np.diff(grays) == np.diff(used)).all():
        turned = len(used) == 2 and grays[0] > grays[1]
        said = (f"{name}: its palette shows low values bright; the bright pixels were taken for the mask.",)
        return palette[:, 0][indices], said if turned else ()
    if (np.diff(grays) > 0).all():
        return indices, ()
    raise ImageError(
        f"{name} has a grey palette whose order is not that of its values: is the grey meant, or the value? Save it "
        "without a palette."
    )


def _black_and_white(values: np.ndarray, name: str) -> np.ndarray:
    """0 and 1 from a mask that was compressed with loss. Raises ImageError when it was none."""
    mask = values > 127
    if values.max() < _DARK and values.min() == values.max():
        return mask.astype(np.uint8)  # nothing in it
    remedy = "save the mask as PNG"
    if values.max() < _BRIGHT:
        raise ImageError(
            f"{name} was compressed with loss and holds values up to {int(values.max())}: labels do not survive that; "
            f"{remedy}."
        )
    from scipy.ndimage import maximum_filter, minimum_filter

    edge = (maximum_filter(values, _BLOCKS) >= _BRIGHT) & (minimum_filter(values, _BLOCKS) <= _DARK)
    away = ~edge & (values > _BLACK) & (values < _WHITE)
    dark = np.median(values[values <= _DARK]) if (values <= _DARK).any() else 0
    pale = dark > _BLACK or np.median(values[values >= _BRIGHT]) < _WHITE
    if pale or away.sum() > _NOISE * max(int(mask.sum()), 20):
        raise ImageError(
            f"{name} is not black and white (a photograph, labels, or a soft mask, compressed with loss); {remedy}, "
            "or name a --threshold."
        )
    return mask.astype(np.uint8)
