"""A run that is stopped keeps its finished rows, says so, and goes on where it was."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from engine.cli_fixtures import E, S, bright_command, bright_environment, table
from evanyseg.errors import OutputError
from evanyseg.scoring.unfinished import RowLog, partial_path

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
HELD = """
import time
from pathlib import Path

class Held(BrightEstimator):
    def __init__(self):
        super().__init__(batch=1)
        self.done = 0

    def _one(self, case, maps):
        self.done += 1
        if self.done > {rows} and not Path("go").exists():
            Path("here").write_text("")
            while not Path("go").exists():
                time.sleep(0.01)
        return super()._one(case, maps)

make["estimator"] = Held
"""
COUNT = 9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pixels, mask = phantom.picture()
    files.write_image_2d(tmp_path / "image.png", pixels)
    for n in range(COUNT):
        files.write_image_2d(tmp_path / f"m{n}.png", np.roll(mask, 2 * n, axis=1).astype(np.uint8) * 255)
    rows = "".join(f"image.png,m{n}.png,=note {n}\n" for n in range(COUNT - 1)) + "image.png,gone.png,x\n"
    (tmp_path / "p.csv").write_text("image,mask,note\n" + rows)
    (tmp_path / "b.csv").write_text("image,x0,y0,x1,y1\n" + "".join(f"image.png,{n},5,75,55\n" for n in range(COUNT)))
    volume = phantom.volume((4, 40, 48))
    files.write_volume(tmp_path / "v.nii.gz", volume)
    files.write_volume(tmp_path / "l.nii.gz", volume, phantom.ball((4, 40, 48)))
    (tmp_path / "v.csv").write_text("image,mask\n" + "v.nii.gz,l.nii.gz\n" * 5)
    return tmp_path


@contextmanager
def held(folder: Path, command: list[str]) -> Iterator[subprocess.Popen]:
    """A command that hangs after its first estimates; killed when the test is over, whatever happens."""
    running = subprocess.Popen(
        command, cwd=folder, env=bright_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while not (folder / "here").exists():
            assert running.poll() is None, running.communicate()
            time.sleep(0.02)
        yield running
    finally:
        running.kill()
        running.communicate()
        (folder / "here").unlink(missing_ok=True)


def stopped(folder: Path, sent: int, rows: int, *arguments: object, prelude: str = "") -> str:
    """Starts a command, waits until `rows` estimates are done and the next hangs, sends the signal; what it said."""
    with held(folder, bright_command(*arguments, prelude=prelude + HELD.format(rows=rows))) as running:
        running.send_signal(sent)
        said = running.communicate(timeout=60)[1]
    assert running.returncode == 128 + sent
    assert "Traceback" not in said
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    return " ".join(said.split())


@posix
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_pairs_keep_their_rows_and_resume(bright_process, folder: Path, sent: int) -> None:
    (folder / "s.csv").write_text("precious")
    said = stopped(folder, sent, 3, "score", "--pairs", "p.csv", *E, "-o", "s.csv")
    assert "Stopped (" in said
    assert f"3 finished rows are kept in {partial_path(Path('s.csv'))}; --resume goes on from there." in said
    assert (folder / "s.csv").read_text() == "precious"
    assert [r["note"] for r in table(folder / "s.partial.csv")] == [f"'=note {n}" for n in range(3)]
    (folder / "go").write_text("")
    done = bright_process("score", "--pairs", "p.csv", *E, "-o", "s.csv", folder=folder)
    assert done.returncode == 2
    assert "holds 3 rows of a run that was stopped: go on with --resume" in " ".join(done.stderr.split())
    counting = HELD.format(rows=99).replace("self.done += 1", "self.done += 1; print(end='.', file=sys.stderr)")
    more = bright_process("score", "--pairs", "p.csv", *E, "-o", "s.csv", "--resume", folder=folder, prelude=counting)
    assert more.returncode == 1  # the last row's mask is not there
    assert more.stderr.count(".", 0, more.stderr.index("9 rows")) == COUNT - 1 - 3
    assert "9 rows: " in more.stderr
    assert not (folder / "s.partial.csv").exists()
    whole = bright_process("score", "--pairs", "p.csv", *E, "-o", "whole.csv", folder=folder)
    assert whole.returncode == 1
    assert (folder / "s.csv").read_bytes() == (folder / "whole.csv").read_bytes()


@posix
def test_rows_that_failed_are_tried_again(bright_process, folder: Path) -> None:
    """A file that was not there is copied, then the run goes on: its row has a score, in its place."""
    (folder / "m1.png").rename(folder / "away.png")
    stopped(folder, signal.SIGTERM, 3, "score", "--pairs", "p.csv", *E, "-o", "s.csv")
    assert [bool(r["pred_dice"]) for r in table(folder / "s.partial.csv")] == [True, False, True, True]
    (folder / "away.png").rename(folder / "m1.png")
    (folder / "go").write_text("")
    more = bright_process("score", "--pairs", "p.csv", *E, "-o", "s.csv", "--resume", folder=folder)
    assert more.returncode == 1
    assert "1 of 9 rows failed" in more.stderr
    assert "row 9: " in more.stderr
    bright_process("score", "--pairs", "p.csv", *E, "-o", "whole.csv", folder=folder)
    assert (folder / "s.csv").read_bytes() == (folder / "whole.csv").read_bytes()


@posix
def test_a_killed_run_loses_nothing_either(bright_process, folder: Path) -> None:
    command = bright_command("score", "--pairs", "p.csv", *E, "-o", "s.csv", prelude=HELD.format(rows=4))
    with held(folder, command) as running:
        running.kill()
    partial = folder / "s.partial.csv"
    assert len(table(partial)) == 4
    for cut in (1, 20, 90):  # the disk kept the last line in part
        partial.write_bytes(partial.read_bytes()[:-cut])
        assert bright_process("score", "--pairs", "p.csv", *E, "-o", "s.csv", folder=folder).returncode == 2
    (folder / "go").write_text("")
    done = bright_process("score", "--pairs", "p.csv", *E, "-o", "s.csv", "--resume", folder=folder)
    assert done.returncode == 1, done.stderr
    assert [r["mask"] for r in table(folder / "s.csv")] == [*(f"m{n}.png" for n in range(COUNT - 1)), "gone.png"]


@posix
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_an_assessment_goes_on_to_the_same_table_and_report(bright_process, folder: Path, sent: int) -> None:
    """Cases are scored 32 at a time, each row is kept when it is done; one that failed is tried again."""
    rows = [f"image.png,m{n % 8}.png,m{n % 3}.png,s{n % 5},{n}" for n in range(70)]
    rows[3], rows[50] = "image.png,gone.png,m1.png,s1,3", "image.png,m1.png,,s1,50"
    (folder / "a.csv").write_text("\n".join(["image,mask,truth,subject,note", *rows]))
    both = ("assess", "a.csv", *E)
    shutil.copy(folder / "m0.png", folder / "gone.png")
    whole = bright_process(*both, "-o", "w.csv", "--report", "w.html", "--json", folder=folder)
    assert whole.returncode == 0, whole.stderr
    (folder / "gone.png").unlink()
    asked = (*both, "-o", "s.csv", "--report", "s.html")
    with held(folder, bright_command(*asked, prelude=HELD.format(rows=33))) as running:
        running.send_signal(sent)
        said = running.communicate(timeout=60)[1]
    assert not [p for p in folder.iterdir() if p.name in ("s.csv", "s.html") or p.name.startswith(".")]
    kept = table(folder / "s.partial.csv")
    assert len(kept) == 33, "the first of them failed"
    if sent == signal.SIGTERM:
        assert "33 finished rows are kept in s.partial.csv; --resume goes on from there." in " ".join(said.split())
    (folder / "go").write_text("")
    refused = bright_process(*asked, folder=folder)
    assert refused.returncode == 2
    assert "go on with --resume" in " ".join(refused.stderr.split())
    shutil.copy(folder / "m0.png", folder / "gone.png")
    counting = HELD.format(rows=99).replace("self.done += 1", "self.done += 1; print(end='.', file=sys.stderr)")
    more = bright_process(*asked, "--resume", "--json", folder=folder, prelude=counting)
    assert (more.returncode, more.stdout) == (0, whole.stdout), more.stderr
    assert more.stderr.count(".", 0, more.stderr.index("Written")) == 69 - 32, "no row twice"
    assert (folder / "s.csv").read_bytes() == (folder / "w.csv").read_bytes()
    date = lambda name: re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?", "", (folder / name).read_text())
    assert date("s.html") == date("w.html")
    assert not (folder / "s.partial.csv").exists()


@posix
def test_an_assessment_of_another_table_is_not_gone_on_with(bright_process, folder: Path) -> None:
    rows = [f"image.png,m{n % 8}.png,m{n % 3}.png" for n in range(40)]
    (folder / "a.csv").write_text("\n".join(["image,mask,truth", *rows]))
    asked = ("assess", "a.csv", *E, "--report", "s.html")
    stopped(folder, signal.SIGTERM, 33, *asked)
    (folder / "go").write_text("")
    for changed, number in (([*rows[:4], "image.png,m7.png,m7.png", *rows[5:]], 5), (rows[:9], 10)):
        (folder / "a.csv").write_text("\n".join(["image,mask,truth", *changed]))
        done = bright_process(*asked, "--resume", folder=folder)
        assert done.returncode == 2
        assert f"Row {number} of a.csv is not the one that was assessed" in " ".join(done.stderr.split())
    (folder / "a.csv").write_text("\n".join(["image,mask,truth", *rows]))
    other = bright_process(*asked, "--slices", 5, "--resume", folder=folder)
    assert other.returncode == 2
    assert "was made otherwise" in other.stderr
    assert bright_process(*asked, "--resume", folder=folder).returncode == 0
    nowhere = bright_process(*asked[:-2], "--resume", folder=folder)
    assert nowhere.returncode == 2
    assert "give one" in nowhere.stderr


@posix
def test_volumes_are_kept_one_by_one(folder: Path) -> None:
    slices = int(phantom.ball((4, 40, 48)).any(axis=(1, 2)).sum())
    stopped(folder, signal.SIGTERM, 2 * slices + 1, "score", "--pairs", "v.csv", *E, "-o", "s.csv")
    assert len(table(folder / "s.partial.csv")) == 2


@posix
def test_compare_goes_on_with_the_segmenter_it_was_at(bright_process, folder: Path) -> None:
    prelude = 'models.segmenters.register(ModelSpec("other", "", lambda spec, path, device: BrightSegmenter()))\n'
    arguments = ("compare", "--boxes", "b.csv", *S, "--segmenter", "other", *E, "--table", "t.csv")
    said = stopped(folder, signal.SIGTERM, 3 * (COUNT + 2), *arguments, prelude=prelude)
    assert f"{COUNT + 2} finished rows are kept in t.partial.csv" in said
    for extra, name in ((("--resume",), "t.csv"), ((), "whole.csv")):
        done = bright_process(*arguments[:-1], name, *extra, folder=folder, prelude=prelude)
        assert done.returncode == 0, done.stderr
    assert (folder / "t.csv").read_bytes() == (folder / "whole.csv").read_bytes()


@posix
def test_compare_tries_boxes_again_that_failed(bright_process, folder: Path) -> None:
    """The image of the second box arrives before the run goes on: both segmenters have it, in its place."""
    prelude = 'models.segmenters.register(ModelSpec("other", "", lambda spec, path, device: BrightSegmenter()))\n'
    arguments = ("compare", "--boxes", "b.csv", *S, "--segmenter", "other", *E, "--table", "t.csv")
    rows = (folder / "b.csv").read_text().splitlines()
    image = rows[2].split(",")[0]
    (folder / "b.csv").write_text("\n".join([*rows[:2], rows[2].replace(image, "late.png", 1), *rows[3:]]) + "\n")
    stopped(folder, signal.SIGTERM, 3 * (COUNT + 2), *arguments, prelude=prelude)
    assert sum(r["caveats"].startswith("error") for r in table(folder / "t.partial.csv")) >= 1
    shutil.copy(folder / image, folder / "late.png")
    for extra, name in ((("--resume",), "t.csv"), ((), "whole.csv")):
        done = bright_process(*arguments[:-1], name, *extra, folder=folder, prelude=prelude)
        assert done.returncode == 0, done.stderr
        assert "failed" not in done.stderr
    assert (folder / "t.csv").read_bytes() == (folder / "whole.csv").read_bytes()


@posix
def test_commands_without_rows_say_that_nothing_was_written(folder: Path) -> None:
    said = stopped(folder, signal.SIGTERM, 1, "score", "v.nii.gz", "l.nii.gz", *E, "-o", "s.csv", "--report", "r.html")
    assert said.endswith("Nothing was written.")
    assert not (folder / "s.csv").exists()


@posix
def test_signals_that_the_caller_ignores_stay_ignored(folder: Path) -> None:
    prelude = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + HELD.format(rows=1)
    command = bright_command("score", "--pairs", "p.csv", *E, "-o", "s.csv", prelude=prelude)
    with held(folder, command) as running:
        running.send_signal(signal.SIGHUP)
        (folder / "go").write_text("")
        running.communicate(timeout=60)
    assert running.returncode == 1
    assert len(table(folder / "s.csv")) == COUNT


def test_rows_made_with_something_else_are_not_gone_on_with(evanyseg, folder: Path) -> None:
    def some_rows(run: str) -> None:
        with RowLog(folder / "s.csv", ["a", "b"], run) as log:
            log.write({"a": 1, "b": "=x"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        some_rows("estimator one")
    with pytest.raises(OutputError, match=r"made otherwise \(\[estimator one\]\) than asked for now \(\[two\]\)"):
        RowLog(folder / "s.csv", ["a", "b"], "two", resume=True)
    with pytest.raises(OutputError, match="made otherwise"):
        RowLog(folder / "s.csv", ["a", "c"], "estimator one", resume=True)
    assert list(RowLog(folder / "s.csv", ["a", "b"], "estimator one", resume=True).finished()) == [
        {"a": "1", "b": "=x"}
    ]
    os.chdir(folder)
    code, _, err = evanyseg("score", "--pairs", "p.csv", *E, "-o", "s.csv", "--resume")
    assert (code, "made otherwise" in err) == (2, True)


def test_a_table_that_changed_since_is_refused(bright_process, evanyseg, folder: Path) -> None:
    os.chdir(folder)
    raising = HELD.replace("while not", "raise KeyboardInterrupt\n            while not").format(rows=3)
    bright_process("score", "--pairs", "p.csv", *E, "-o", "s.csv", folder=folder, prelude=raising)
    (folder / "p.csv").write_text((folder / "p.csv").read_text().replace("m1.png", "m7.png"))
    code, _, err = evanyseg("score", "--pairs", "p.csv", *E, "-o", "s.csv", "--resume")
    assert (code, "Row 2 of p.csv is not the one that was scored" in " ".join(err.split())) == (2, True)


def test_resume_without_anything_to_go_on_with_starts_anew(evanyseg, folder: Path) -> None:
    os.chdir(folder)
    assert evanyseg("score", "--pairs", "p.csv", *E, "-o", "s.csv", "--resume")[0] == 1
    assert len(table(folder / "s.csv")) == COUNT
    for arguments in (("score", "image.png", "m1.png", "--resume"), ("compare", "s.csv", "--resume")):
        code, _, err = evanyseg(*arguments)
        assert (code, "--resume" in err) == (2, True)
