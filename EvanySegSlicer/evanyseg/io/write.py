"""Writing without ever leaving half a file: a temporary neighbour, then one rename."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..geometry.volume import Volume

PICTURES = (".png", ".tif", ".tiff", ".bmp")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` with the same ending; renamed over it when the block ends well, else removed.

    Raises OutputError when the disk is full or the folder cannot be written to; an older file stays as it was.
    """
    suffix = "".join(path.suffixes[-2:]) if path.name.lower().endswith((".nii.gz", ".seg.nrrd")) else path.suffix
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=suffix, prefix=".evanyseg-", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _sentence(path, error) from error
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_umask())
        os.replace(part, path)
    except OSError as error:
        raise _sentence(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Text as it is (line ends are not translated), atomically. Raises OutputError."""
    with atomic_path(path) as part:
        part.write_text(text, encoding=encoding, newline="")


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


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """uint8 [H, W] or [H, W, 3] as PNG, TIFF or BMP (formats without loss). Raises OutputError."""
    from PIL import Image

    with atomic_path(path) as part:
        Image.fromarray(pixels).save(part)


def ending(path: Path) -> str:
    """The format's ending in lower case, '.nii.gz' and '.seg.nrrd' included."""
    name = path.name.lower()
    return next((e for e in (".nii.gz", ".seg.nrrd") if name.endswith(e)), path.suffix.lower())


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sentence(path: Path, error: OSError) -> OutputError:
    if isinstance(error, OutputError):
        return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError(f"The disk is full: {path} was not written and an older one stays as it was.")
    return OutputError(f"{path} cannot be written ({error.strerror or error}).")
