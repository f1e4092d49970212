"""The weights folder: where it is, what is in it, trust on first use, importing, clearing."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.sam_originals import SMALL, original_sam
from engine.test_sam_med2d import adapter_state
from evanyseg import models
from evanyseg.errors import CancelledError, OutputError, UnknownModelError, WeightsError
from evanyseg.models.importing import import_file, import_folder
from evanyseg.models.recognize import Recognized
from evanyseg.weights.settings import DownloadSettings, cache_folder
from evanyseg.weights.store import WeightStore

KNOWN = models.weight_files()
MED2D, MOBILE = KNOWN["sam-med2d"], KNOWN["mobile-sam"]


@pytest.fixture
def store(tmp_path):
    return WeightStore(tmp_path / "weights")


@pytest.fixture
def med2d_file(tmp_path):
    file = tmp_path / "sam-med2d_downloaded (1).pth"
    torch.save({"model": adapter_state(original_sam(**SMALL))}, file)
    return file


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "/h/.cache/evanyseg/weights"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/evanyseg/weights"),
        ("darwin", {}, "/h/Library/Caches/evanyseg/weights"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/evanyseg/weights"),
        ("win32", {}, "/h/AppData/Local/evanyseg/weights"),
        ("linux", {"EVANYSEG_CACHE": "/big/disk"}, "/big/disk"),
    ],
)
def test_the_folder_follows_the_systems_custom_and_the_variable(platform, environment, expected):
    assert cache_folder(environment, platform, Path("/h")) == Path(expected)


def test_settings_come_from_the_environment():
    found = DownloadSettings.from_environment({"EVANYSEG_MIRROR": "https://m", "EVANYSEG_OFFLINE": "1"})
    assert (found.mirror, found.offline) == ("https://m", True)
    assert not DownloadSettings.from_environment({"EVANYSEG_OFFLINE": "0"}).offline


def test_looking_makes_no_folder(store):
    assert store.present(KNOWN.values()) == []
    assert not store.has(MOBILE)
    assert store.clear(KNOWN.values()) == 0
    assert not store.folder.exists()


def test_an_imported_file_is_recognized_copied_recorded_and_used(store, med2d_file, monkeypatch):
    found = import_file(med2d_file, store)
    assert found.entry is MED2D
    assert found.path.read_bytes() == med2d_file.read_bytes()
    assert med2d_file.exists()
    assert store.record(MED2D)["sha256"] == hashlib.sha256(med2d_file.read_bytes()).hexdigest()
    monkeypatch.setenv("EVANYSEG_CACHE", str(store.folder))
    assert models.segmenters.create("sam-med2d", "cpu").name == "sam-med2d"
    assert import_file(found.path, store).path == found.path  # the stored file itself


def test_the_users_word_counts_only_where_content_cannot_tell(store, tmp_path, med2d_file):
    with pytest.raises(WeightsError, match="holds the weights of sam-med2d, not of medsam"):
        import_file(med2d_file, store, "medsam")
    with pytest.raises(UnknownModelError, match="'nothing' is no weight file"):
        import_file(med2d_file, store, "nothing")
    assumed = lambda path: Recognized("sam-vit-b", "segmenter", "taken for SAM", ("medsam", "medsam-point"))
    found = import_file(med2d_file, store, "medsam", find=assumed)
    assert (found.entry.name, found.note) == ("medsam", "")
    found = import_file(med2d_file, store, find=assumed)
    assert found.entry.name == "sam-vit-b"
    assert "taken for SAM" in found.note
    assert "independent public sources" in found.note  # not the published hash: accepted, but said
    with pytest.raises(WeightsError, match="give its path where you use it"):
        import_file(med2d_file, store, find=lambda path: Recognized("builtin", "segmenter"))


def test_a_folder_is_imported_file_by_file_and_bad_ones_are_told(store, tmp_path, med2d_file):
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / "broken.pth").write_bytes(b"<html>")
    torch.save({"w": torch.zeros(2)}, tmp_path / "unet.pt")
    with (tmp_path / "label_embedding.pkl").open("wb") as out:
        pickle.dump({k: torch.zeros(1, 512) for k in range(145)}, out)
    results = {path.name: result for path, result in import_folder(tmp_path, store)}
    assert set(results) == {"broken.pth", "unet.pt", "label_embedding.pkl", med2d_file.name}
    assert isinstance(results["broken.pth"], WeightsError)
    assert isinstance(results["unet.pt"], UnknownModelError)
    assert results[med2d_file.name].entry is MED2D
    assert {e.name for e in store.present(KNOWN.values())} == {"sam-med2d", "quality-sentinel-labels"}


def test_a_cancelled_or_failed_import_leaves_what_was_there(store, med2d_file):
    import_file(med2d_file, store)
    before = store.path(MED2D).read_bytes()
    with pytest.raises(CancelledError):
        import_file(med2d_file, store, should_cancel=lambda: True)
    full = WeightStore(store.folder, free_bytes=lambda path: 0)
    with pytest.raises(OutputError, match="0 MB left"):
        import_file(med2d_file, full)
    assert store.path(MED2D).read_bytes() == before
    assert not [p for p in store.folder.iterdir() if p.name.startswith(".import")]


def test_a_file_without_published_hash_is_trusted_on_first_use_and_a_change_is_said(store, med2d_file, caplog):
    import_file(med2d_file, store)
    assert store.verify(MED2D).state == "ok"
    path = store.path(MED2D)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1  # in a tensor
    path.write_bytes(bytes(data))
    os.utime(path, ns=(1, 1))
    verdict = store.verify(MED2D)
    assert verdict.state == "changed"
    assert "changed since it was stored" in verdict.note
    for _ in range(2):  # and it is said every time, not only once
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            store.checked(MED2D)
        assert "changed since it was stored" in caplog.text
    import_file(path, store)  # accepted by importing it
    assert store.verify(MED2D).state == "ok"


def test_a_file_put_into_the_folder_by_hand_is_remembered(store, med2d_file, caplog):
    store.make_folder()
    store.path(MED2D).write_bytes(med2d_file.read_bytes())
    assert store.verify(MED2D).state == "new"
    with caplog.at_level(logging.WARNING):
        store.checked(MED2D)
    assert caplog.text == ""
    assert store.verify(MED2D).state == "ok"


def test_a_published_hash_decides_and_a_mismatch_is_explained(store, caplog):
    store.make_folder()
    store.path(MOBILE).write_bytes(b"other")
    verdict = store.verify(MOBILE)
    assert verdict.state == "differs"
    assert "not from the publisher" in verdict.note
    with caplog.at_level(logging.WARNING):
        store.checked(MOBILE)
    assert "independent public sources" in caplog.text
    known = replace(MOBILE, sha256=hashlib.sha256(b"other").hexdigest())
    assert store.verify(known).state == "ok"


def test_an_unchanged_file_is_not_hashed_again(store, med2d_file, monkeypatch):
    import_file(med2d_file, store)
    monkeypatch.setattr("evanyseg.weights.store.sha256_of", lambda *a, **k: pytest.fail("hashed again"))
    assert store.checked(MED2D) == store.path(MED2D)


def test_clearing_removes_files_parts_and_records(store, med2d_file):
    import_file(med2d_file, store)
    (store.folder / f"{MED2D.filename}.part").write_bytes(b"12345")
    size = med2d_file.stat().st_size
    assert store.clear([MOBILE]) == 0
    assert store.clear(KNOWN.values()) == size + 5
    assert not store.has(MED2D)
    assert store.record(MED2D) == {}


def test_a_damaged_record_is_no_obstacle(store, med2d_file):
    import_file(med2d_file, store)
    (store.folder / "records.json").write_text("{ not json")
    assert store.verify(MED2D).state == "new"
    store.checked(MED2D)
    assert json.loads((store.folder / "records.json").read_text())[MED2D.filename]["bytes"] > 0


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user who may not write everywhere")
def test_a_folder_without_permission_is_said(store, med2d_file):
    store.make_folder()
    store.folder.chmod(0o500)
    with pytest.raises(OutputError):
        import_file(med2d_file, store)
