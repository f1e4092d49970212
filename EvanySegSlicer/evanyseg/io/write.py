"""Writing without ever leaving half a file: into a temporary folder beside the target, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..geometry.volume import Volume
from .remote.address import address, plain
from .remote.upload import upload
from .targets import check_writable, is_special, pour, real_path, sentence

IMAGES_2D = (".png", ".tif", ".tiff", ".bmp")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
_DOUBLE = (".nii.gz", ".img.gz", ".seg.nrrd", ".seg.nhdr")


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path of the same name, its ending in lower case, in a temporary folder beside `path`. What the block writes
    there (with files beside it, as some formats have) is renamed into place when the block ends well, else removed.

    Pipes and devices get the bytes of that file instead; the target of a symbolic link is replaced, not the link; to an
    address (`io.remote`) it is sent.
    Raises OutputError when the disk is full or the place cannot be written to; an older file stays as it was.
    """
    path, sent = plain(path), address(path) is not None
    special = is_special(path)
    target = path if special else real_path(path)
    try:
        check_writable(path)
        here = not (special or sent)
        if here:
            target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".evanyseg-", dir=target.parent if here else None))
    except OSError as error:
        raise sentence(path, error) from error
    part = folder / (f"result{ending(path)}" if special else _named(target))
    try:
        yield part
        if special:
            pour(part, path)
            return
        beside = [p for p in folder.iterdir() if p != part]
        if sent:
            upload([*beside, part], path)
            return
        for file in (*beside, part):
            with file.open("rb+") as written:
                os.fsync(written.fileno())
        if target.exists():
            shutil.copymode(target, part)
        for file in beside:
            os.replace(file, target.with_name(file.name))
        os.replace(part, target)
    except OSError as error:
        raise sentence(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Text, atomically; file names that are no Unicode are written with escapes. Raises OutputError."""
    with atomic_path(path) as part, part.open("w", encoding=encoding, errors="backslashreplace", newline="") as file:
        file.write(text)


def write_labels(path: Path, labels: np.ndarray, grid: Volume) -> None:
    """Integer labels [K, J, I] on a grid as NIfTI, NRRD or MetaImage; read back before the rename, because the
    libraries below do not report every failed write. Raises OutputError."""
    import SimpleITK as sitk

    from .formats.itk import geometry_of

    image = sitk.GetImageFromArray(labels[0] if grid.planar else labels)
    if grid.planar:
        image.SetSpacing(grid.spacing[:2])
        image.SetOrigin(grid.origin[:2])
        image.SetDirection(np.asarray(grid.direction)[:2, :2].ravel().tolist())
    else:
        geometry_of(grid, image)
    with atomic_path(path) as part:
        try:
            sitk.WriteImage(image, str(part), useCompression=True)
            again = sitk.GetArrayFromImage(sitk.ReadImage(str(part)))
        except RuntimeError as error:
            raise OutputError(f"{path} cannot be written; is the disk full?") from error
        if not np.array_equal(again.reshape(labels.shape), labels):
            raise OutputError(f"{path} was not written completely; is the disk full?")


def write_image_2d(path: Path, pixels: np.ndarray) -> None:
    """uint8 [H, W] or [H, W, 3] as PNG, TIFF or BMP (formats without loss). Raises OutputError."""
    from PIL import Image

    with atomic_path(path) as part:
        Image.fromarray(pixels).save(part)


def ending(path: Path) -> str:
    """The format's ending in lower case, '.nii.gz' and '.seg.nrrd' included."""
    name = path.name.lower()
    return next((e for e in _DOUBLE if name.endswith(e)), path.suffix.lower())


def _named(path: Path) -> str:
    """The path's name with its ending in lower case, which is how libraries know formats."""
    end = ending(path)
    return path.name[: len(path.name) - len(end)] + end
