"""2D images whose file says more than its pixels: signs, white as zero, an orientation, a palette. The right
values, or a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import phantom
from engine.tiff_files import write_tiff
from evanyseg.errors import ImageError
from evanyseg.io.read import read_image, read_segmentation

GRAY, MASK = phantom.picture((40, 60))
MASK[2, 3] = True  # one corner is another than the others


def image(path: Path) -> np.ndarray:
    return read_image(path).array[0]


def mask(path: Path) -> np.ndarray:
    found = read_segmentation(path)
    assert len(found.segments) == 1
    return found.mask(found.segments[0])[0]


VALUES = {
    "signed 8 bits": GRAY.astype(np.int16).__sub__(128).astype(np.int8),
    "signed 16 bits": GRAY.astype(np.int16) * 100 - 9000,
    "32 bits": GRAY.astype(np.uint32) * 16_000_000,
    "signed 32 bits": GRAY.astype(np.int32) * 8_000_000 - 1_000_000_000,
    "floats": GRAY.astype(np.float32) / 255,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_tiff_has_the_values_that_it_says(tmp_path: Path, name: str) -> None:
    assert np.array_equal(image(write_tiff(tmp_path / "i.tif", VALUES[name][..., None])), VALUES[name])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_white_as_zero_is_turned_in_every_depth(tmp_path: Path, kind: type) -> None:
    bright = GRAY.astype(kind) * kind(np.iinfo(kind).max // 255)
    stored = np.iinfo(kind).max - bright
    assert np.array_equal(image(write_tiff(tmp_path / "i.tif", stored[..., None], white_is_zero=True)), bright)


def test_white_as_zero_without_an_end_is_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "i.tif", (GRAY / 255).astype(np.float32)[..., None], white_is_zero=True)
    with pytest.raises(ImageError, match=r"i\.tif stores white as its lowest value, .*; save it as PNG"):
        read_image(path)


@pytest.mark.parametrize("program", ["ImageJ=1.54f\nunit=um", '{"shape": [40, 60]} tifffile.py'])
@pytest.mark.parametrize(("kind", "high", "bits"), [(np.uint8, 255, None), (np.uint8, 1, 1), (np.uint16, 7, None)])
def test_masks_of_programs_that_mean_what_they_store(
    tmp_path: Path, program: str, kind: type, high: int, bits: int | None
) -> None:
    stored = (MASK * kind(high))[..., None]
    path = write_tiff(tmp_path / "m.tif", stored, white_is_zero=True, description=program, bits=bits)
    assert np.array_equal(mask(path), MASK)
    assert "stored high values, which viewers show dark" in read_segmentation(path).remarks[0]


@pytest.mark.parametrize(("high", "bits"), [(255, None), (1, 1)])
def test_a_mask_with_white_as_zero_of_unknown_make_is_refused(tmp_path: Path, high: int, bits: int | None) -> None:
    stored = ((1 - MASK.astype(np.uint8)) * np.uint8(high))[..., None]
    path = write_tiff(tmp_path / "m.tif", stored, white_is_zero=True, bits=bits)
    with pytest.raises(ImageError, match=r"stores white as its lowest value: .* Save it as PNG, white where"):
        read_segmentation(path)
    if bits is None:
        found = read_segmentation(path, threshold=127.0)
        assert np.array_equal(found.mask(found.segments[0])[0], MASK)  # as it is shown


def test_a_second_channel_is_not_dropped(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "two.tif", np.dstack([GRAY, 255 - GRAY]))
    for read in (read_image, read_segmentation):
        with pytest.raises(ImageError, match=r"two\.tif has 2 channels per pixel, which are no colours; save one"):
            read(path)


@pytest.mark.parametrize(
    ("pixels", "made_of"),
    [
        ((GRAY / 255)[..., None], "1 channel of 64-bit floats"),
        (np.dstack([GRAY / 255] * 3).astype(np.float32), "3 channels of 32-bit floats"),
        (GRAY.astype(np.uint64)[..., None], "1 channel of 64-bit unsigned integers"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, pixels: np.ndarray, made_of: str) -> None:
    with pytest.raises(ImageError, match=rf"t\.tif has {made_of}, which cannot be read; save it as PNG"):
        read_image(write_tiff(tmp_path / "t.tif", pixels))


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """TIFF 6.0, Orientation: where the first row and the first column belong."""
    mirrored = pixels[:, ::-1] if orientation in (2, 4, 5, 7) else pixels
    return np.rot90(mirrored, {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}[orientation])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".tif", ".png", ".lzw.tif"])
def test_images_are_upright_and_say_so(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"i{suffix}"
    if suffix == ".tif":
        write_tiff(path, GRAY[..., None], orientation=orientation)
    elif suffix == ".png":
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(GRAY).save(path, exif=exif)
    else:
        Image.fromarray(GRAY).save(path, tiffinfo={274: orientation}, compression="tiff_lzw")
    assert np.array_equal(image(path), upright(GRAY, orientation))
    said = read_image(path).source.remarks
    assert len(said) == (orientation != 1)
    assert all(f"{path.name} was turned upright, as its EXIF tag tells" in text for text in said)


def test_a_mask_drawn_before_the_turn_is_refused_with_the_reason(tmp_path: Path, evanyseg) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(GRAY).save(tmp_path / "photo.jpg", exif=exif, quality=95)
    Image.fromarray(MASK.astype(np.uint8) * 255).save(tmp_path / "m.png")
    code, _, told = evanyseg("score", tmp_path / "photo.jpg", tmp_path / "m.png", "--estimator", "bright")
    assert code == 2
    assert "photo.jpg was turned upright" in " ".join(told.split())


def test_a_telephones_picture_with_a_preview_is_one_image(tmp_path: Path) -> None:
    preview = Image.fromarray(GRAY[::2, ::2].copy())
    Image.fromarray(GRAY).save(tmp_path / "p.jpg", format="MPO", save_all=True, append_images=[preview], quality=98)
    assert np.abs(image(tmp_path / "p.jpg").astype(int) - GRAY).max() < 12


PALETTES = {
    "ImageJ's inverting table": (255, [[255 - n] * 3 for n in range(256)], "what is shown black"),
    "one colour for all": (1, [[0, 0, 0]] * 256, ""),
    "a colour": (1, [[0, 0, 0], [128, 0, 0]], ""),
}


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_that_say_which_value_is_the_mask(tmp_path: Path, name: str) -> None:
    high, palette, said = PALETTES[name]
    picture = Image.fromarray(MASK.astype(np.uint8) * np.uint8(high))
    picture.putpalette([value for color in palette for value in color])
    picture.save(tmp_path / "m.png")
    assert np.array_equal(mask(tmp_path / "m.png"), MASK)
    assert said in " ".join(read_segmentation(tmp_path / "m.png").remarks)


def test_a_palette_that_begins_with_white_is_told(tmp_path: Path) -> None:
    picture = Image.fromarray(1 - MASK.astype(np.uint8))
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(tmp_path / "m.png")
    assert np.array_equal(mask(tmp_path / "m.png"), MASK)
    assert "the bright pixels were taken for the mask" in read_segmentation(tmp_path / "m.png").remarks[0]
