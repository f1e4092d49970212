"""Where results go: pipes and devices are written into, links followed, names say what is inside, nothing is left."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, S
from evanyseg.errors import OutputError
from evanyseg.io.copying import copy_mask
from evanyseg.io.read import read_segmentation
from evanyseg.io.write import atomic_path, write_labels, write_text

BOX = ("--box", 5, 5, 75, 55)
posix = pytest.mark.skipif(os.name == "nt", reason="pipes and devices as files are a POSIX matter")


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# ---- pipes, devices, links ---------------------------------------------------------------------------------------


@posix
def test_a_pipe_gets_the_bytes_and_stays_a_pipe(evanyseg, volume, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.nii.gz"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    assert evanyseg("score", *volume, *E, "--overlay", pipe)[0] == 0
    reader.join(30)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "copy.nii.gz").write_bytes(found[0])
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "copy.nii.gz"))).max() > 100


@posix
def test_rows_of_pairs_go_into_a_pipe_one_by_one(evanyseg, picture, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("image,mask\n" + "image.png,mask.png\n" * 3)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", *E, "-o", pipe)[0] == 0
    reader.join(30)
    assert len(list(csv.DictReader(io.StringIO(found[0])))) == 3
    assert names(tmp_path) == ["image.png", "mask.png", "p.csv", "pipe"]


@posix
def test_devices_are_written_into(evanyseg, picture, tmp_path: Path) -> None:
    before = os.stat("/dev/null")
    assert evanyseg("score", *picture[:2], *E, "-o", "/dev/null")[0] == 0
    assert os.stat("/dev/null").st_ino == before.st_ino
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    if Path("/dev/full").exists():
        code, _, err = evanyseg("score", *picture[:2], *E, "-o", "/dev/full")
        assert (code, "The disk is full" in err) == (2, True)


@posix
@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
@pytest.mark.parametrize("pairs", [False, True])
def test_standard_output_holds_the_table_and_nothing_else(bright_process, picture, name: str, pairs: bool) -> None:
    folder = picture[0].parent
    (folder / "p.csv").write_text("image,mask\nimage.png,mask.png\n")
    given = ("--pairs", "p.csv") if pairs else ("image.png", "mask.png")
    with (folder / "out.txt").open("ab") as out:  # a file, begun by somebody else
        out.write(b"before\n")
        out.flush()
        done = bright_process("score", *given, *E, "-o", name, folder=folder, stdout=out)
    assert done.returncode == 0, done.stderr
    first, rest = (folder / "out.txt").read_text().split("\n", 1)
    assert first == "before"
    (row,) = csv.DictReader(io.StringIO(rest))
    assert float(row["pred_dice"]) > 0.99
    assert "Written" not in done.stderr
    assert not (folder / "-").exists()
    assert "Mean Dice" in done.stderr or "1 rows" in done.stderr or "Predicted quality" in done.stderr


def test_two_documents_do_not_go_to_standard_output(evanyseg, picture, tmp_path: Path) -> None:
    for arguments in (("-o", "-", "--json"), ("-o", "-", "--report", "-")):
        code, out, err = evanyseg("score", *picture[:2], *E, *arguments)
        assert (code, out) == (2, "")
        assert "standard output" in err or "asked for twice" in err
    for arguments in (("score", *picture[:2], "--overlay", "-"), ("segment", picture[0], *BOX, *S, "-o", "-")):
        code, out, err = evanyseg(*arguments, *E)
        assert (code, out) == (2, "")
        assert "without an ending" in " ".join(err.split())


@posix
def test_a_link_stays_and_its_target_is_replaced(evanyseg, picture, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "real.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    assert evanyseg("score", *picture[:2], *E, "-o", link)[0] == 0
    assert link.is_symlink()
    assert target.read_text().startswith("segment,")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert names(tmp_path / "far") == ["real.csv"]


@posix
def test_folders_and_sockets_are_refused_before_a_network_is_loaded(evanyseg, picture, tmp_path: Path) -> None:
    (tmp_path / "d.csv").mkdir()
    (tmp_path / "file").write_text("")
    place = tmp_path / "s.csv"
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(tmp_path)  # names of sockets are short
        server.bind("s.csv")
        cases = {
            "d.csv": "is a folder",
            "s.csv": "is a socket",
            "file/x.csv": "Not a directory",
        }
        for name, why in cases.items():
            code, _, err = evanyseg("score", *picture[:2], "--estimator", "brigth", "-o", name)
            assert (code, why in err) == (2, True), err
    assert stat.S_ISSOCK(place.stat().st_mode)
    assert (tmp_path / "d.csv").is_dir()


@posix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_write_protected_places_are_refused(evanyseg, picture, tmp_path: Path) -> None:
    out, folder = tmp_path / "s.csv", tmp_path / "shut"
    out.write_text("precious")
    out.chmod(0o444)
    folder.mkdir(mode=0o555)
    for name in (out, folder / "s.csv"):
        code, _, err = evanyseg("score", *picture[:2], "--estimator", "brigth", "-o", name)
        assert (code, "write-protected" in err) == (2, True)


def test_an_interrupt_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def stop_halfway() -> None:
        with atomic_path(tmp_path / "a.csv") as part:
            part.write_text("half")
            (part.parent / "beside.raw").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    assert names(tmp_path) == []


# ---- formats -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["A.NII.GZ", "a.Nii", "A.NRRD", "A.MHA", "A.MHD", "a.mhd", "x y.v2.mhd"])
def test_endings_of_volumes_are_matched_without_case(evanyseg, volume, tmp_path: Path, name: str) -> None:
    before = set(names(tmp_path))
    assert evanyseg("score", *volume, *E, "--overlay", tmp_path / name)[0] == 0
    stem = name[: -len(".nii.gz")] if name.lower().endswith(".nii.gz") else name.rsplit(".", 1)[0]
    beside = {f"{stem}.zraw"} if name.lower().endswith(".mhd") else set()
    assert set(names(tmp_path)) - before == {name, f"{stem}.ctbl", *beside}
    lower = tmp_path / name.lower()
    if lower.name != name:  # ITK knows formats by small letters
        (tmp_path / name).rename(lower)
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(lower))).max() > 100


def test_a_header_and_its_voxels_are_replaced_together(tmp_path: Path) -> None:
    path, grid = tmp_path / "l.mhd", phantom.volume(SHAPE)
    for value in (1, 2):
        write_labels(path, phantom.ball(SHAPE).astype(np.uint8) * value, grid)
        assert "ElementDataFile = l.zraw" in path.read_text()
        assert read_segmentation(path).segments[0].value == value
    assert names(tmp_path) == ["l.mhd", "l.zraw"]


@pytest.mark.parametrize("name", ["m.mhd", "m.hdr", "m.nhdr", "m.mha", "m.nrrd"])
def test_select_copies_a_mask_with_the_voxels_beside_it(evanyseg, volume, tmp_path: Path, name: str) -> None:
    (tmp_path / "masks").mkdir()
    grid, ball = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    good = files.write_volume(tmp_path / "masks" / name, grid, ball)
    bad = files.write_volume(tmp_path / "masks" / f"bad-{name}", grid, np.roll(ball, 9, axis=2))
    out = tmp_path / f"best{good.suffix}"
    before = {p.name: p.read_bytes() for p in (tmp_path / "masks").iterdir()}
    code, _, err = evanyseg("select", volume[0], bad, good, *E, "-o", out)
    assert code == 0, err
    assert {p.name: p.read_bytes() for p in (tmp_path / "masks").iterdir()} == before
    for file in (tmp_path / "masks").iterdir():
        file.unlink()  # the copy stands by itself
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(out))), ball)
    assert {n.split(".")[0] for n in names(tmp_path) if n.startswith("best")} == {"best"}


def test_a_header_of_several_files_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_text("NDims = 3\nElementDataFile = slice%03d.raw 1 9 1\n")
    with pytest.raises(OutputError, match="cannot be copied"):
        copy_mask(tmp_path / "a.mhd", tmp_path / "b.mhd")
    assert names(tmp_path) == ["a.mhd"]


# ---- names -------------------------------------------------------------------------------------------------------

ODD = ["[/red].csv", "[x].csv", "[bold]a[", "a:warning:b.csv", "-x.csv", "ü\u202e.csv"]


@pytest.mark.parametrize("name", [n if n.endswith(".csv") else f"{n}.csv" for n in ODD])
def test_names_are_shown_as_they_are(evanyseg, picture, tmp_path: Path, name: str) -> None:
    code, _, err = evanyseg("score", *picture[:2], *E, "-o", tmp_path / name)
    assert code == 0
    assert (tmp_path / name).exists()
    assert name.replace("\u202e", "\\u202e") in err.replace("\n", "")


@posix
def test_names_that_are_no_unicode_and_names_with_commands_for_the_terminal(evanyseg, picture, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"a\xff\x1b[31m.png")
    picture[1].rename(odd)
    code, text, err = evanyseg("score", picture[0], odd, *E, "--json", "-o", tmp_path / "s.json")
    assert code == 0, err
    assert json.loads(text)["rows"]
    json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    code, out, err = evanyseg("score", picture[0], odd, *E, "--report", tmp_path / os.fsdecode(b"r\xff\x1b.html"))
    assert code == 0
    assert "\x1b" not in out + err
    code, _, err = evanyseg("score", odd, tmp_path / "[red]gone\x1b[0m.png", *E)
    assert (code, "\x1b" in err, "[red]gone" in err) == (2, False, True)


def test_odd_names_of_segments_candidates_and_columns(evanyseg, picture, volume, tmp_path: Path) -> None:
    (tmp_path / "[").mkdir()
    odd = picture[1].rename(tmp_path / "[/bold].png")
    assert "[/bold].png" in "".join(evanyseg("select", picture[0], odd, *E)[1].split())
    path = tmp_path / "s.csv"
    path.write_text("image,[/x],segmenter,pred_dice\n[/red],1,[x],0.5\nb,2,:smiley:,0.4\n")
    assert "[/red]" in evanyseg("triage", path, "--percentile", 100)[1]
    path.write_text("image,segmenter,pred_dice\na,[x],0.5\na,:smiley:,0.4\n")
    text = evanyseg("compare", path)[1]
    assert "[x] - :smiley:" in text
    out = evanyseg("segment", picture[0].rename(tmp_path / "[i] :x:.png"), *BOX, *E, *S, "-o", tmp_path / "[b].png")
    assert "[i] :x:.png" in out[1]
    assert "[b].png" in out[2].replace("\n", "")


def test_text_is_written_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "a\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"a\nb\n"


def test_a_closed_reader_ends_the_command_in_words(bright_process, picture) -> None:
    folder = picture[0].parent
    (folder / "p.csv").write_text("image,mask\n" + "image.png,mask.png\n" * 2000)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as reader:
        done = bright_process("score", "--pairs", "p.csv", *E, "-o", "-", folder=folder, stdout=reader.stdin)
        reader.stdin.close()
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
