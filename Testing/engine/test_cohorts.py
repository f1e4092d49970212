"""Audits and assessments on a cluster, and runs whose process is killed: the tables of one that is left alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine import files, phantom
from engine.cli_fixtures import ROOT
from evanyseg.audit.case import AuditCase, AuditRow
from evanyseg.audit.measure import UnmeasuredCase
from evanyseg.audit.run import log_of_audit, measured_rows
from evanyseg.commands.support import console
from evanyseg.commands.support.pace import Pace
from evanyseg.scoring.unfinished import RowLog, partial_path

CPU = ("--device", "cpu", "--backend", "onnx")  # workers and this process, whatever it has loaded, do the same sums
IMAGES, OF_IMAGE = 3, 70


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Pictures with a mask and its truth each; one mask is not there."""
    lines = ["image,mask,gold,subject,site"]
    for n in range(6):
        pixels, mask = phantom.picture()
        files.write_image_2d(tmp_path / f"i{n}.png", np.roll(pixels, n, 1))
        for name, by in (("t", n), ("m", n + 2)):
            files.write_image_2d(tmp_path / f"{name}{n}.png", np.roll(mask, by, 1).astype(np.uint8) * 255)
        lines.append(f"i{n}.png,{'gone' if n == 2 else f'm{n}'}.png,t{n}.png,s{n // 2},{'AB'[n % 2]}")
    (tmp_path / "known.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "known.csv"


def test_an_audit_by_workers_is_the_audit(evanyseg, known: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    common = ("audit", known, *CPU, "--worst", 1)
    assert evanyseg(*common, "-o", tmp_path / "here")[0] == 1, "one case fails"
    code, _, err = evanyseg(*common, "-o", tmp_path / "there", "--cluster", "local:2")
    assert code == 1, err
    assert "1 of 6 cases failed" in err
    made = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert made == sorted(path.name for path in (tmp_path / "there").iterdir())
    for name in made:
        here, there = ((tmp_path / folder / name).read_bytes() for folder in ("here", "there"))
        if name.endswith(".html"):  # it says when it was made
            here, there = (re.sub(rb"20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?", b"", page) for page in (here, there))
        assert here == there, name


def test_an_assessment_by_workers_is_the_assessment(evanyseg, known: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    common = ("assess", known, "--truth-column", "gold", *CPU, "--json")
    code, here, err = evanyseg(*common, "-o", tmp_path / "here.csv")
    assert (code, "row 4: There is no file" in err) == (1, True)
    code, there, more = evanyseg(*common, "-o", tmp_path / "there.csv", "--cluster", "local:2")
    assert (code, there) == (1, here)
    assert "row 4: There is no file" in more
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


def test_workers_elsewhere_find_what_a_relative_table_names(evanyseg, known: Path, tmp_path: Path, monkeypatch) -> None:
    distributed = pytest.importorskip("distributed")
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "EvanySegSlicer")}
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", env=environment
    ) as cluster:
        monkeypatch.chdir(tmp_path)  # the workers stay where they were started
        there = ("--cluster", cluster.scheduler_address)
        assert evanyseg("score", "--pairs", "known.csv", "-o", "s.csv", *CPU, *there)[0] == 1
        assert evanyseg("audit", "known.csv", "-o", "audit", *CPU, *there)[0] == 1
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert sum("error: " in line for line in lines) == 1
    rows = (tmp_path / "audit" / "cases.csv").read_text().splitlines()
    assert sum("error: " in line for line in rows) == 1
    assert rows[1].split(",")[4:6] == ["i0.png", "m0.png"], "paths as the user wrote them"


class Counted:
    """Measures by writing down; case b fails the first time."""

    def __init__(self, fails: bool) -> None:
        self.fails, self.seen = fails, []

    def rows(self, cases, begun, should_cancel=None):
        for one in cases:
            begun(one.case)
            self.seen.append(one)
            name, mask = one.case.name, str(one.case.mask)
            if self.fails and name == "b":
                yield [AuditRow(name, "", "", "", "", mask, caveats="error: no")]
            else:
                labels = [n for n in ("1", "2") if n not in one.measured]
                yield [AuditRow(name, "", n, n, "", mask, dice=1 / 3) for n in labels]


