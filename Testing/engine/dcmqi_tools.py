"""The converters of the dcmqi package: software of other people that reads and writes the same DICOM objects."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk


def tool(name: str) -> Path:
    """Skips the test when the package is not installed, or has no binary for this machine."""
    try:
        files = distribution("dcmqi").files or []
    except PackageNotFoundError:
        pytest.skip("dcmqi is not installed: its converters cannot be asked for a second opinion")
    for file in files:
        if file.parent.name == "bin" and file.name.removesuffix(".exe") == name:
            return Path(str(file.locate()))
    pytest.skip(f"dcmqi brings no {name} for this machine")


def run(name: str, *arguments: object) -> str:
    done = subprocess.run(
        [str(tool(name)), *(str(a) for a in arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def read_segmentation(path: Path, folder: Path) -> tuple[list[dict[str, Any]], list[sitk.Image]]:
    """(attributes, image) of every segment, as segimage2itkimage gives them."""
    folder.mkdir()
    run("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", folder, "-t", "nrrd")
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    attributes = [segment for group in meta["segmentAttributes"] for segment in group]
    images = [sitk.ReadImage(str(folder / f"{n}.nrrd")) for n in range(1, len(attributes) + 1)]
    return attributes, images


def read_report(path: Path, folder: Path) -> list[dict[str, Any]]:
    """The measurement groups of a report, as tid1500reader gives them."""
    out = folder / "report.json"
    run("tid1500reader", "--inputDICOM", path, "--outputMetadata", out)
    return json.loads(out.read_text(encoding="utf-8"))["Measurements"]


def voxels_in(image: sitk.Image, ijk_to_lps: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """bool [K, J, I] on another grid: the image's voxels by their place in space."""
    out = np.zeros(shape, bool)
    array = sitk.GetArrayFromImage(image)
    inverse = np.linalg.inv(ijk_to_lps)
    for k, j, i in np.argwhere(array):
        place = image.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))
        at = np.round(inverse @ np.array([*place, 1.0])).astype(int)
        out[at[2], at[1], at[0]] = True
    return out
