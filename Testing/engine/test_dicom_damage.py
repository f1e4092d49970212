"""A damaged DICOM SEG or RTSTRUCT is refused in words: no traceback, and never a part of it as the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from engine import dicom_masks
from engine.dicom_masks import SHAPE, contour, on_slice, read, square
from evanyseg.errors import EvanySegError, ImageError
from evanyseg.io.dicom.complete import is_whole
from evanyseg.io.dicom.masks import ReadImage
from evanyseg.io.read import read_image, read_segmentation


def binary(series: Path) -> pydicom.Dataset:
    pixels = np.stack([dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)], axis=-1).astype(np.uint8)
    return dicom_masks.segmentation(series, pixels, ("a", "b"))


def label_map(series: Path) -> pydicom.Dataset:
    return dicom_masks.segmentation(series, dicom_masks.blobs(SHAPE).astype(np.uint8), kind="LABELMAP")


def packed(series: Path) -> pydicom.Dataset:
    parts = dicom_masks.blobs(SHAPE)[..., None] * 0.75
    return dicom_masks.segmentation(series, parts, kind="FRACTIONAL", transfer_syntax_uid="1.2.840.10008.1.2.5")


def contours(series: Path) -> pydicom.Dataset:
    volume = read_image(series)
    drawn = [contour(on_slice(volume, k, square(3.5, 4.5, 9))) for k in range(2, 6)]
    return dicom_masks.structure_set({"a": drawn[:3], "b": drawn[3:]})


KINDS = pytest.mark.parametrize("make", [binary, label_map, packed, contours])


def open_lengths(dataset: pydicom.Dataset) -> None:
    """Sequences and items that end with a delimiter instead of a length, as many systems write them."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                open_lengths(item)


@KINDS
@pytest.mark.parametrize("open_ended", [False, True])
def test_a_file_that_is_cut_is_never_read_as_a_smaller_one(
    series: Path, tmp_path: Path, make: Callable[[Path], pydicom.Dataset], open_ended: bool
) -> None:
    made = make(series)
    if open_ended:
        open_lengths(made)
    path = dicom_masks.save(tmp_path / "m.dcm", made)
    read(path, series)
    stored = path.read_bytes()
    image = ReadImage(read_image(series), series)
    for at in np.random.default_rng(0).integers(200, len(stored) - 1, 25):
        path.write_bytes(stored[:at])
        with pytest.raises(EvanySegError):
            read_segmentation(path, image=image)


@KINDS
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bytes_that_flip_give_no_traceback(
    series: Path, tmp_path: Path, make: Callable[[Path], pydicom.Dataset]
) -> None:
    path = dicom_masks.save(tmp_path / "m.dcm", make(series))
    stored = path.read_bytes()
    image = ReadImage(read_image(series), series)
    generator = np.random.default_rng(1)
    refused = 0
    for _ in range(60):
        damaged = bytearray(stored)
        for at in generator.integers(0, len(stored), 4):
            damaged[at] = generator.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            read_segmentation(path, image=image)
        except EvanySegError:
            refused += 1
    assert refused


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("open_ended", [False, True])
def test_whole_is_what_ends_with_its_last_element(
    series: Path, tmp_path: Path, syntax: pydicom.uid.UID, open_ended: bool
) -> None:
    made = contours(series)
    made.file_meta.TransferSyntaxUID = syntax
    if open_ended:
        open_lengths(made)
    stored = dicom_masks.save(tmp_path / "m.dcm", made).read_bytes()
    assert is_whole(stored, syntax)
    assert is_whole(stored + bytes(100), syntax)  # padded
    assert not is_whole(stored[:-1], syntax)
    assert not is_whole(stored[: len(stored) // 2], syntax)
    assert not is_whole(stored + b"more", syntax)


def test_counts_that_contradict_each_other_are_refused(series: Path, tmp_path: Path) -> None:
    made = contours(series)
    made.ROIContourSequence[0].ContourSequence[1].NumberOfContourPoints = 5
    with pytest.raises(ImageError, match=r"Contour 2 of 'a' of m\.dcm has 4 points and says 5"):
        read(dicom_masks.save(tmp_path / "m.dcm", made), series)
    seg = binary(series)
    seg.NumberOfFrames = int(seg.NumberOfFrames) - 1
    with pytest.raises(ImageError, match=r"\.dcm has 15 frames and describes 16"):
        read(dicom_masks.save(tmp_path / "s.dcm", seg), series)
