"""Every kind of file that people bring is named for what it is, with what to do; a score of it is never made up."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E
from evanyseg.errors import ImageError
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.sniff import FileKind, sniff


def npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros((3, 4, 5)))
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    return out.getvalue()


def mgh() -> bytes:
    return struct.pack(">7ih", 1, 8, 8, 8, 1, 3, 0, 1) + bytes(254) + bytes(8 * 8 * 8 * 4)


def nifti2() -> bytes:
    return struct.pack("<i8s", 540, b"n+2\0\r\n\x1a\n") + bytes(540 - 12) + bytes(4) + bytes(1000)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 1234567\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"
OTHERS = [
    (b"", "an empty file", "copy or download it again"),
    (PAGE, "a web page (HTML)", "log in there and download it again"),
    (b"\n  <html lang='de'>", "a web page (HTML)", "download it again"),
    (b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML file", "download it again"),
    (b'{"message": "Not found"}', "a JSON text", "download it again"),
    (LFS, "a pointer of Git LFS", "git lfs pull"),
    (b"../.git/annex/objects/W8/0V/MD5E-s1--d8.nii.gz/MD5E-s1--d8.nii.gz\n", "a pointer of git-annex", "git annex get"),
    (b"/annex/objects/MD5E-s1--d8.nii.gz\n", "a pointer of git-annex", "git annex get"),
    (nifti2(), "a NIfTI-2 file", "convert it to NIfTI-1"),
    (mgh(), "a FreeSurfer volume", "mri_convert"),
    (npy(), "a NumPy array", "save it as NIfTI"),
    (zipped(), "a ZIP archive", "unpack it first"),
    (b"\x89HDF\r\n\x1a\n" + bytes(600), "an HDF5 file", "save it as NIfTI"),
    (b"# vtk DataFile Version 3.0\n", "a VTK file", "save it as NIfTI"),
    (b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "give the image itself"),
    (b"GIF89a" + bytes(50), "a GIF image", "save it as PNG"),
    (bytes(5000), "nothing but zero bytes", "download it again"),
    (struct.pack("<i", 348) + bytes(400), "an Analyze 7.5 header", "save it as NIfTI"),
    (b"P5\n4 4\n255\n" + bytes(16), "a PBM, PGM or PPM image", "save it as PNG"),
    (b"patient,age\n1,50\n", "a text", "give the image itself"),
    (b"\x01\x02\x03\x04" * 200, "of no format that is known here", "known are PNG"),
]


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.png", "a.dcm", "a"])
@pytest.mark.parametrize(("content", "what", "remedy"), OTHERS)
def test_what_is_no_image_is_named(tmp_path: Path, name: str, content: bytes, what: str, remedy: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for read in (read_image, read_segmentation):
        with pytest.raises(ImageError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{name} cannot be read: it is {what}")
        assert remedy in str(caught.value)


@pytest.mark.parametrize(("content", "what"), [(c, w) for c, w, _ in OTHERS if c])
def test_what_is_no_image_is_named_inside_gzip_as_well(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert what in str(caught.value)


def test_the_command_says_it_before_a_network_loads(evanyseg, volume, tmp_path: Path) -> None:
    page = tmp_path / "page.nii.gz"
    page.write_bytes(PAGE)
    for given in ((page, volume[1]), (volume[0], page)):
        code, _, err = evanyseg("score", *given, "--estimator", "nowhere.pth")
        assert code == 2
        assert "page.nii.gz cannot be read: it is a web page" in " ".join(err.split())


@pytest.mark.parametrize(
    ("written", "named"),
    [("v.nii.gz", "w.nii"), ("v.nii", "w.nii.gz"), ("v.nrrd", "w.nii.gz"), ("v.mha", "w.nrrd"), ("v.nii.gz", "w"),
     ("v.nrrd", "w.NRRD"), ("v.nii.gz", "W.NII.GZ")],
)  # fmt: skip
def test_volumes_are_read_whatever_their_ending(tmp_path: Path, written: str, named: str) -> None:
    made = phantom.volume(SHAPE)
    path = files.write_volume(tmp_path / written, made).rename(tmp_path / named)
    assert np.array_equal(read_image(path).array, made.array)


@pytest.mark.parametrize(
    ("written", "named"), [("p.png", "q.jpg"), ("p.tif", "q.nii.gz"), ("p.bmp", "q"), ("p.png", "q.dcm")]
)
def test_pictures_are_read_whatever_their_ending(tmp_path: Path, written: str, named: str) -> None:
    pixels, mask = phantom.picture()
    path = files.write_image_2d(tmp_path / written, pixels).rename(tmp_path / named)
    assert np.array_equal(read_image(path).array[0], pixels)
    path = files.write_image_2d(tmp_path / written, mask.astype(np.uint8) * 255).rename(tmp_path / named)
    assert np.array_equal(read_segmentation(path).layers[0][0] > 0, mask)


def test_a_dicom_file_needs_no_ending_and_no_preamble(tmp_path: Path) -> None:
    folder = files.write_dicom_series(tmp_path / "d", phantom.volume((1, 16, 12)))
    file = next(folder.iterdir())
    bare = tmp_path / "IM000001"
    bare.write_bytes(file.read_bytes())
    assert sniff(bare).kind is FileKind.DICOM
    assert np.array_equal(read_image(bare).array, phantom.volume((1, 16, 12)).array)


def test_a_volume_packed_with_gzip_that_is_no_nifti_says_so(tmp_path: Path) -> None:
    path = files.write_volume(tmp_path / "v.nrrd", phantom.volume(SHAPE))
    packed = tmp_path / "v.nrrd.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ImageError, match=r"an NRRD file, packed with gzip; unpack it first \(gunzip\)"):
        read_image(packed)


def test_headers_without_their_voxels_are_named(tmp_path: Path) -> None:
    for name, voxels in {"v.hdr": "v.img", "v.nhdr": "v.raw", "v.mhd": "v.raw"}.items():
        path = files.write_volume(tmp_path / name, phantom.volume(SHAPE))
        (tmp_path / voxels).unlink()
        with pytest.raises(ImageError, match=r"without voxels|which is not there"):
            read_image(path)
    (tmp_path / "alone.img").write_bytes(bytes(1000))
    with pytest.raises(ImageError, match="has no header"):
        read_image(tmp_path / "alone.img")


def test_a_renamed_gzip_scores_like_the_original(evanyseg, volume, tmp_path: Path) -> None:
    expected = evanyseg("score", *volume, *E, "--json")[1]
    renamed = volume[0].rename(tmp_path / "v.nii")
    found = evanyseg("score", renamed, volume[1], *E, "--json")[1]
    assert found.replace("v.nii.gz", "v.nii") == expected.replace("v.nii.gz", "v.nii")


def test_a_file_packed_twice_says_so(tmp_path: Path) -> None:
    path = tmp_path / "v.nii.gz"
    path.write_bytes(gzip.compress(gzip.compress(b"\x5c\x01\0\0" + bytes(400))))
    with pytest.raises(ImageError, match=r"v\.nii\.gz cannot be read: it is packed with gzip twice; unpack it once"):
        read_image(path)


def test_a_name_that_no_system_allows_is_refused() -> None:
    for name in ("x" * 400 + ".png", "a\0b.png"):
        for read in (read_image, read_segmentation):
            with pytest.raises(ImageError, match=r" cannot be opened \("):
                read(name)


def test_an_img_without_its_header_says_just_that(tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(bytes(100))
    with pytest.raises(ImageError, match=r"^a\.img has no header: the file of that name ending in \.hdr"):
        read_image(tmp_path / "a.img")
