"""Downloads against a loopback server that truncates, stalls, fails, ignores, changes and redirects."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from engine.weight_server import CONTENT, QUICK, WeightServer, agreed, assert_whole, entry_of, parts
from evanyseg.errors import CancelledError, OutputError, WeightsError
from evanyseg.weights.download import download
from evanyseg.weights.http import POLL_SECONDS
from evanyseg.weights.store import WeightStore


@pytest.fixture
def server():
    with WeightServer(CONTENT) as running:
        yield running


@pytest.fixture
def store(tmp_path):
    return WeightStore(tmp_path / "weights")


def test_a_download_is_whole_recorded_and_not_repeated(server, store):
    entry, seen = entry_of(server), []
    path = download(entry, store, agreed, QUICK, lambda fraction, what: seen.append(fraction))
    assert path == store.path(entry)
    assert_whole(store, entry)
    assert seen[-1] == 1.0
    assert seen == sorted(seen)
    download(entry, store, agreed, QUICK)
    assert len(server.does.requests) == 1


def test_without_consent_nothing_is_asked_of_the_server(server, store):
    asked = []
    with pytest.raises(CancelledError, match="not agreed to"):
        download(entry_of(server), store, lambda e, url: bool(asked.append((e.name, url))), QUICK)
    assert asked == [("mobile-sam", f"{server.url}/test.pt")]
    assert server.does.requests == []
    assert not store.folder.exists()


@pytest.mark.parametrize("faults", [["truncate"], ["truncate", "truncate", "truncate", "truncate"], ["stall"], ["drop", 503], [503, "truncate", 500]])  # fmt: skip # noqa: E501
def test_what_arrived_is_kept_and_completed(server, store, faults):
    server.does.faults = list(faults)
    entry = entry_of(server)
    download(entry, store, agreed, replace(QUICK, timeout=0.6) if "stall" in faults else QUICK)
    assert_whole(store, entry)
    ranged = [h["range"] for _, h in server.does.requests if "range" in h]
    if {"truncate", "stall"} & set(faults):
        assert ranged
        assert all(h.get("if-range") == '"one"' for _, h in server.does.requests if "range" in h)


@pytest.mark.parametrize("status", [404, 403, 410, 301])
def test_a_file_that_is_not_there_is_said_at_once(server, store, status):
    server.does.faults = [status] * 5
    with pytest.raises(WeightsError, match=r"evanyseg models import|redirect|answered"):
        download(entry_of(server), store, agreed, QUICK)
    assert len(server.does.requests) == 1
    assert parts(store) == []


def test_a_server_that_stays_away_ends_in_words_and_the_part_stays(server, store):
    entry = entry_of(server)
    server.does.faults = ["truncate", 503, 503, 503, 503]
    with pytest.raises(WeightsError, match=r"answered 503\. What arrived is kept"):
        download(entry, store, agreed, QUICK)
    kept = (store.folder / "test.pt.part").stat().st_size
    assert 0 < kept < len(CONTENT)
    server.does.requests.clear()
    download(entry, store, agreed, QUICK)
    assert server.does.requests[0][1]["range"] == f"bytes={kept}-"
    assert_whole(store, entry)


def test_a_server_that_ignores_ranges_is_read_from_the_start(server, store):
    server.does.ranges = False
    server.does.faults = ["truncate"]
    entry = entry_of(server)
    download(entry, store, agreed, QUICK)
    assert_whole(store, entry)


@pytest.mark.parametrize("validates", [True, False], ids=["server compares If-Range", "server ignores If-Range"])
@pytest.mark.parametrize("hashed", [True, False], ids=["published hash", "no hash"])
def test_content_that_changes_between_parts_is_never_mixed(server, store, validates, hashed):
    other = bytes(reversed(CONTENT))
    server.does.validates = validates

    def change(does):
        does.content, does.etag = other, '"two"'

    server.does.faults = ["truncate", change]
    entry = entry_of(server, other, hashed)
    download(entry, store, agreed, QUICK)
    assert_whole(store, entry, other)


def test_a_silent_change_without_any_validator_is_caught_by_the_hash(server, store):
    other = bytes(reversed(CONTENT))
    server.does.etag, server.does.faults = "", ["truncate", 503, 503, 503]
    entry = entry_of(server, other)
    with pytest.raises(WeightsError):
        download(entry, store, agreed, QUICK)
    server.does.content = other
    download(entry, store, agreed, QUICK)  # the resumed mixture fails its hash, then all of it is fetched once more
    assert_whole(store, entry, other)


def test_a_part_from_another_address_is_not_continued(server, store):
    entry = entry_of(server, hashed=False)
    server.does.faults = ["truncate", 503, 503, 503]
    with pytest.raises(WeightsError):
        download(entry, store, agreed, QUICK)
    moved = replace(entry, url=f"{server.url}/other.pt")
    server.does.content = bytes(reversed(CONTENT))
    download(moved, store, agreed, QUICK)
    assert_whole(store, moved, bytes(reversed(CONTENT)))


def test_redirects_are_followed_and_loops_and_weaker_ones_are_not(server, store):
    server.does.redirect = "/moved/test.pt"
    download(entry_of(server), store, agreed, QUICK)
    assert_whole(store, entry_of(server))
    store.clear([entry_of(server)])
    for target in ("/test.pt", "file:///etc/hostname", "ftp://127.0.0.1/test.pt"):
        server.does.redirect = target
        with pytest.raises(WeightsError, match=r"redirect|could not be fetched|answered 302"):
            download(entry_of(server), store, agreed, QUICK)
    assert not store.has(entry_of(server))


def test_https_is_never_left_for_http():
    import urllib.request

    from evanyseg.weights.http import _Redirects

    request = urllib.request.Request("https://example.org/a.pt")
    with pytest.raises(WeightsError, match="not protected"):
        _Redirects().redirect_request(request, None, 302, "Found", {}, "http://example.org/a.pt")


def test_a_web_page_instead_of_the_file_is_called_one(server, store):
    server.does.faults = ["page"]
    with pytest.raises(WeightsError, match="web page instead"):
        download(entry_of(server), store, agreed, QUICK)
    assert parts(store) == []


def test_a_wrong_hash_is_explained_and_the_file_kept_aside(server, store):
    entry = replace(entry_of(server), sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"independent public sources.*evanyseg models import") as told:
        download(entry, store, agreed, QUICK)
    assert not store.has(entry)
    assert parts(store) == ["test.pt.suspect"]
    assert hashlib.sha256(CONTENT).hexdigest()[:12] in str(told.value)


def test_a_file_of_another_size_is_not_even_fetched(server, store):
    with pytest.raises(WeightsError, match="another version"):
        download(replace(entry_of(server), size=5), store, agreed, QUICK)
    assert parts(store) == []


def test_a_file_without_a_published_hash_is_remembered(server, store):
    server.does.length = False  # and the server does not say how long it is
    entry = entry_of(server, hashed=False)
    download(entry, store, agreed, QUICK)
    assert_whole(store, entry)
    assert store.verify(entry).state == "ok"


def test_a_finished_part_needs_no_byte_more(server, store):
    entry = entry_of(server)
    server.does.faults = ["truncate", 503, 503, 503]
    with pytest.raises(WeightsError):
        download(entry, store, agreed, QUICK)
    (store.folder / "test.pt.part").write_bytes(CONTENT)
    download(entry, store, agreed, QUICK)
    assert_whole(store, entry)


@pytest.mark.parametrize("fault", ["stall", None], ids=["while nothing comes", "while bytes come"])
def test_cancelling_takes_effect_when_it_is_next_asked_for_and_keeps_the_part(server, store, fault):
    server.does.faults, server.does.delay = [fault] if fault else [], 0.15
    asked: list[int] = []
    with pytest.raises(CancelledError):
        # a stalled server says nothing for 20 s: it is asked for meanwhile
        download(
            entry_of(server), store, agreed, replace(QUICK, timeout=600),
            should_cancel=lambda: asked.append(1) or len(asked) > 12,
        )  # fmt: skip
    assert len(asked) == 13
    assert POLL_SECONDS <= 0.25  # a cancel may take half a second
    assert "test.pt.part" in parts(store)
    server.does.delay = 0.0
    download(entry_of(server), store, agreed, QUICK)
    assert_whole(store, entry_of(server))


def test_too_little_space_is_said_before_a_byte_is_written(server, tmp_path):
    store = WeightStore(tmp_path / "w", free_bytes=lambda path: 2**20)
    with pytest.raises(OutputError, match="1 MB left"):
        download(entry_of(server), store, agreed, QUICK)
    assert not (store.folder / "test.pt.part").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_disk_that_fills_up_on_the_way_is_called_full(server, store):
    store.make_folder()
    (store.folder / "test.pt.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="is full; what arrived is kept"):
        download(entry_of(server), store, agreed, QUICK)
    assert not store.has(entry_of(server))


def test_a_folder_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="EVANYSEG_CACHE"):
        download(entry_of(server), WeightStore(tmp_path / "file" / "weights"), agreed, QUICK)