def test_an_audit_that_goes_on_reads_no_finished_case_again_and_keeps_the_order(tmp_path: Path) -> None:
    cases = [AuditCase(name, Path(name), Path(name), name) for name in "abcd"]
    whole = measured_rows(cases, Counted(False), log_of_audit(tmp_path / "whole", cases, "x", False))
    log = log_of_audit(tmp_path / "stopped", cases, "x", False)
    with pytest.raises(KeyboardInterrupt):
        measured_rows(cases, _Stopping(), log)
    measurer = Counted(False)
    again = measured_rows(cases, measurer, log_of_audit(tmp_path / "stopped", cases, "x", True))
    assert measurer.seen == [
        UnmeasuredCase(cases[1]), UnmeasuredCase(cases[2], frozenset({"1", "2"})), UnmeasuredCase(cases[3]),
    ]  # fmt: skip
    assert again == whole
    stopped, left_alone = (tmp_path / name / "cases.csv" for name in ("stopped", "whole"))
    assert stopped.read_bytes() == left_alone.read_bytes()


class _Stopping(Counted):
    def __init__(self) -> None:
        super().__init__(True)

    def rows(self, cases, begun, should_cancel=None):
        for number, found in enumerate(super().rows(cases, begun)):
            if number == 3:
                raise KeyboardInterrupt
            yield found


