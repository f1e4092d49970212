"""Two-dimensional images through Pillow: PNG, JPEG, WebP, TIFF, BMP; 16-bit colours through SimpleITK.

Pillow keeps 8 bits of every colour channel: 12 bits stored in 16 would come out nearly black.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.volume import ImageSource, Volume
from .tiff import as_stored, channels_of_tiff, made_of, program_that_means_its_values, white_is_zero

MOST_PIXELS = 500_000_000
"""Images with more would need more memory than most machines have."""

TURNED = "was turned upright, as its EXIF tag tells"

_GRAY = {"L", "I", "I;16", "I;16B", "I;16L", "F"}
_ORIENTATION = 0x0112
_COLOR = {"LA", "RGB", "RGBA"}


@dataclass(frozen=True)
class Image2D:
    """pixels [H, W] or [H, W, C], upright and bright where the image is; mode: Pillow's name for what they are;
    palette: RGB [N, 3] of mode 'P'; lossy: the file was compressed with loss; turned: an EXIF tag was followed;
    white_is_zero: the file stores bright as low; program: which wrote that and means what it stores, else empty."""

    pixels: np.ndarray
    mode: str
    palette: np.ndarray | None = None
    lossy: bool = False
    turned: bool = False
    white_is_zero: bool = False
    program: str = ""


def read_image_2d(path: Path) -> Volume:
    """A 2D image as [1, H, W] (8, 16 or 32 bit, float) or [1, H, W, 3 or 4]; turned upright as EXIF says.

    Raises ImageError for files that cannot be read, GeometryError for files of several pages.
    """
    picture = open_image_2d(path)
    pixels = picture.pixels
    if picture.mode == "1":
        pixels = pixels.astype(np.uint8) * 255
    elif picture.mode == "LA":
        pixels = pixels[..., 0]
    said = (f"{path.name} {TURNED}; boxes and masks must be, too.",) if picture.turned else ()
    source = ImageSource(remarks=said)
    return Volume(pixels[None], planar=True, has_geometry=False, name=path.name, source=source)


def open_image_2d(path: Path, palette: bool = False) -> Image2D:
    """The pixels as the file has them; palettes become colours unless `palette` asks for their indices.

    Raises ImageError, GeometryError.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        # an opened file, not its name: Pillow then maps no memory, which scrambles TIFF files that are to be turned
        with _any_size(Image), path.open("rb") as file, Image.open(file) as picture:
            return _opened(picture, path, palette)
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}.") from None
    except UnidentifiedImageError as error:
        channels = channels_of_tiff(path)
        if channels and channels > 4:
            raise ImageError(
                f"{path.name} has {channels} channels per pixel; save one of them as grey, or three as RGB."
            ) from error
        kind = made_of(path)
        if kind:
            remedy = "save it as PNG, or as TIFF with 8 or 16 bits (grey ones also 32-bit floats)"
            raise ImageError(f"{path.name} has {kind}, which cannot be read; {remedy}.") from error
        raise ImageError(f"{path} cannot be read as an image (of a kind that is not known here).") from error
    except (ImageError, GeometryError):
        raise
    except Exception as error:  # Pillow raises whatever a damaged file leads it to
        raise ImageError(f"{path} cannot be read as an image ({str(error) or type(error).__name__}).") from error


def _opened(picture: Any, path: Path, palette: bool) -> Image2D:
    from PIL import ImageOps

    frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)  # a telephone's picture and its preview
    if frames > 1:
        raise GeometryError(
            f"{path.name} has {frames} pages without a spacing; convert it to NRRD, NIfTI or MetaImage first."
        )
    if picture.width * picture.height > MOST_PIXELS:
        raise ImageError(
            f"{path.name} has {picture.width} x {picture.height} pixels, more than {MOST_PIXELS // 10**6} million; "
            "cut out the region of interest, or save it smaller."
        )
    lossy = _lossy(picture, path)
    deep = _is_deep(picture)
    tags = dict(picture.tag_v2) if picture.format == "TIFF" else {}
    turned = picture.getexif().get(_ORIENTATION, 1) in range(2, 9)
    upright = ImageOps.exif_transpose(picture) or picture
    if upright.mode == "P" and not palette:
        upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
    elif upright.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        upright = upright.convert("RGB")
    if upright.mode not in _GRAY | _COLOR | {"1", "P"}:
        raise ImageError(f"{path.name} has the pixel type '{upright.mode}', which cannot be used.")
    pixels = np.asarray(upright)
    if deep and upright.mode in _COLOR:
        pixels = _deep_pixels(path, pixels, np.asarray(picture))
    if tags and pixels.ndim == 2 and upright.mode != "P":
        pixels = as_stored(pixels, upright.mode, tags, path.name)
    colors = None
    if upright.mode == "P":
        table = np.array(upright.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        colors = np.zeros((256, 3), np.uint8)
        colors[: len(table)] = table
    inverse = white_is_zero(tags)
    return Image2D(pixels, upright.mode, colors, lossy, turned, inverse, program_that_means_its_values(tags))


@contextlib.contextmanager
def _any_size(image: Any) -> Iterator[None]:
    """Pillow's guard against small files of many pixels is for servers; there is a limit of our own."""
    before, image.MAX_IMAGE_PIXELS = image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        image.MAX_IMAGE_PIXELS = before


def _is_deep(picture: Any) -> bool:
    """Whether a channel has 16 bits in the file."""
    if picture.format == "PNG":
        return any(";16" in str(tile[3][0] if isinstance(tile[3], tuple) else tile[3]) for tile in picture.tile)
    if picture.format == "TIFF":
        return max(picture.tag_v2.get(258, (8,))) == 16
    return False


def _deep_pixels(path: Path, upright: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """All 16 bits of a colour image; the upper eight must be those that Pillow saw."""
    import SimpleITK as sitk

    remedy = "save it as PNG, and without an alpha channel"
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path), imageIO=_reader_of(path)))
    except RuntimeError as error:
        raise ImageError(f"{path.name} has 16 bits per channel in a way that cannot be read; {remedy}.") from error
    if pixels.shape != stored.shape or not np.array_equal((pixels >> 8).astype(np.uint8), stored):
        raise ImageError(f"{path.name} has 16 bits per channel, which two readers see differently; {remedy}.")
    if upright.shape == stored.shape and np.array_equal(upright, stored):
        return pixels
    for turn in range(4):
        for mirrored in (pixels, pixels[:, ::-1]):
            turned = np.rot90(mirrored, turn)
            if turned.shape == upright.shape and np.array_equal((turned >> 8).astype(np.uint8), upright):
                return np.ascontiguousarray(turned)
    raise ImageError(f"{path.name} has 16 bits per channel and cannot be turned upright; save it upright.")


def _reader_of(path: Path) -> str:
    with path.open("rb") as file:
        return "PNGImageIO" if file.read(4) == b"\x89PNG" else "TIFFImageIO"


def _lossy(picture: Any, path: Path) -> bool:
    if picture.format in ("JPEG", "MPO"):
        return True
    if picture.format == "TIFF":
        return picture.tag_v2.get(259) in (6, 7)  # JPEG inside TIFF
    if picture.format != "WEBP":
        return False
    with path.open("rb") as file:
        return b"VP8L" not in file.read(64)
