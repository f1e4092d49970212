"""`evanyseg watch`: what lies in a folder, when it is whole, and what becomes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine import dicom_masks, files, phantom
from engine.cli_fixtures import SHAPE, E, bright_command, bright_environment, table
from engine.segments import named_file
from evanyseg.bands import BandThresholds
from evanyseg.errors import EvanySegError, ImageError, OutputError
from evanyseg.watching import arrivals, hook
from evanyseg.watching.arrivals import Inbox
from evanyseg.watching.hook import Hook
from evanyseg.watching.ledger import COLUMNS, Ledger
from evanyseg.watching.page import REST_S, DayPages

BALL = phantom.ball(SHAPE)
never = lambda name, fingerprint: False


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def put(folder: Path, name: str, mask_name: str, shift: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    files.write_volume(folder / f"{name}.nii.gz", phantom.volume(SHAPE))
    return files.write_volume(folder / f"{mask_name}.nii.gz", phantom.volume(SHAPE), np.roll(BALL, shift, 2))


def names(inbox: Inbox) -> list[str]:
    return [one.name for one in inbox.ready(never)]


def test_masks_are_found_beside_their_images_and_in_a_folder_of_their_own(tmp_path: Path) -> None:
    for name, mask in (("a", "a_seg"), ("b_0000", "b_mask"), ("lonely", "other_seg")):
        put(tmp_path / "in", name, mask)
    put(tmp_path / "in" / "ward 3", "c", "c-seg")
    inbox = Inbox(tmp_path / "in", settle=0)
    assert names(inbox) == ["a_seg", "b_mask", "ward 3__c-seg"]
    found = {one.name: one for one in inbox.arrivals()}
    assert found["b_mask"].image.name == "b_0000.nii.gz"
    masks = tmp_path / "predicted"
    masks.mkdir()
    for name in ("a", "b", "gone"):
        shutil.copy(tmp_path / "in" / "a_seg.nii.gz", masks / f"{name}.nii.gz")
    assert names(Inbox(tmp_path / "in", masks, settle=0)) == ["a", "b"]
    with pytest.raises(ImageError, match="is no folder"):
        Inbox(tmp_path / "nowhere")


def test_a_file_that_still_grows_is_not_taken(tmp_path: Path) -> None:
    mask = put(tmp_path, "a", "a_seg")
    whole, clock = mask.read_bytes(), Clock()
    inbox = Inbox(tmp_path, settle=10, clock=clock)
    mask.write_bytes(whole[:50])
    for clock.now, size in ((0, 60), (6, 70), (12, 80)):
        mask.write_bytes(whole[:size])
        assert (names(inbox), inbox.unsettled) == ([], 1)
    mask.write_bytes(whole)
    clock.now = 18
    assert names(inbox) == []
    clock.now = 27.9
    assert names(inbox) == []
    clock.now = 28
    assert (names(inbox), inbox.unsettled) == (["a_seg"], 0)
    known = next(inbox.arrivals()).fingerprint
    assert inbox.ready(lambda name, fingerprint: fingerprint == known) == []
    os.utime(mask, (1, 1))
    assert inbox.ready(lambda name, fingerprint: fingerprint == known) == [], "changed: it has to come to rest again"
    clock.now = 40
    assert [one.name for one in inbox.ready(lambda name, fingerprint: fingerprint == known)] == ["a_seg"]


def test_copies_in_progress_and_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path / ".Trash", "a", "a_seg")
    mask = put(tmp_path, "b", "b_seg")
    mask.rename(tmp_path / ".b_seg.nii.gz.Xy12")
    (tmp_path / "b_seg.nii.gz.part").write_bytes(b"x")
    assert names(Inbox(tmp_path, settle=0)) == []


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = dicom_masks.write_series(tmp_path / "in" / "study", phantom.volume(SHAPE))
    pixels = np.stack([BALL, np.roll(BALL, 9, 2)], axis=-1).astype(np.uint8)
    dicom_masks.save(tmp_path / "seg.dcm", dicom_masks.segmentation(folder, pixels, ("ball", "moved")))
    (tmp_path / "seg.dcm").rename(folder / "seg.dcm")
    return folder


def test_a_series_and_its_seg_are_one_case_whose_headers_are_read_once(study: Path, monkeypatch) -> None:
    inbox = Inbox(study.parent, settle=0)
    (found,) = inbox.ready(never)
    assert (found.name, found.image, found.mask) == ("study__seg", study, study / "seg.dcm")
    assert found.dicom
    monkeypatch.setattr(arrivals, "mask_objects", lambda folder: pytest.fail("headers were read again"))
    assert len(inbox.ready(never)) == 1


def row(case: str, fingerprint: str = "f", **more: object) -> dict[str, object]:
    return {"time": "2026-11-26 10:00:00", "case": case, "fingerprint": fingerprint, "pred_dice": 0.5, **more}


def test_the_ledger_is_read_again_and_a_cut_case_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    ledger = Ledger(path)
    ledger.add([row("=SUM(A1)", segment="=x")])
    ledger.add([row("two", segment="s1"), row("two", segment="s2")])
    again = Ledger(path)
    assert again.rows == ledger.rows
    assert again.knows("=SUM(A1)", "f")
    assert not again.knows("=SUM(A1)", "g")
    assert "'=SUM(A1)" in path.read_text(), "a spreadsheet must not run it"
    path.write_bytes(path.read_bytes()[:-5])  # the power went while the last line was written
    cut = Ledger(path)
    assert cut.knows("=SUM(A1)", "f")
    assert not cut.knows("two", "f"), "half of a case is no case"
    cut.add([row("two", segment="s1"), row("two", segment="s2")])
    assert Ledger(path).rows == ledger.rows
    assert [r["segment"] for r in Ledger(path).of_day("2026-11-26")] == ["=x", "s1", "s2"]
    cut.add([row("two", "g", segment="s1")])
    assert [r["fingerprint"] for r in cut.of_day("2026-11-26") if r["case"] == "two"] == ["g"]
    path.write_text("image,mask\n")
    with pytest.raises(OutputError, match="not the table of a watch"):
        Ledger(path)


def test_a_hook_gets_facts_and_never_a_shell(tmp_path: Path, monkeypatch) -> None:
    script = tmp_path / "hook.py"
    script.write_text("import os, sys, pathlib\npathlib.Path(sys.argv[1]).write_text(os.environ['EVANYSEG_CASE'])\n")
    quoted = lambda path: f'"{path}"'
    called = Hook.parsed(f"{quoted(sys.executable)} {quoted(script)} {quoted(tmp_path / 'said')}", 0.7)
    assert called.call({"case": "; rm -rf x"}) == ""
    assert (tmp_path / "said").read_text() == "; rm -rf x"
    script.write_text("import sys\nprint('no mail server', file=sys.stderr)\nsys.exit(3)\n")
    assert called.call({"case": "a"}) == "the hook ended with code 3: no mail server"
    assert "cannot be run" in Hook.parsed(str(tmp_path / "nothing"), 0.7).call({})
    script.write_text("import time\ntime.sleep(30)\n")
    monkeypatch.setattr(hook, "LONGEST", 0.5)
    assert "took longer" in called.call({})
    for text in ('"', " "):
        with pytest.raises(EvanySegError, match="--hook"):
            Hook.parsed(text, 0.7)


def test_what_arrived_is_scored_once_and_again_when_it_changes(evanyseg, tmp_path: Path, study: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    mask = put(folder, "a", "a_seg")
    (folder / "bad_seg.nii.gz").write_bytes(b"no mask")
    shutil.copy(folder / "a.nii.gz", folder / "bad.nii.gz")
    arguments = ("watch", folder, "-o", out, "--once", "--settle", 0, *E)
    code, _, err = evanyseg(*arguments)
    assert code == 1
    assert "bad_seg: bad_seg.nii.gz" in err
    rows = table(out / "scores.csv")
    assert list(rows[0]) == list(COLUMNS)
    assert [(r["case"], r["segment"]) for r in rows] == [
        ("a_seg", "Label 1"), ("bad_seg", ""), ("study__seg", "ball"), ("study__seg", "moved"),
    ]  # fmt: skip
    assert float(rows[2]["pred_dice"]) > float(rows[3]["pred_dice"])
    assert {p.name for p in (out / "cases" / "study__seg").iterdir()} == {"slices.csv", "report.html", "quality.dcm"}
    (page,) = out.glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "Cases: 3. Segments below 0.7: 1. Cases that could not be scored: 1<" in text
    assert text.index("bad_seg") < text.index("moved") < text.index("ball")
    assert 'href="cases/a_seg/report.html"' in text
    code, _, err = evanyseg(*arguments)
    assert (code, table(out / "scores.csv")) == (0, rows), "nothing new"
    assert "4 rows of earlier runs" in err
    files.write_volume(mask, phantom.volume(SHAPE), np.roll(BALL, 12, 2))
    assert evanyseg(*arguments)[0] == 0
    assert [r["case"] for r in table(out / "scores.csv")[4:]] == ["a_seg"]
    assert page.read_text(encoding="utf-8").count('href="cases/a_seg/report.html"') == 1, (
        "the page shows the last score"
    )


def test_what_reading_the_files_gave_rise_to_stands_in_the_notes(evanyseg, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    files.write_volume(folder / "a.nii.gz", phantom.volume(SHAPE))
    named_file(folder / "a.seg.nrrd", ("liver", "liver", 1))
    assert evanyseg("watch", folder, "-o", out, "--once", "--settle", 0, *E)[0] == 0
    (row,) = table(out / "scores.csv")
    assert row["caveats"] == "a.seg.nrrd has voxels of the value 2, which no segment claims: they are left out."
    (page,) = out.glob("*.html")
    assert row["caveats"] in page.read_text(encoding="utf-8")


def test_a_hook_is_called_also_when_the_watch_was_killed_meanwhile(evanyseg, tmp_path: Path, monkeypatch) -> None:
    """Rather twice than never; and the page of the day is there after a restart, whenever the stop came."""
    put(tmp_path / "in", "a", "a_seg", shift=12)
    (tmp_path / "hook.py").write_text("open('told.txt', 'a').write('x')")
    monkeypatch.chdir(tmp_path)
    arguments = ("watch", "in", "-o", "out", "--once", "--settle", 0, "--below", 1, *E)
    hooked = (*arguments, "--hook", f"{sys.executable} hook.py")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert evanyseg(*hooked)[0] == 130
    assert (tmp_path / "told.txt").read_text() == "x"
    assert not (tmp_path / "out" / "scores.csv").exists()
    assert evanyseg(*hooked)[0] == 0
    assert (tmp_path / "told.txt").read_text() == "xx"
    assert len(table(tmp_path / "out" / "scores.csv")) == 1
    (page,) = (tmp_path / "out").glob("*.html")
    page.unlink()
    assert evanyseg(*hooked)[0] == 0
    assert "a_seg" in page.read_text()
    assert (tmp_path / "told.txt").read_text() == "xx"


def test_a_nifti_mask_of_a_series_becomes_a_seg_with_its_report(evanyseg, tmp_path: Path, study: Path) -> None:
    (study / "seg.dcm").unlink()
    files.write_volume(study / "mask.nii.gz", phantom.volume(SHAPE), BALL)
    arguments = ("watch", tmp_path / "in", "--once", "--settle", 0, *E)
    assert evanyseg(*arguments, "-o", tmp_path / "plain")[0] == 0
    made = tmp_path / "plain" / "cases" / "study__mask"
    assert {p.name for p in made.iterdir()} == {"slices.csv", "report.html"}, "nobody said who made it"
    code, _, err = evanyseg(*arguments, "-o", tmp_path / "out", "--segmented-by", "night net")
    assert code == 0, err
    made = tmp_path / "out" / "cases" / "study__mask"
    assert {p.name for p in made.iterdir()} == {"slices.csv", "report.html", "seg.dcm", "quality.dcm"}
    found = dicom_masks.read(made / "seg.dcm", study)
    assert np.array_equal(dicom_masks.masks(found)[0], BALL)
    seg, report = (pydicom.dcmread(made / name) for name in ("seg.dcm", "quality.dcm"))
    assert seg.SOPInstanceUID in str(report)
    assert "night net" in str(seg)
    assert evanyseg(*arguments, "-o", tmp_path / "none", "--segmented-by", " ")[0] == 2


def test_looks_into_a_large_folder_become_rarer(evanyseg, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "in").mkdir()
    now = iter(range(0, 1000, 2))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.process_time", lambda: next(now))
    monkeypatch.setattr("time.sleep", sleep)
    assert evanyseg("watch", tmp_path / "in", "-o", tmp_path / "out", *E)[0] == 130
    assert slept == [300, 300], "two seconds of looking in three hundred"
    slept.clear()
    put(tmp_path / "in", "a", "a_seg")
    assert evanyseg("watch", tmp_path / "in", "-o", tmp_path / "out", "--settle", 60, *E)[0] == 130
    assert slept == [5, 5], "something has arrived"


def test_a_page_of_many_cases_is_written_now_and_then(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path / "scores.csv"), Clock()
    pages = DayPages(tmp_path, ledger, BandThresholds(), {}, clock)
    page = tmp_path / "2026-11-26.html"
    for number in range(25):
        clock.now += 1
        ledger.add([row(f"c{number}")])
        pages.due("2026-11-26")
        assert page.read_text().count("<tr><td>") == 1 + number // REST_S * REST_S
    pages.finish()
    assert page.read_text().count("<tr><td>") == 25


def test_results_must_not_lie_in_what_is_watched(evanyseg, tmp_path: Path) -> None:
    put(tmp_path / "in", "a", "a_seg")
    code, _, err = evanyseg("watch", tmp_path / "in", "-o", tmp_path / "in" / "out", *E)
    assert code == 2
    assert "would lie in the watched folder" in err
    assert not (tmp_path / "in" / "out").exists()
    assert evanyseg("watch", tmp_path / "nowhere", "-o", tmp_path / "out", *E)[0] == 2


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_watch_that_is_ended_says_where_it_goes_on(tmp_path: Path) -> None:
    put(tmp_path / "in", "a", "a_seg")
    command = bright_command("watch", "in", "-o", "out", "--settle", 0.2, "--every", 0.2, *E)
    running = subprocess.Popen(command, cwd=tmp_path, env=bright_environment(), stderr=subprocess.PIPE, text=True)
    scores = tmp_path / "out" / "scores.csv"
    try:
        for case in ("a_seg", "b_seg"):
            until = time.monotonic() + 120
            while not (scores.exists() and case in scores.read_text()) and time.monotonic() < until:
                assert running.poll() is None, running.communicate()
                time.sleep(0.1)
            if case == "a_seg":
                put(tmp_path / "in", "b", "b_seg")
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 128 + signal.SIGTERM
    assert "What is scored is in out/scores.csv; the same command goes on from there." in " ".join(err.split())
    assert [r["case"] for r in table(scores)] == ["a_seg", "b_seg"]
