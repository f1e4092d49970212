"""Two-dimensional pictures through Pillow: PNG, JPEG, WebP, TIFF, BMP."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.volume import Volume

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
_GREY = {"L", "I", "I;16", "I;16B", "I;16L", "F"}


def read_picture(path: Path) -> Volume:
    """A picture as [1, H, W] (8, 16 or 32 bit, float) or [1, H, W, 3 or 4]; turned upright as EXIF says.

    Raises ImageError for files that cannot be read, GeometryError for files of several pages.
    """
    pixels, mode = _open(path)
    if mode == "1":
        pixels = pixels.astype(np.uint8) * 255
    return Volume(pixels[None], planar=True, has_geometry=False, name=path.name)


def read_picture_labels(path: Path) -> np.ndarray:
    """A mask or label map as integers [H, W].

    Palette pictures give their indices. Grey pictures stored as RGB(A) give their grey. Files of lossy formats are
    black and white with noise: white is above the middle. Raises ImageError for colours, fractions, negative values.
    """
    pixels, mode = _open(path, palette=True)
    if mode == "1":
        return pixels.astype(np.uint8)
    if mode in ("LA", "RGBA", "RGB"):
        colors = pixels[..., : 1 if mode == "LA" else 3]
        if (colors != colors[..., :1]).any() and not _lossy(path):
            raise ImageError(f"{path.name} is a colour picture, not a mask; save the mask with one grey channel.")
        pixels = colors[..., 0] if colors.shape[-1] == 1 else np.median(colors, axis=-1)
    if _lossy(path):
        return (pixels > 127).astype(np.uint8)
    return pixels


def _open(path: Path, palette: bool = False) -> tuple[np.ndarray, str]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            frames = getattr(picture, "n_frames", 1)
            if frames > 1:
                raise GeometryError(
                    f"{path.name} has {frames} pages without a spacing; convert it to NRRD, NIfTI or MetaImage first."
                )
            upright = ImageOps.exif_transpose(picture) or picture
            if upright.mode == "P" and not palette:
                upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
            elif upright.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
                upright = upright.convert("RGB")
            if upright.mode not in _GREY | {"1", "P", "LA", "RGB", "RGBA"}:
                raise ImageError(f"{path.name} has the pixel type '{upright.mode}', which cannot be used.")
            pixels = np.asarray(upright)
            mode = upright.mode
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, ImageError | GeometryError):
            raise
        raise ImageError(f"{path} cannot be read as a picture ({error}).") from error
    if mode == "LA" and not palette:
        pixels = pixels[..., 0]
    return pixels, mode


def _lossy(path: Path) -> bool:
    if path.suffix.lower() in (".jpg", ".jpeg"):
        return True
    if path.suffix.lower() != ".webp":
        return False
    with path.open("rb") as file:
        return b"VP8L" not in file.read(64)
