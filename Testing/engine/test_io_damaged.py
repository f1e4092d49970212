"""A file that was cut or damaged on its way is refused: no score is ever computed on zeros that nobody measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E
from evanyseg.errors import GeometryError, ImageError
from evanyseg.io.read import read_image, read_segmentation

CUTS = (0.0, 0.01, 0.3, 2 / 3, 0.99)
WHOLE_BYTES = (1, 2, 9)
"""Cut by a share of the file, or by so many bytes at its end."""


def cut_points(size: int) -> list[int]:
    return [*(int(size * c) for c in CUTS), *(size - n for n in WHOLE_BYTES)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("v.nii", "v.nii"),
        ("v.nii.gz", "v.nii.gz"),
        ("v.hdr", "v.img"),
        ("v.img", "v.img"),
        ("v.img.gz", "v.img.gz"),
        ("v.nrrd", "v.nrrd"),
        ("v.nhdr", "v.raw"),
        ("v.mha", "v.mha"),
        ("v.mhd", "v.raw"),
    ],
)
def test_a_volume_cut_anywhere_is_refused(tmp_path: Path, name: str, data: str) -> None:
    path = files.write_volume(tmp_path / name, phantom.volume(SHAPE))
    assert read_image(path).shape == SHAPE
    whole = (tmp_path / data).read_bytes()
    for size in cut_points(len(whole)):
        (tmp_path / data).write_bytes(whole[:size])
        for read in (read_image, read_segmentation):
            with pytest.raises(ImageError):
                read(path)
    (tmp_path / data).write_bytes(whole)
    assert np.array_equal(read_image(path).array, phantom.volume(SHAPE).array)


@pytest.mark.parametrize("name", ["p.png", "p.tif", "p.bmp", "p.jpg", "p.webp"])
def test_a_picture_cut_in_its_pixels_is_refused(tmp_path: Path, name: str) -> None:
    path = files.write_image_2d(tmp_path / name, np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8))
    whole = path.read_bytes()
    for share in CUTS:
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ImageError):
            read_image(path)


def test_a_changed_byte_in_compressed_voxels_is_noticed(tmp_path: Path) -> None:
    path = files.write_volume(tmp_path / "v.nii.gz", phantom.volume(SHAPE))
    whole = path.read_bytes()
    for at in np.linspace(20, len(whole) - 1, 40).astype(int):
        data = bytearray(whole)
        data[at] ^= 0x10
        path.write_bytes(data)
        with pytest.raises(ImageError, match=r"damaged|cut off"):
            read_image(path)


def test_the_sentence_says_how_much_is_there(tmp_path: Path) -> None:
    path = files.write_volume(tmp_path / "v.nii", phantom.volume(SHAPE))
    path.write_bytes(path.read_bytes()[: 352 + np.prod(SHAPE)])
    with pytest.raises(ImageError, match=r"v\.nii is cut off: it holds 50 % of the 48 x 40 x 12 voxels"):
        read_image(path)


def test_gzip_in_several_members_and_with_padding_is_whole(tmp_path: Path) -> None:
    import gzip

    path = files.write_volume(tmp_path / "v.nii", phantom.volume(SHAPE))
    data = path.read_bytes()
    packed = gzip.compress(data[:5000]) + gzip.compress(data[5000:])
    (tmp_path / "w.nii.gz").write_bytes(packed)
    (tmp_path / "z.nii.gz").write_bytes(gzip.compress(data) + b"\0" * 512)
    for name in ("w.nii.gz", "z.nii.gz"):
        assert np.array_equal(read_image(tmp_path / name).array, phantom.volume(SHAPE).array)


@pytest.mark.parametrize("which", [0, 1])
def test_score_of_a_cut_file_ends_with_2_and_no_row(evanyseg, volume, tmp_path: Path, which: int) -> None:
    given = volume[which]
    given.write_bytes(given.read_bytes()[: given.stat().st_size * 2 // 3])
    code, _, err = evanyseg("score", *volume, *E, "-o", tmp_path / "s.csv")
    assert (code, "cut off" in err) == (2, True)
    assert not (tmp_path / "s.csv").exists()


def test_a_cut_slice_of_a_dicom_series_is_refused(tmp_path: Path) -> None:
    folder = files.write_dicom_series(tmp_path / "d", phantom.volume(SHAPE))
    file = sorted(folder.iterdir())[5]
    whole = file.read_bytes()
    for share in (0.5, 0.9, 0.999):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises((ImageError, GeometryError)):
            read_image(folder)
        with pytest.raises(ImageError):
            read_image(file)


def test_big_endian_files_are_measured_too(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    array = np.arange(120, dtype=">i2").reshape(4, 5, 6)
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    nibabel.Nifti1Image(array, np.eye(4), header).to_filename(tmp_path / "v.nii")
    assert np.array_equal(read_image(tmp_path / "v.nii").array, array.T)
    (tmp_path / "v.nii").write_bytes((tmp_path / "v.nii").read_bytes()[:-1])
    with pytest.raises(ImageError, match="cut off"):
        read_image(tmp_path / "v.nii")
