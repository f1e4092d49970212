"""Tables that are scored by several processes, or in parts: the same rows in the same order as by one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from doubles import BrightEstimator
from engine import files, phantom
from engine.cli_fixtures import E, table
from evanyseg.cluster.rows import ClusterRows
from evanyseg.cluster.scheduler import connected
from evanyseg.cluster.work import PairPlan, WorkModel
from evanyseg.errors import CancelledError, EvanySegError, MissingPackageError
from evanyseg.io.tables import open_table
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.scoring.batches import batches, unfinished_batches
from evanyseg.scoring.pair_rows import PairOptions, PairRows, TablePlace
from evanyseg.scoring.pairs import log_of_pairs, score_table

PLAN = PairPlan(WorkModel("builtin", "cpu", "onnx"), PairOptions())  # auto depends on what this process has loaded
COUNT = 23


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Rows of five images, one of which fails."""
    pixels, mask = phantom.picture()
    for n in range(5):
        files.write_image_2d(tmp_path / f"i{n}.png", np.roll(pixels, 3 * n, 1))
    rows = ["image,mask,note"]
    for n in range(COUNT):
        files.write_image_2d(tmp_path / f"m{n}.png", np.roll(mask, n, 1).astype(np.uint8) * 255)
        rows.append(f"i{n // 5}.png,{'gone' if n == 7 else f'm{n}'}.png,=n{n}")
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "pairs.csv"


def test_batches_keep_the_rows_of_an_image_together() -> None:
    rows = [(n, {"image": name}) for n, name in enumerate("aaab" + "b" * 20 + "c", start=1)]
    found = list(batches(rows, 2))
    assert [row for batch in found for row in batch] == rows
    assert [len(b) for b in found] == [3, 8, 8, 5, 1], "an image is not torn apart below four times the size"
    assert list(batches([], 2)) == []


@pytest.fixture
def small_batches(monkeypatch) -> None:
    """Batches of few rows, so that there are several."""
    monkeypatch.setattr("evanyseg.scoring.pairs.batches", lambda rows: batches(rows, 3))


def test_what_is_left_of_a_table_is_cut_as_the_whole_table_is() -> None:
    rows = [(n, {"image": name}) for n, name in enumerate("aabbccddee", start=1)]
    whole = list(batches(rows, 4))
    assert [len(b) for b in whole] == [4, 4, 2]
    assert list(unfinished_batches(whole, 0, ())) == whole
    assert list(unfinished_batches(whole, 4, ())) == whole[1:], "stopped between two batches"
    assert list(unfinished_batches(whole, 5, {2})) == [[rows[1]], whole[1][1:], whole[2]]
    assert list(unfinished_batches(whole, 10, {6})) == [[rows[5]]]
    assert list(unfinished_batches(whole, 10, ())) == []


def test_processes_give_the_table_that_one_gives(evanyseg, pairs: Path, tmp_path: Path) -> None:
    common = ("score", "--pairs", pairs, "--device", "cpu")
    assert evanyseg(*common, "-o", tmp_path / "serial.csv")[0] == 1
    code, out, err = evanyseg(*common, "-o", tmp_path / "two.csv", "--cluster", "local:2", "--json")
    assert code == 1, "one row fails"
    assert '"failed": 1' in out
    assert "row 8: There is no file" in err
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "serial.csv").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="workers are killed by a signal")
@pytest.mark.parametrize("patience", ["60s", "0s"], ids=["started again", "given up by Dask"])
def test_batches_of_workers_that_are_killed_are_done_again_once(
    pairs: Path, tmp_path: Path, small_batches, patience: str
) -> None:
    given = open_table(pairs, ["image", "mask"])
    serial = score_table(PairRows(SlicePipeline(_builtin())), given, log_of_pairs(given, tmp_path / "serial.csv"))
    killed: list[int] = []
    import dask
    import distributed  # its settings must be there before one is changed

    assert distributed.__name__ in dask.config.config
    with dask.config.set({"distributed.deploy.lost-worker-timeout": patience}), connected("local:2") as client:
        rows = ClusterRows(client, PLAN)
        log = log_of_pairs(given, tmp_path / "killed.csv")

        def progress(fraction: float, what: str) -> None:
            # each time that a batch is waited for, a worker dies
            alive = [nanny.pid for nanny in client.cluster.workers.values() if nanny.pid not in (None, *killed)]
            if alive and len(killed) < 3:
                killed.append(alive[0])
                os.kill(alive[0], signal.SIGKILL)

        found = score_table(rows, given, log, progress)
    assert len(killed) == 3
    assert (found.rows, found.failed) == (COUNT, 1)
    assert found.scores == serial.scores, "to the last bit: the table is cut into the same batches"
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "serial.csv").read_bytes()


