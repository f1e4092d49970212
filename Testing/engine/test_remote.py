"""Images, masks, tables and results under addresses (s3://, memory://, file://): the same results as from files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from engine.audit_sets import nnunet, organs, save
from engine.cli_fixtures import SHAPE, E, table
from evanyseg.audit.layouts import read_dataset
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


def decathlon(folder: Path) -> Path:
    nnunet(folder, 2)
    for name, other in (("imagesTr/case_0{}_0000.nii.gz", "imagesTr/case_0{}.nii.gz"),):
        for n in range(2):
            (folder / name.format(n)).rename(folder / other.format(n))
    pairs = [{"image": f"./imagesTr/case_0{n}.nii.gz", "label": f"./labelsTr/case_0{n}.nii.gz"} for n in range(2)]
    (folder / "dataset.json").write_text(json.dumps({"labels": {"1": "left", "2": "right"}, "training": pairs}))
    return folder


def bids(folder: Path) -> Path:
    """Derivatives within the raw data set, which has the images and the people."""
    for n in range(2):
        image, labels = organs(n)
        save(folder / f"sub-0{n}" / "anat" / f"sub-0{n}_T1w.nii.gz", image)
        save(folder / "derivatives" / "seg" / f"sub-0{n}" / "anat" / f"sub-0{n}_desc-x_dseg.nii.gz", labels)
    (folder / "participants.tsv").write_text("participant_id\tsex\nsub-00\tF\nsub-01\tM\n")
    return folder / "derivatives" / "seg"


@pytest.mark.parametrize(
    "made", [lambda folder: nnunet(folder, 2), decathlon, bids], ids=["nnunet", "decathlon", "bids"]
)
def test_the_folder_of_a_data_set_in_a_store_is_audited_as_one_here(evanyseg, store, tmp_path: Path, made) -> None:
    here = made(tmp_path / "set")
    put(store, tmp_path / "set", "data/set")
    there = f"memory://data/set/{here.relative_to(tmp_path / 'set').as_posix()}".removesuffix("/.")
    fetched, real = [], store.get_file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "get_file", lambda self, name, *a, **k: fetched.append(name) or real(name, *a, **k))
        names = [(c.name, c.subject, dict(c.metadata)) for c in read_dataset(Path(there))]
    assert names == [(c.name, c.subject, dict(c.metadata)) for c in read_dataset(here)]
    assert {Path(name).name for name in fetched} <= {"dataset.json", "participants.tsv"}, "no image yet"
    tables = []
    for number, folder in enumerate((here, f"file://{here}", there)):
        code, _, err = evanyseg("audit", folder, "-o", tmp_path / f"out{number}", *E, "--worst", 1)
        assert code == 0, err
        text = (tmp_path / f"out{number}" / "cases.csv").read_text()
        tables.append(text.replace("memory://data/set", str(tmp_path / "set")))
        assert (tmp_path / f"out{number}" / "audit.html").read_text().count("<img ") == 2
    assert tables[0] == tables[1] == tables[2]
    assert tables[0].count("\n") == 5


def test_masks_of_a_model_and_people_may_be_in_a_store(evanyseg, store, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 3)
    for n in range(2):
        save(tmp_path / "predicted" / f"case_{n:02}.nii.gz", organs(n, bad=True)[1])
    put(store, tmp_path / "predicted", "predicted")
    store.pipe_file("/people.csv", b"case,sex\ncase_00,F\ncase_01,M\n")
    tables = []
    for masks in (tmp_path / "predicted", "memory://predicted"):
        asked = ("--masks", masks, "--metadata", "memory://people.csv", "-o", tmp_path / "out")
        code, _, err = evanyseg("audit", folder, *asked, *E)
        assert code == 0, err
        tables.append(
            (tmp_path / "out" / "cases.csv").read_text().replace("memory://predicted", f"{tmp_path}/predicted")
        )
    assert tables[0] == tables[1]
    assert "kidney_left" in tables[0], "dataset.json named them"


def test_what_is_no_data_set_in_a_store_is_said_of_the_store(store, tmp_path: Path, monkeypatch) -> None:
    store.pipe_file("/odd/a/x.txt", b"x")
    with pytest.raises(ImageError, match="memory://odd is no data set that is known here"):
        read_dataset(Path("memory://odd"))
    store.pipe_file("/raw/sub-1/anat/sub-1_dseg.nii.gz", b"x")
    with pytest.raises(ImageError, match=r"no image for memory://raw/sub-1/anat/.* looked in memory://raw"):
        read_dataset(Path("memory://raw"))
    pairs = [{"image": "../../x.nii.gz", "label": "x.nii.gz"}]
    store.pipe_file("/out/dataset.json", json.dumps({"training": pairs}).encode())
    with pytest.raises(ImageError, match=r"memory://out/dataset\.json names .* which lies outside of the data set"):
        read_dataset(Path("memory://out/"))
    monkeypatch.setattr(type(store), "find", lambda *a, **k: ["/out/../etc/x"])
    with pytest.raises(ImageError, match="holds names that lead out of it"):
        read_dataset(Path("memory://out"))


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
