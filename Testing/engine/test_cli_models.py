"""`evanyseg models` as a person uses it: a whole command line in, text and exit code out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
import torch

from engine.sam_originals import SMALL, original_sam
from engine.test_sam_med2d import adapter_state
from engine.weight_server import WeightServer
from evanyseg import cli, models
from evanyseg.commands import models as commands
from evanyseg.weights.settings import DownloadSettings

CONTENT = bytes(range(256)) * 700


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EVANYSEG_CACHE", str(tmp_path / "weights"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("EVANYSEG_MIRROR", "EVANYSEG_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "weights"


def swap(specs) -> None:
    """Register these in place of what is registered under their names."""
    specs = list(specs)
    for spec in specs:
        models.segmenters.remove(spec.name)
    models.segmenters.register_all(specs)


@pytest.fixture
def server():
    with WeightServer(CONTENT) as running:
        spec = models.segmenters.get("mobile-sam")
        assert spec.weights is not None
        entry = replace(
            spec.weights,
            url=f"{running.url}/mobile_sam.pt",
            size=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
        )
        known = models.segmenters.specs()
        swap(replace(spec, weights=entry) if one is spec else one for one in known)
        yield running
        swap(known)  # in their order: pages and lists follow it


@pytest.fixture
def med2d_file(tmp_path):
    torch.save({"model": adapter_state(original_sam(**SMALL))}, tmp_path / "mine.pth")
    return tmp_path / "mine.pth"


@pytest.fixture
def run(capsys):
    def call(*words: str) -> tuple[int, str, str]:
        code = cli.main(["models", *words])
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


def test_list_names_every_registered_model_and_where_its_weights_are(run):
    code, out, _ = run("list")
    assert code == 0
    for registry in (models.segmenters, models.estimators):
        for name in registry.names():
            assert name in out
    for words in ("built in", "to download", "bring the file", "Apache-2.0"):
        assert words in out
    code, out, _ = run("list", "--json")
    listed = json.loads(out)["models"]
    assert {m["kind"] for m in listed} == {"segmenter", "estimator"}
    assert {m["weights"] for m in listed if m["name"] == "medsam"} == {"bring the file"}


def test_info_tells_file_source_hash_license_and_citation(run):
    code, out, _ = run("info", "sam-vit-b")
    assert code == 0
    for words in ("sam_vit_b_01ec64.pth", "https://dl.fbaipublicfiles.com", "ec2df62732", "Apache-2.0", "Kirillov"):
        assert words in out
    assert "END OF TERMS AND CONDITIONS" not in out
    assert "END OF TERMS AND CONDITIONS" in run("info", "sam-vit-b", "--licence")[1]
    assert "must not be passed on" in run("info", "evanyseg-vit-b", "--licence")[1]
    assert "ships with EvanySeg" in run("info", "builtin")[1]
    code, _, err = run("info", "sam-vit-x")
    assert code == 2
    assert "Unknown model 'sam-vit-x'" in err


def test_download_shows_the_license_fetches_and_prints_the_path(run, server, folder):
    code, out, err = run("download", "mobile-sam", "--yes")
    assert code == 0
    assert out.strip() == str(folder / "mobile_sam.pt")
    assert (folder / "mobile_sam.pt").read_bytes() == CONTENT
    assert "Apache License 2.0" in err
    assert server.url in err
    assert "here" in run("list")[1]


def test_download_without_anybody_to_agree_fetches_nothing(run, server, monkeypatch):
    code, _, err = run("download", "mobile-sam")
    assert code == 2
    assert "add --yes" in err
    assert server.does.requests == []


def test_download_from_a_mirror_and_of_what_only_a_person_can_fetch(run, server, folder):
    code, _, _ = run("download", "mobile-sam", "--yes", "--mirror", f"{server.url}/mirror")
    assert code == 0
    assert server.does.requests[0][0] == "/mirror/mobile_sam.pt"
    code, _, err = run("download", "mobile-sam", "medsam", "--yes")
    assert code == 2
    assert "cannot be fetched by a program" in err
    code, _, err = run("download", "builtin")
    assert code == 2
    assert "ships with EvanySeg" in err


def test_import_verify_where_and_clear(run, med2d_file, folder):
    code, out, _ = run("import", str(med2d_file))
    assert code == 0
    assert f"mine.pth -> sam-med2d ({folder / 'sam-med2d_b.pth'})" in out
    assert run("where")[1].strip() == str(folder)
    code, out, _ = run("verify")
    assert code == 0
    assert out.startswith("ok ")
    (folder / "sam-med2d_b.pth").write_bytes(b"something else")
    code, out, _ = run("verify", "sam-med2d")
    assert code == 1
    assert "changed since it was stored" in out
    code, _, err = run("verify", "medsam")
    assert code == 2
    assert "nothing to check" in err
    code, _, err = run("clear")
    assert code == 2
    assert "add --yes" in err
    assert (folder / "sam-med2d_b.pth").exists()
    code, out, _ = run("clear", "--yes")
    assert code == 0
    assert not (folder / "sam-med2d_b.pth").exists()
    assert med2d_file.exists()
    assert "No weight files" in run("verify")[1]


def test_import_of_sam_or_medsam_says_what_was_assumed(run, tmp_path):
    wide = {**SMALL, "width": 768, "depth": 12, "heads": 12, "image_size": 512, "global_blocks": (2, 5, 8, 11)}
    torch.save(original_sam(**wide).state_dict(), tmp_path / "weights.pth")
    code, out, err = run("import", str(tmp_path / "weights.pth"))
    assert code == 0
    assert "-> sam-vit-b" in out
    assert "--as medsam" in err
    code, out, err = run("import", str(tmp_path / "weights.pth"), "--as", "medsam")
    assert "-> medsam (" in out
    assert "Note" not in err


def test_import_of_a_folder_goes_on_after_a_bad_file(run, med2d_file, tmp_path):
    (tmp_path / "bad.pth").write_bytes(b"<html>")
    code, out, err = run("import", str(tmp_path))
    assert code == 1
    assert "-> sam-med2d" in out
    assert "bad.pth is a web page" in err
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _, err = run("import", str(empty))
    assert (code, "no weight files" in err) == (2, True)
    assert run("import", str(tmp_path), "--as", "medsam")[0] == 2
    code, _, err = run("import", str(tmp_path / "nothing.pth"))
    assert (code, "There is no weight file" in err) == (2, True)


def test_asking_a_person_who_says_no(run, server, monkeypatch):
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(commands.typer, "get_text_stream", lambda name: Terminal())
    monkeypatch.setattr(commands.typer, "confirm", lambda *args, **kwargs: False)
    code, _, err = run("download", "mobile-sam")
    assert code == 2
    assert "not agreed to" in err
    assert server.does.requests == []
    assert DownloadSettings.from_environment().mirror == ""