def _builtin():
    from evanyseg import models

    return models.estimators.create("builtin", "cpu", "onnx")


class Future:
    def __init__(self, value: object) -> None:
        self.value = value

    def add_done_callback(self, done) -> None:
        done(self)

    def result(self) -> object:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


class Stuck(Future):
    def add_done_callback(self, done) -> None:
        """It never is."""


class Client:
    """One worker, which dies of row 2 whenever it gets it."""

    def __init__(self, stuck: bool = False) -> None:
        self.cancelled: list[object] = []
        self.stuck = stuck

    def scheduler_info(self, n_workers: int) -> dict[str, dict[str, str]]:
        return {"workers": {"one": ""}}

    def submit(self, function, plan, place, batch, pure) -> Future:
        from distributed import KilledWorker

        if self.stuck:
            return Stuck(None)
        if any(number == 2 for number, _ in batch):
            return Future(KilledWorker("task", None, 3))
        pipeline = SlicePipeline(BrightEstimator())
        done: list[object] = []
        PairRows(pipeline).run([batch], place, done.append)
        return Future(done)

    def cancel(self, futures: list[object]) -> None:
        self.cancelled += futures


def test_a_row_that_kills_its_worker_fails_alone(pairs: Path) -> None:
    given = open_table(pairs, ["image", "mask"])
    done: list = []
    ClusterRows(Client(), PLAN).run(batches(enumerate(given.rows(), 1)), TablePlace(pairs.parent, ","), done.append)
    assert [row.number for row in done] == list(range(1, COUNT + 1))
    assert [row.number for row in done if row.error] == [2, 8]
    assert "worker was lost" in done[1].error
    assert done[1].cells["caveats"].startswith("error: the worker was lost")
    assert done[1].cells["note"] == "=n1"


def test_cancelling_takes_back_what_waits(pairs: Path) -> None:
    client = Client(stuck=True)
    given = open_table(pairs, ["image", "mask"])
    with pytest.raises(CancelledError):
        ClusterRows(client, PLAN).run(
            batches(enumerate(given.rows(), 1)),
            TablePlace(pairs.parent, ","),
            lambda row: None,
            should_cancel=lambda: True,
        )
    assert client.cancelled


@pytest.mark.parametrize("address", ["local:0", "local:x", "local", "http://host:1", "4"])
def test_an_address_that_is_none_is_said(evanyseg, pairs: Path, tmp_path: Path, address: str) -> None:
    code, _, err = evanyseg("score", "--pairs", pairs, "-o", tmp_path / "s.csv", "--cluster", address)
    assert code == 2
    assert f"--cluster {address}: write local:4" in " ".join(err.split())
    assert not (tmp_path / "s.csv").exists()


def test_no_scheduler_and_no_dask_are_said(monkeypatch) -> None:
    monkeypatch.setattr("evanyseg.cluster.scheduler.WAIT_S", 1)
    with pytest.raises(EvanySegError, match="No Dask scheduler answers at tcp://127"), connected("tcp://127.0.0.1:9"):
        pass
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingPackageError, match=r"evanyseg-slicer\[cluster\]"), connected("local:1"):
        pass


