"""Deep colours, many channels, very many pixels: read as they are, or refused in a sentence."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from engine import files, phantom
from engine.cli_fixtures import E
from engine.tiff_files import write_tiff
from evanyseg.errors import ImageError
from evanyseg.geometry.volume import Volume
from evanyseg.io.formats import images_2d
from evanyseg.io.formats.tiff import channels_of_tiff
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.pipeline.intensity import window_of


def write_deep(path: Path, pixels: np.ndarray) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(path))
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colors_keep_all_their_bits(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (20, 30, channels), dtype=np.uint16)
    path = write_deep(tmp_path / f"c{suffix}", pixels)
    if (suffix, channels) == (".tif", 4):  # ITK says 'premultiplied' (tag 338 is 1) of what it did not multiply
        data = path.read_bytes()
        extra, plain = (struct.pack("<HHIHH", 338, 3, 1, value, 0) for value in (1, 2))
        assert data.count(extra) == 1
        path.write_bytes(data.replace(extra, plain))
    got = read_image(path)
    assert got.array.dtype == np.uint16
    assert np.array_equal(got.array[0], pixels)


def test_alpha_that_hides_bits_is_refused_with_the_remedy(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (20, 30, 2), dtype=np.uint16)
    for path in (write_deep(tmp_path / "la.png", pixels), write_deep(tmp_path / "p.tif", np.dstack([pixels, pixels]))):
        with pytest.raises(ImageError, match=r"16 bits per channel.*; save it as PNG, and without an alpha channel"):
            read_image(path)


def test_deep_colors_with_few_bits_are_scaled_as_gray_is(evanyseg, tmp_path: Path) -> None:
    gray, mask = phantom.picture()
    twelve = gray.astype(np.uint16) * 16
    color = read_image(write_deep(tmp_path / "c.png", np.dstack([twelve] * 3)))
    plain = read_image(files.write_image_2d(tmp_path / "g.png", twelve))
    shown = [window_of(v).apply(v.array[0]) for v in (color, plain)]
    assert np.array_equal(shown[0], shown[1])
    assert shown[0][mask].mean() > 200
    files.write_image_2d(tmp_path / "m.png", mask.astype(np.uint8) * 255)
    row = json.loads(evanyseg("score", tmp_path / "c.png", tmp_path / "m.png", *E, "--json")[1])["rows"][0]
    assert row["pred_dice"] > 0.99
    assert row["intensity"].startswith("rgb [")
    assert window_of(color).describe() == row["intensity"]


def test_deep_colors_that_use_16_bits_are_their_upper_8() -> None:
    pixels = np.array([[[256, 512, 65535]]], np.uint16)
    window = window_of(Volume(pixels[None], planar=True))
    assert window.describe() == "rgb"
    assert window.apply(pixels)[0, 0].tolist() == [1, 2, 255]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_deep_colors_are_turned_upright_as_shallow_ones(tmp_path: Path, orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (12, 20, 3), dtype=np.uint16)
    path = write_deep(tmp_path / "c.png", pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = path.read_bytes()
    chunk = exif.tobytes()[6:]
    packed = struct.pack(">I", len(chunk)) + b"eXIf" + chunk + struct.pack(">I", zlib.crc32(b"eXIf" + chunk))
    path.write_bytes(data[:33] + packed + data[33:])
    shallow = Image.fromarray((pixels >> 8).astype(np.uint8))
    shallow.save(tmp_path / "s.png", exif=exif)
    got = read_image(path).array[0]
    assert got.dtype == np.uint16
    assert np.array_equal((got >> 8).astype(np.uint8), read_image(tmp_path / "s.png").array[0])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [5, 12])
def test_many_channels_are_counted(tmp_path: Path, order: str, channels: int) -> None:
    path = write_tiff(tmp_path / "c.tif", np.zeros((6, 7, channels), np.uint8), order)
    assert channels_of_tiff(path) == channels
    for read in (read_image, read_segmentation):
        with pytest.raises(ImageError, match=rf"c\.tif has {channels} channels per pixel; save one of them"):
            read(path)
    assert channels_of_tiff(write_tiff(tmp_path / "one.tif", np.zeros((6, 7, 1), np.uint8), order)) == 1
    assert read_image(tmp_path / "one.tif").shape == (1, 6, 7)


def test_a_very_large_picture_is_read_without_a_word_of_pillow(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow warns beyond this and refuses twice of it
    pixels, mask = phantom.picture()
    path = files.write_image_2d(tmp_path / "huge.png", mask)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(read_segmentation(path).layers[0][0], mask)
        assert read_image(files.write_image_2d(tmp_path / "i.png", pixels)).shape == (1, 60, 80)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_beyond_the_limit_there_is_a_sentence(evanyseg, picture, monkeypatch) -> None:
    monkeypatch.setattr(images_2d, "MOST_PIXELS", 1000)
    code, _, err = evanyseg("score", *picture[:2], "--estimator", "nowhere.pth")
    text = " ".join(err.split())
    assert code == 2
    assert "image.png has 80 x 60 pixels, more than" in text
    assert "cut out the region of interest" in text
