"""Images of slices with outlines, as PNG bytes. Pillow and numpy only."""

from __future__ import annotations

import base64
import io

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion

from ..bands import BAND_COLORS, QualityBand
from ..prompts import BoxPrompt

SIDE = 300
_CONTEXT = 2.2
_BOX_COLOR = (255, 255, 255)


def slice_image(
    rgb: np.ndarray,
    mask: np.ndarray,
    band: QualityBand,
    spacing: tuple[float, float] = (1.0, 1.0),
    box: BoxPrompt | None = None,
    side: int = SIDE,
) -> np.ndarray:
    """uint8 RGB image of a slice uint8 [H, W, 3] in the display frame, `spacing` (row mm, column mm): cropped around
    the object, square pixels, the mask [H, W] outlined in its band's colour, the box dashed in white."""
    region = _region(mask, box, rgb.shape[:2])
    y, x = region
    size = _target(y.stop - y.start, x.stop - x.start, spacing, side)
    picture = _resized(rgb[y, x], size, smooth=True)
    big = _resized(mask[y, x].astype(np.uint8) * 255, size, smooth=True) > 127
    picture = outlined(picture, big, band, width=2)
    if box is not None:
        scale = (size[0] / (y.stop - y.start), size[1] / (x.stop - x.start))
        _dashed(picture, box, (y.start, x.start), scale)
    return picture


def outlined(picture: np.ndarray, mask: np.ndarray, band: QualityBand, width: int = 1) -> np.ndarray:
    """A copy of an image uint8 [H, W, 3] with the inner border of the mask [H, W] in the band's colour."""
    line = mask & ~binary_erosion(mask, iterations=width, border_value=0)
    out = picture.copy()
    if width > 1:  # a thin dark rim keeps pale colours visible on bright tissue
        out[binary_dilation(mask) & ~mask] //= 4
    out[line] = [round(255 * c) for c in BAND_COLORS[band]]
    return out


def png(picture: np.ndarray) -> bytes:
    """PNG file of uint8 [H, W] or [H, W, 3]."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def data_uri(picture: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode("ascii")


def _region(mask: np.ndarray, box: BoxPrompt | None, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The object with context; the whole slice when that is most of it anyway or when there is nothing to see."""
    around = BoxPrompt.of_mask(mask) or box
    if around is None:
        return slice(0, shape[0]), slice(0, shape[1])
    if box is not None:
        around = BoxPrompt(
            min(around.x0, box.x0), min(around.y0, box.y0), max(around.x1, box.x1), max(around.y1, box.y1)
        )
    half = max(_CONTEXT * max(around.width, around.height), 48.0) / 2
    if 2 * half > 0.8 * min(shape[:2]):
        return slice(0, shape[0]), slice(0, shape[1])
    cx, cy = (around.x0 + around.x1) / 2, (around.y0 + around.y1) / 2
    y0, x0 = max(0, round(cy - half)), max(0, round(cx - half))
    return slice(y0, min(shape[0], round(cy + half))), slice(x0, min(shape[1], round(cx + half)))


def _target(height: int, width: int, spacing: tuple[float, float], side: int) -> tuple[int, int]:
    h, w = height * spacing[0], width * spacing[1]
    scale = side / max(h, w)
    return max(1, round(h * scale)), max(1, round(w * scale))


def _resized(pixels: np.ndarray, size: tuple[int, int], smooth: bool) -> np.ndarray:
    from PIL import Image

    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), how))


def _dashed(picture: np.ndarray, box: BoxPrompt, origin: tuple[int, int], scale: tuple[float, float]) -> None:
    height, width = picture.shape[:2]
    x0, x1 = (round((x - origin[1]) * scale[1]) for x in (box.x0, box.x1))
    y0, y1 = (round((y - origin[0]) * scale[0]) for y in (box.y0, box.y1))
    x0, x1 = (min(max(v, 0), width - 1) for v in (x0, x1))
    y0, y1 = (min(max(v, 0), height - 1) for v in (y0, y1))
    along_x, along_y = np.arange(x0, x1 + 1), np.arange(y0, y1 + 1)
    along_x, along_y = along_x[along_x % 8 < 5], along_y[along_y % 8 < 5]
    for y in (y0, y1):
        picture[y, along_x] = _BOX_COLOR
    for x in (x0, x1):
        picture[along_y, x] = _BOX_COLOR
