"""Files from somebody else: what leads outside, is too much, or is not what it seems, is refused in a sentence."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from evanyseg.errors import ImageError
from evanyseg.io.arrivals.archive import Limits, unpack
from evanyseg.io.arrivals.arrived import arrived
from evanyseg.io.arrivals.contained import check_contained
from evanyseg.io.arrivals.named_folder import NamedFolder


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:evil", "..\\evil", "a\\b", "x\nevil"])
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a.zip", **{"good.txt": b"1", name: b"2"})
    place = tmp_path / "in" / "it"
    place.mkdir(parents=True)
    with pytest.raises(ImageError, match="outside its folder"):
        unpack(path, place)
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith("evil")]
    assert not list(place.iterdir()), "names are read before anything is written"


def test_links_are_refused(tmp_path: Path) -> None:
    path, place = tmp_path / "a.zip", tmp_path / "in"
    place.mkdir()
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(link, "/etc/passwd")
    with pytest.raises(ImageError, match="links"):
        unpack(path, place)


def test_a_bomb_stops_when_the_room_is_used_up(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    path = archive(tmp_path / "a.zip", bomb=bytes(50 << 20))
    assert path.stat().st_size < 100_000
    with pytest.raises(ImageError, match="too large"):
        unpack(path, place, Limits(size=1 << 20))
    assert sum(p.stat().st_size for p in place.iterdir()) <= 1 << 20


def test_too_many_files_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    with pytest.raises(ImageError, match="3 files"):
        unpack(archive(tmp_path / "a.zip", a=b"", b=b"", c=b""), place, Limits(files=2))
    with pytest.raises(ImageError, match="same name"):
        unpack(archive(tmp_path / "b.zip", a=b"", A=b""), place)


@pytest.mark.parametrize("cut", [0.3, 0.7, 0.99])
def test_a_cut_archive_is_refused(tmp_path: Path, cut: float) -> None:
    whole = archive(tmp_path / "a.zip", a=np.random.default_rng(0).bytes(10_000)).read_bytes()
    path = tmp_path / "cut.zip"
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(ImageError, match=r"cut\.zip"):
        arrived(path, tmp_path / "in")


def nrrd(data: str = "") -> bytes:
    """A volume of 8 voxels; in another file when that is named."""
    lines = ["NRRD0004", "type: uint8", "dimension: 3", "sizes: 2 2 2", "encoding: raw", "endian: little"]
    return "\n".join([*lines, *([f"data file: {data}"] if data else []), "", ""]).encode() + bytes(8 * (not data))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.nrrd", nrrd("../secret"), "outside its folder"),
        ("a.nrrd", nrrd("/etc/hostname"), "outside its folder"),
        ("a.nrrd", nrrd("LIST"), "list of files"),
        ("a.nrrd", nrrd("x%03d.raw 1 2 1"), "list of files"),
        ("a.mhd", b"NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = ../secret\n", "outside"),
        ("a.png", nrrd("../secret"), "outside its folder"),
    ],
)
def test_headers_that_name_a_file_elsewhere_are_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(8))
    home = tmp_path / "home"
    home.mkdir()
    (home / name).write_bytes(content)
    with pytest.raises(ImageError, match=words):
        arrived(home / name, tmp_path / "in")
    packed = archive(tmp_path / "a.zip", **{name: content})
    with pytest.raises(ImageError, match=words):
        arrived(packed, tmp_path / "in")


def test_a_link_in_a_folder_is_refused_and_what_stays_inside_is_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "below").mkdir(parents=True)
    (home / "a.nhdr").write_bytes(nrrd("below/a.raw"))
    (home / "below/a.raw").write_bytes(bytes(8))
    check_contained(home, home)
    (home / "out").symlink_to(tmp_path)
    with pytest.raises(ImageError, match="link"):
        check_contained(home, home)


def test_an_archive_of_one_image_is_that_image(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", **{"scan/a.nrrd": nrrd(), "__MACOSX/scan/._a.nrrd": b"x"})
    found = arrived(packed, tmp_path / "in")
    assert found.path == tmp_path / "in/scan/a.nrrd"
    assert not found.scene


def test_a_scene_is_known_by_its_content_and_not_unpacked(tmp_path: Path) -> None:
    found = arrived(archive(tmp_path / "scan.zip", **{"a/a.mrml": b"<MRML/>"}), tmp_path / "in")
    assert found.scene
    assert not (tmp_path / "in").exists()


def test_what_is_no_image_is_refused_in_the_readers_words(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"%PDF-1.4 and more")
    with pytest.raises(ImageError, match="PDF"):
        arrived(path, tmp_path / "in")
    with pytest.raises(ImageError, match="no file"):
        arrived(archive(tmp_path / "empty.zip"), tmp_path / "in2")


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(5000)
    raw = bytearray(archive(tmp_path / "a.zip", a=content).read_bytes())
    raw[2000] ^= 0xFF
    (tmp_path / "b.zip").write_bytes(raw)
    with pytest.raises(ImageError, match=r"b\.zip"):
        arrived(tmp_path / "b.zip", tmp_path / "in")
    assert zipfile.ZipFile(io.BytesIO(bytes(raw))).testzip() == "a"


@pytest.mark.parametrize("place", ["..", "a/../..", "/etc/passwd", "out/secret", "out", "a\\b", "\0", "linked"])
def test_nothing_outside_the_named_folder_is_opened(tmp_path: Path, place: str) -> None:
    home = tmp_path / "home"
    (home / "a").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"x")
    (home / "out").symlink_to(tmp_path)
    (home / "linked").symlink_to(tmp_path / "secret")
    folder = NamedFolder(home)
    with pytest.raises(ImageError, match="Only what lies in home"):
        folder.path(place)
    assert [e.name for e in folder.entries()] == ["a"]


def test_the_named_folder_lists_folders_first(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    (tmp_path / "b.nrrd").write_bytes(nrrd())
    (tmp_path / ".hidden").write_bytes(b"x")
    folder = NamedFolder(tmp_path)
    assert [(e.name, e.folder) for e in folder.entries()] == [("z", True), ("b.nrrd", False)]
    assert folder.entries("z") == []
    assert folder.path("b.nrrd") == (tmp_path / "b.nrrd").resolve()
    with pytest.raises(ImageError, match="any more"):
        folder.path("gone.nrrd")
    with pytest.raises(ImageError, match="a file"):
        folder.entries("b.nrrd")
