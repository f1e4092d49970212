"""Threads: as many as there are cores to use, waiting passively, and never against what the user set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evanyseg import threads


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*threads.PASSIVE, *threads.COUNTS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "_kept_free", 0)


def test_waiting_is_passive_unless_the_user_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    threads.passive_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert os.environ["KMP_BLOCKTIME"] == "0"


@pytest.mark.parametrize(
    ("cores", "application", "expected"), [(8, False, 8), (8, True, 7), (3, True, 2), (2, True, 2), (1, True, 1)]
)
def test_an_application_keeps_a_core_free_where_there_are_more_than_two(
    monkeypatch: pytest.MonkeyPatch, cores: int, application: bool, expected: int
) -> None:
    monkeypatch.setattr(threads, "physical_cores", lambda: cores)
    if application:
        threads.keep_a_core_free()
    assert threads.network_threads() == expected


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("4,2", 4), ("0", 6), ("many", 6), ("", 6)])
def test_the_users_number_goes_first(monkeypatch: pytest.MonkeyPatch, text: str, expected: int) -> None:
    monkeypatch.setattr(threads, "physical_cores", lambda: 6)
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads.network_threads() == expected


def test_cores_are_at_least_one_and_no_more_than_may_be_used() -> None:
    assert 1 <= threads.physical_cores() <= (os.cpu_count() or 1)


def test_hyper_threads_of_a_core_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "core_cpus_list").write_text(siblings + "\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert threads._linux(tmp_path) == 2
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2}, raising=False)
    assert threads._linux(tmp_path) == 1
    assert threads._linux(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_containers_share_bounds_the_threads(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads._share(tmp_path) == expected
