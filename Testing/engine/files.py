"""Writes test files of every format, with SimpleITK and Pillow alone (none of the code under test)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image

from evanyseg.geometry.volume import Volume


def sitk_image(volume: Volume, array: np.ndarray | None = None) -> sitk.Image:
    values = volume.array if array is None else array
    image = sitk.GetImageFromArray(values.astype(np.uint8) if values.dtype == bool else values)
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.origin)
    image.SetDirection(np.asarray(volume.direction).ravel().tolist())
    return image


def write_volume(path: Path, volume: Volume, array: np.ndarray | None = None) -> Path:
    sitk.WriteImage(sitk_image(volume, array), str(path))
    return path


def write_image_2d(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def write_dicom_series(folder: Path, volume: Volume, uid: str = "1.2.826.0.1.3680043.2.1", skip: int = -1) -> Path:
    """One file per slice; `skip` leaves a slice out."""
    folder.mkdir(parents=True, exist_ok=True)
    image = sitk_image(volume)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    cosines = np.asarray(volume.direction)
    for k in range(image.GetSize()[2]):
        if k == skip:
            continue
        one = image[:, :, k]
        position = image.TransformIndexToPhysicalPoint((0, 0, k))
        tags = {
            "0008|0060": "MR",
            "0008|0008": "ORIGINAL\\PRIMARY\\AXIAL",
            "0020|000d": f"{uid}.1",
            "0020|000e": f"{uid}.2",
            "0008|0018": f"{uid}.3.{k + 1}",
            "0020|0013": str(k + 1),
            "0020|0032": "\\".join(f"{v:.6f}" for v in position),
            "0020|0037": "\\".join(f"{v:.6f}" for v in (*cosines[:, 0], *cosines[:, 1])),
            "0018|0050": f"{volume.spacing[2]:g}",
        }
        for key, value in tags.items():
            one.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{uid.split('.')[-1]}-{k:03d}.dcm"))
        writer.Execute(one)
    return folder
