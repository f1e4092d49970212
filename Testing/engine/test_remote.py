"""Images, masks, tables and results under addresses (s3://, memory://, file://): the same results as from files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, table
from evanyseg.errors import EvanySegError, ImageError, MissingPackageError, OutputError
from evanyseg.io.overwrite import refuse_overwriting
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.remote import address, joined, local_copy, plain, shown, whole
from evanyseg.io.remote.copies import KEPT, Copies
from evanyseg.io.remote.upload import upload
from evanyseg.io.write import write_text
from evanyseg.scoring.unfinished import partial_path

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store():
    """An empty store in memory."""
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def put(store, folder: Path, below: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            store.pipe_file(f"/{below}/{path.relative_to(folder).as_posix()}", path.read_bytes())


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """Pictures, a volume in NIfTI and one in two files, a table of them; one mask is not there."""
    folder = tmp_path / "local"
    folder.mkdir()
    pixels, mask = phantom.picture()
    lines = ["image,mask,gold,note"]
    for n in range(3):
        files.write_image_2d(folder / f"i{n}.png", np.roll(pixels, n, 1))
        files.write_image_2d(folder / f"m{n}.png", np.roll(mask, n + 1, 1).astype(np.uint8) * 255)
        lines.append(f"i{n}.png,{'gone' if n == 1 else f'm{n}'}.png,m{n}.png,n{n}")
    ball = phantom.ball(SHAPE).astype(np.uint8)
    files.write_volume(folder / "v.nii.gz", phantom.volume(SHAPE))
    files.write_volume(folder / "vm.mhd", phantom.volume(SHAPE), ball)
    lines.append("v.nii.gz,vm.mhd,vm.mhd,volume")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_what_is_an_address(tmp_path: Path, monkeypatch) -> None:
    assert address("s3://bucket/a b.nii.gz") == "s3://bucket/a b.nii.gz"
    assert address(Path("s3://bucket/x/i.png")) == "s3://bucket/x/i.png", "a path has but one slash"
    assert shown(Path("s3://bucket") / "i.png") == "s3://bucket/i.png"
    for path in ("i.png", "/data/i.png", "C:/data/i.png", "a:b.png", "data/s3://x", "~/i.png"):
        assert address(path) is None
        assert plain(Path(path)) == Path(path)
    assert address("file:///data/i.png") is None
    assert plain(Path("file:///data/i.png")) == Path("/data/i.png")
    assert plain(Path("file:///C:/data/i.png")) == Path("C:/data/i.png")
    assert joined(Path("folder"), "i.png") == Path("folder/i.png")
    assert joined(Path("folder"), "s3://b/i.png") == Path("s3://b/i.png")
    assert whole(Path("s3://b/i.png")) == Path("s3://b/i.png")
    (tmp_path / "memory:").mkdir()
    monkeypatch.chdir(tmp_path)
    assert address("memory:/i.png") is None, "a folder that is called so"


@pytest.mark.parametrize("command", ["score", "audit", "assess"])
def test_a_cohort_in_a_store_is_that_of_a_folder(
    evanyseg, local: Path, store, tmp_path: Path, monkeypatch, command: str
) -> None:
    put(store, local, "cohort")
    monkeypatch.chdir(tmp_path)
    given = {
        "score": ("score", "--pairs", "{}/pairs.csv", *E, "-o", "{}/out.csv"),
        "audit": ("audit", "{}/pairs.csv", *E, "-o", "{}/out", "--worst", 1),
        "assess": ("assess", "{}/pairs.csv", "--truth-column", "gold", *E, "-o", "{}/out.csv", "--report", "{}/r.html"),
    }[command]
    for base in (str(local), "memory://cohort"):
        code, out, err = evanyseg(*(str(a).format(base) for a in given))
        assert code == 1, err
        assert "There is no file" in " ".join((out + err).split())
        assert f"{base}/" in out + err
    made = "out/cases.csv" if command == "audit" else "out.csv"
    here = (local / made).read_bytes().decode().replace(f"{local}/", "memory://cohort/")
    assert store.cat_file(f"/cohort/{made}").decode() == here
    assert len(here.splitlines()) == 5 if command == "score" else len(here.splitlines()) > 4
    if command != "score":
        assert store.exists(f"/cohort/{'out/audit.html' if command == 'audit' else 'r.html'}")
    assert not list(tmp_path.glob("*.partial.csv")), "the finished rows were here while the run went on"


def test_a_table_here_may_name_files_there_and_file_addresses(evanyseg, local: Path, store, tmp_path: Path) -> None:
    put(store, local, "cohort")
    (tmp_path / "t.csv").write_text(
        f"image,mask\nmemory://cohort/i0.png,{local}/m0.png\nfile://{local}/i0.png,memory://cohort/m0.png\n"
    )
    code, _, err = evanyseg("score", "--pairs", f"file://{tmp_path}/t.csv", *E, "-o", f"file://{tmp_path}/s.csv")
    assert code == 0, err
    first, second = table(tmp_path / "s.csv")
    assert first["pred_dice"] == second["pred_dice"] != ""


@pytest.mark.skipif(os.name != "posix", reason="file addresses of this form")
def test_workers_read_file_addresses(evanyseg, local: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    common = ("score", "--pairs", f"file://{local}/pairs.csv", "--device", "cpu")
    evanyseg(*common, "-o", tmp_path / "serial.csv")
    code, _, err = evanyseg(*common, "-o", f"file://{tmp_path}/two.csv", "--cluster", "local:1")
    assert code == 1, err
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "serial.csv").read_bytes()


def test_a_stopped_run_to_a_store_goes_on(evanyseg, local: Path, store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(store, local, "cohort")
    common = ("score", "--pairs", "memory://cohort/pairs.csv", *E, "-o", "memory://cohort/s.csv")
    evanyseg(*common)
    whole_table = store.cat_file("/cohort/s.csv")
    real = store.put_file
    monkeypatch.setattr(type(store), "put_file", lambda *a, **k: (_ for _ in ()).throw(OSError("no room")))
    code, _, err = evanyseg(*common)
    assert code == 2
    assert "memory://cohort/s.csv cannot be written (no room)" in " ".join(err.split())
    assert store.cat_file("/cohort/s.csv") == whole_table, "an older one stays"
    partial = partial_path(Path("memory://cohort/s.csv"))
    assert len(table(partial)) == 4
    monkeypatch.setattr(type(store), "put_file", real.__func__)
    store.rm("/cohort/s.csv")
    assert evanyseg(*common, "--resume")[0] == 1
    assert store.cat_file("/cohort/s.csv") == whole_table
    assert not partial.exists()


def test_a_dicom_folder_and_both_halves_of_a_volume_are_fetched(local: Path, store) -> None:
    put(store, local, "b")
    assert np.array_equal(
        read_segmentation("memory://b/vm.mhd").layers[0], read_segmentation(local / "vm.mhd").layers[0]
    )
    copy = local_copy(Path("memory://b"))
    assert sorted(p.name for p in copy.iterdir()) == sorted(p.name for p in local.iterdir())
    with pytest.raises(ImageError, match=r"There is no file memory://b/no\.png"):
        read_image("memory://b/no.png")


def test_copies_follow_the_content_and_are_bounded(store) -> None:
    copies = Copies(limit=100)
    store.pipe_file("/b/x.bin", b"1" * 60)
    first = copies.of("memory://b/x.bin")
    assert copies.of("memory://b/x.bin") == first
    store.pipe_file("/b/x.bin", b"2" * 60)
    second = copies.of("memory://b/x.bin")
    assert (second != first, second.read_bytes()) == (True, b"2" * 60)
    for n in range(8):
        store.pipe_file(f"/b/{n}.bin", b"x" * 60)
        assert copies.of(f"memory://b/{n}.bin").read_bytes() == b"x" * 60
    kept = list(Path(copies._folder.name).rglob("*.bin"))
    assert len(kept) == KEPT, "the oldest go; what a row needs stays"
    assert not second.exists()
    assert copies.of("memory://b/x.bin").read_bytes() == b"2" * 60, "and is fetched again"


def test_results_do_not_replace_what_they_are_made_of(local: Path, store) -> None:
    with pytest.raises(OutputError, match="would replace the input"):
        refuse_overwriting([Path("memory://b/x.csv")], ["memory://b/x.csv"])
    with pytest.raises(OutputError, match="asked for twice"):
        refuse_overwriting([Path("memory://b/x.csv"), Path("memory://b/x.csv")], [])
    with pytest.raises(OutputError, match="would replace the input"):
        refuse_overwriting([Path(f"file://{local}/i0.png")], [local / "i0.png"])


def test_stores_without_whole_uploads_get_a_rename(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "part.txt").write_text("new")
    seen = []

    class Server:
        def makedirs(self, folder, exist_ok):
            seen.append(("folder", folder))

        def put_file(self, here, there):
            seen.append(("put", there))

        def mv(self, one, other):
            seen.append(("to", other))

    monkeypatch.setattr("evanyseg.io.remote.upload.store_of", lambda found: (Server(), "/d/x.txt"))
    upload([tmp_path / "part.txt"], Path("sftp://host/d/x.txt"))
    assert [kind for kind, _ in seen] == ["folder", "put", "to"]
    assert seen[1][1] != seen[2][1] == "/d/x.txt"


def test_what_cannot_be_reached_is_said(evanyseg, local: Path, tmp_path: Path, monkeypatch) -> None:
    for found, why in (
        ("https://host/i.png", "nothing is taken from the web"),
        ("http://host/i.png", "nothing is taken from the web"),
        ("simplecache://x", "of no kind that is known here"),
        ("memory://x::http://host/i.png", "of no kind that is known here"),
    ):
        with pytest.raises(EvanySegError, match=why):
            read_image(found)
        with pytest.raises(EvanySegError, match=why):
            write_text(Path(found), "x")
    (tmp_path / "t.csv").write_text("image,mask\nhttp://127.0.0.1:9/i.png,m.png\n")
    code, _, err = evanyseg("score", "--pairs", tmp_path / "t.csv", *E, "-o", tmp_path / "s.csv")
    assert (code, "row 1: http://127.0.0.1:9/i.png is not fetched" in " ".join(err.split())) == (1, True)
    code, _, err = evanyseg("audit", "memory://nothing", *E, "-o", tmp_path / "a")
    assert (code, "There is no file memory://nothing" in " ".join(err.split())) == (2, True)
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(MissingPackageError, match=r"s3:// addresses need fsspec.*evanyseg-slicer\[cluster\]"):
        read_image("s3://b/i.png")


def test_a_missing_package_of_a_store_is_said(monkeypatch) -> None:
    def missing(found):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(MissingPackageError, match="s3:// addresses need another package: Install s3fs"):
        read_image("s3://b/i.png")
