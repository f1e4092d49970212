"""Two downloads at once, mirrors, proxies, offline; and whatever a server does, the file is whole or absent."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.weight_server import CONTENT, QUICK, WeightServer, agreed, assert_whole, entry_of
from evanyseg.errors import CancelledError, WeightsError
from evanyseg.models import weight_files
from evanyseg.weights.download import address, download
from evanyseg.weights.settings import DownloadSettings
from evanyseg.weights.store import WeightStore


@pytest.fixture
def server():
    with WeightServer(CONTENT) as running:
        yield running


@pytest.fixture
def store(tmp_path):
    return WeightStore(tmp_path / "weights")


FETCH = """
import sys
from pathlib import Path
from evanyseg.weights.files import WeightFile
from evanyseg.weights.download import download
from evanyseg.weights.settings import DownloadSettings
from evanyseg.weights.store import WeightStore
url, folder, sha = sys.argv[1:]
entry = WeightFile("mobile-sam", "Test", "test.pt", url, "Apache-2.0", "", url + "/test.pt", None, sha)
print(download(entry, WeightStore(Path(folder)), lambda e, u: True, DownloadSettings(proxy="")))
"""


def test_two_processes_at_once_fetch_it_once(server, store):
    server.does.delay = 0.05
    given = [server.url, str(store.folder), hashlib.sha256(CONTENT).hexdigest()]
    folder = str(Path(__file__).resolve().parents[2] / "EvanySegSlicer")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", FETCH, *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": folder},
        )
        for _ in range(2)
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.strip() == str(store.folder / "test.pt")
    assert len(server.does.requests) == 1
    assert_whole(store, entry_of(server))


def test_waiting_for_another_download_can_be_cancelled(server, store):
    from filelock import FileLock

    store.make_folder()
    asked: list[int] = []
    with FileLock(store.folder / "test.pt.lock"), pytest.raises(CancelledError):  # nobody lets go of it meanwhile
        download(entry_of(server), store, agreed, QUICK, should_cancel=lambda: asked.append(1) or len(asked) > 3)
    assert len(asked) == 4


def test_a_mirror_takes_the_place_of_every_address(server, store, monkeypatch):
    monkeypatch.setenv("EVANYSEG_MIRROR", f"{server.url}/mirror/")
    settings = replace(DownloadSettings.from_environment(), proxy="")
    entry = replace(entry_of(server), url="https://example.invalid/test.pt")
    assert address(entry, settings) == f"{server.url}/mirror/test.pt"
    assert address(weight_files()["medsam"], settings).endswith("/mirror/medsam_vit_b.pth")
    download(entry, store, agreed, settings)
    assert server.does.requests[0][0] == "/mirror/test.pt"
    assert_whole(store, entry)


def test_a_proxy_is_used_when_set(server, store):
    entry = replace(entry_of(server), url="http://example.invalid/test.pt")
    download(entry, store, agreed, replace(QUICK, proxy=server.url))
    assert server.does.requests[0][0] == "http://example.invalid/test.pt"
    assert_whole(store, entry)


def test_offline_and_files_that_only_a_person_can_fetch(server, store, monkeypatch):
    monkeypatch.setenv("EVANYSEG_OFFLINE", "1")
    with pytest.raises(WeightsError, match="Offline"):
        download(entry_of(server), store, agreed)
    with pytest.raises(WeightsError, match=r"drive.google.com.*models import FILE --as medsam"):
        download(weight_files()["medsam"], store, agreed, QUICK)
    assert server.does.requests == []


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.sampled_from(["truncate", "drop", 503, 500]), max_size=5),
    ranges=st.booleans(),
    validates=st.booleans(),
    etag=st.sampled_from(["", '"one"', 'W/"weak"']),
)
def test_whatever_the_server_does_the_file_is_whole_or_absent(tmp_path_factory, faults, ranges, validates, etag):
    store = WeightStore(tmp_path_factory.mktemp("weights"))
    with WeightServer(CONTENT[:200_000]) as server:
        server.does.faults, server.does.ranges = list(faults), ranges
        server.does.validates, server.does.etag = validates, etag
        entry = entry_of(server, CONTENT[:200_000])
        try:
            download(entry, store, agreed, QUICK)
        except WeightsError as error:
            assert "could not be fetched" in str(error)  # noqa: PT017
            assert not store.has(entry)
        else:
            assert_whole(store, entry, CONTENT[:200_000])