def test_a_cluster_of_this_machine_listens_on_loopback_alone() -> None:
    import psutil

    me = psutil.Process()
    before = {c.laddr for c in me.net_connections() if c.status == psutil.CONN_LISTEN}
    with connected("local:1"):
        found = [c.laddr for p in (me, *me.children(recursive=True)) for c in p.net_connections("inet")
                 if c.status == psutil.CONN_LISTEN and c.laddr not in before]  # fmt: skip
    assert len(found) >= 3, "scheduler, its pages, worker"
    assert {address.ip for address in found} == {"127.0.0.1"}


@pytest.fixture
def parts(evanyseg, pairs: Path, tmp_path: Path) -> list[Path]:
    made = []
    for n in range(1, 4):
        made.append(tmp_path / f"part{n}.csv")
        code, _, err = evanyseg("score", "--pairs", pairs, *E, "--shard", f"{n}/3", "-o", made[-1])
        assert code == (1 if n == 2 else 0), err
        assert ("row 8: " in err) == (n == 2), "numbers are those of the whole table"
    return made


def test_parts_become_the_whole_table_in_any_order(evanyseg, pairs: Path, parts: list[Path], tmp_path: Path) -> None:
    assert [len(table(part)) for part in parts] == [7, 8, 8]
    evanyseg("score", "--pairs", pairs, *E, "-o", tmp_path / "whole.csv")
    code, _, err = evanyseg("merge", pairs, parts[2], parts[0], parts[1], "-o", tmp_path / "merged.csv")
    assert code == 0, err
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_parts_that_do_not_fit_are_refused(evanyseg, pairs: Path, parts: list[Path], tmp_path: Path) -> None:
    def refused(*given: Path, why: str) -> None:
        code, _, err = evanyseg("merge", pairs, *given, "-o", tmp_path / "merged.csv")
        assert code == 2
        assert why in " ".join(err.split())
        assert not (tmp_path / "merged.csv").exists()

    refused(parts[0], parts[2], why="Row 8 of pairs.csv (i1.png) begins no part: one is missing")
    refused(*parts, parts[0], why="part1.csv holds rows that another part has already")
    text = parts[1].read_text()
    parts[1].write_text(text.replace("m9.png", "m5.png"))
    refused(*parts, why="Row 3 of part2.csv is not row 10 of pairs.csv")
    parts[1].write_text(text.replace("note", "remark", 1))
    refused(*parts, why="have other columns")
    code, _, err = evanyseg("score", "--pairs", pairs, *E, "--shard", "4/3", "-o", tmp_path / "s.csv")
    assert (code, "write I/N" in err) == (2, True)


def test_parquet_tables_are_read_and_written(evanyseg, pairs: Path, parts: list[Path], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow.csv

    evanyseg("score", "--pairs", pairs, *E, "-o", tmp_path / "whole.csv")
    parquet.write_table(pyarrow.csv.read_csv(pairs), tmp_path / "pairs.parquet")
    code, _, err = evanyseg("score", "--pairs", tmp_path / "pairs.parquet", *E, "-o", tmp_path / "s.parquet")
    assert code == 1, err
    rows = parquet.read_table(tmp_path / "s.parquet").to_pylist()
    for got, wanted in zip(rows, table(tmp_path / "whole.csv"), strict=True):
        assert got["pred_dice"] == (float(wanted["pred_dice"]) if wanted["pred_dice"] else None)
        assert got["caveats"] == wanted["caveats"]
        assert got["note"] == wanted["note"].lstrip("'"), "no spreadsheet runs Parquet"
    assert evanyseg("merge", pairs, *parts, "-o", tmp_path / "m.parquet")[0] == 0
    assert parquet.read_table(tmp_path / "m.parquet").to_pylist() == rows
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    code, _, err = evanyseg("score", "--pairs", tmp_path / "bad.parquet", *E, "-o", tmp_path / "s.csv")
    assert (code, "cannot be read as a Parquet table" in err) == (2, True)