def test_a_table_that_was_cut_at_any_byte_is_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    rows = [{"a": 'x, "y"\nz', "b": "1"}, {"a": "=1", "b": ""}, {"a": "ö]", "b": "[x]"}]

    def write(given, resume: bool) -> None:
        log = RowLog(out, ["a", "b"], "made with, this", resume)
        assert list(log.finished()) == rows[: log.done]
        with log:
            for row in given[log.done :]:
                log.write(row)
            if given is rows:
                log.finish()
            else:
                raise KeyboardInterrupt

    write(rows, False)
    whole = out.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write([*rows], False)
    partial = partial_path(out).read_bytes()
    for length in range(len(partial) + 1):
        partial_path(out).write_bytes(partial[:length])
        write(rows, True)
        assert out.read_bytes() == whole, f"cut after {length} bytes"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Three batches of rows: few files under many rows."""
    lines = ["image,mask,note"]
    for n in range(IMAGES):
        pixels, mask = phantom.picture()
        files.write_image_2d(tmp_path / f"i{n}.png", np.roll(pixels, n, 1))
        for k in range(7):
            files.write_image_2d(tmp_path / f"m{n}{k}.png", np.roll(mask, n + k, 1).astype(np.uint8) * 255)
        lines += [f"i{n}.png,m{n}{k % 7}.png,{n}-{k}" for k in range(OF_IMAGE)]
    (tmp_path / "pairs.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "pairs.csv"


@pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")
def test_a_run_whose_process_is_killed_goes_on_to_the_same_parquet(evanyseg, pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    parquet = pytest.importorskip("pyarrow.parquet")
    evanyseg("score", "--pairs", pairs, "-o", tmp_path / "serial.parquet", *CPU)
    wanted = parquet.read_table(tmp_path / "serial.parquet")
    command = ["score", "--pairs", pairs, "-o", "s.parquet", *CPU, "--cluster", "local:1", "--resume"]
    for least in (1, OF_IMAGE + 1):
        killed(tmp_path, command, tmp_path / "s.partial.csv", least)
        assert not (tmp_path / "s.parquet").exists()
    assert (
        evanyseg("score", "--pairs", pairs, "-o", tmp_path / "s.parquet", *CPU, "--cluster", "local:1", "--resume")[0]
        == 0
    )
    found = parquet.read_table(tmp_path / "s.parquet")
    assert found.num_rows == IMAGES * OF_IMAGE
    assert found.equals(wanted), "every cell"
    assert not (tmp_path / "s.partial.csv").exists()


def killed(folder: Path, arguments: Sequence[object], partial: Path, least: int) -> None:
    """Starts a command and kills it, without a word, when `least` rows are on disk; its workers end by themselves."""
    count = lambda: partial.read_bytes().count(b"\n") - 1 if partial.exists() else 0
    command = [sys.executable, "-m", "evanyseg", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "EvanySegSlicer")}
    running = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    while count() < least:
        assert running.poll() is None
        time.sleep(0.01)
    workers = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    assert running.wait() == -signal.SIGKILL, "it was stopped before its end"
    assert count() >= least
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive, "workers do not outlive the command"


@pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")
def test_an_assessment_by_workers_whose_process_is_killed_goes_on(evanyseg, pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    lines = pairs.read_text().splitlines()
    masks = [line.split(",")[1] for line in lines[1:]]
    truths = ["truth", *(masks[n - n % 7] for n in range(len(masks)))]
    (tmp_path / "known.csv").write_text("\n".join(map(",".join, zip(lines, truths, strict=True))) + "\n")
    common = ["assess", tmp_path / "known.csv", *CPU, "--cluster", "local:1", "--resume", "--json", "-o"]
    killed(tmp_path, [*common, "s.csv"], tmp_path / "s.partial.csv", OF_IMAGE)
    assert not (tmp_path / "s.csv").exists()
    code, again, err = evanyseg(*common, tmp_path / "s.csv")
    assert code == 0, err
    code, whole, err = evanyseg("assess", tmp_path / "known.csv", *CPU, "--json", "-o", tmp_path / "whole.csv")
    assert (code, again) == (0, whole), err
    assert (tmp_path / "s.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not (tmp_path / "s.partial.csv").exists()


def test_the_pace_of_a_run_in_words() -> None:
    now = 0.0
    pace = Pace(100_000, "rows", lambda: now)
    assert pace.words() == ""
    pace.at(0.5)  # an earlier run has done that much
    assert pace.words() == "50,000 of 100,000 rows"
    for now in range(1, 301):
        pace.at(0.5 + 0.001 * now)
    assert pace.words() == "80,000 of 100,000 rows, 100 a second, 3 min left"
    for now in range(301, 601):  # slower: what was before is forgotten
        pace.at(0.8 + 0.0001 * (now - 300))
    assert pace.words() == "83,000 of 100,000 rows, 10 a second, 28 min left"
    pace.at(0.0)
    assert pace.words() == "0 of 100,000 rows", "begun anew"
    now += 0.5
    pace.at(1e-5)
    assert "left" not in pace.words(), "not known after half a second"
    now += 59.5
    pace.at(2e-5)
    assert pace.words() == "2 of 100,000 rows, 2.0 a minute, 34.7 days left"
    slow = Pace(clock=lambda: now)
    slow.at(0.0)
    now += 3600
    slow.at(0.25)
    assert slow.words() == "3.0 h left"


@pytest.mark.parametrize("cluster", [(), ("--cluster", "local:1")])
def test_rate_and_time_left_are_told_where_there_is_no_terminal(
    evanyseg, pairs: Path, known: Path, tmp_path: Path, monkeypatch, cluster: tuple[str, ...]
) -> None:
    if cluster:
        pytest.importorskip("distributed")
    monkeypatch.setattr(console, "LINE_S", 0.0)
    err = evanyseg("score", "--pairs", pairs, "-o", tmp_path / "s.csv", *CPU, *cluster)[2]
    found = re.findall(r"Scoring pairs: (\d+)%, ([\d,]+) of 210 rows, ([\d.]+) a second, (\d+) s left", err)
    assert found, err
    percents = [int(percent) for percent, *_ in found]
    assert percents == sorted(percents)
    err = evanyseg("audit", known, "-o", tmp_path / "audit", *CPU, *cluster)[2]
    assert re.search(r"Auditing: 0%, 0 of 6 cases", err), err
    err = evanyseg("assess", known, "--truth-column", "gold", *CPU, *cluster)[2]
    assert re.search(r"Scoring: 0%, 0 of 6 rows", err), err


def test_rate_and_time_left_are_told_in_a_terminal(monkeypatch, capsys) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    now = 0.0
    monkeypatch.setattr(console, "Pace", lambda total, unit: Pace(total, unit, lambda: now))
    with console.progress_bar("Scoring", 200, "rows") as progress:
        progress(0.0, "a.png")
        now = 10.0
        progress(0.5, "b[1].png")
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "100 of 200 rows, 10 a second, 10 s left b[1].png" in said
