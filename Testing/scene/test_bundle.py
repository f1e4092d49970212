"""A scene bundle is somebody else's file: what leads out of it is refused, and the scene that was there stays."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from evanyseg.errors import EvanySegError


def rewritten(source: Path, target: Path, change=lambda text: text, **more: bytes) -> Path:
    """A copy of a bundle with another scene text and more members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data.decode()).encode() if name.endswith(".mrml") else data)
        for name, data in more.items():
            new.writestr(name, data)
    return target


@pytest.fixture
def saved(app, volume, tmp_path: Path) -> Path:
    app.save_mrb(tmp_path / "scene.mrb")
    return tmp_path / "scene.mrb"


@pytest.mark.parametrize(
    "there", ["/etc/hostname", "../../x.nrrd", "..%2F..%2Fx.nrrd", "file:///etc/hostname", "http://127.0.0.1/x.nrrd"]
)
def test_references_that_lead_out_are_refused(app, volume, saved: Path, tmp_path: Path, there: str) -> None:
    import re

    change = lambda text: re.sub(r'fileName="Data[^"]*"', f'fileName="{there}"', text)
    bad = rewritten(saved, tmp_path / "bad.mrb", change)
    with pytest.raises(EvanySegError, match="outside itself"):
        app.load_mrb(bad)
    assert volume.GetScene() is app.scene, "what was open is still there"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scene/run.py", "does not hold files like"),
        ("scene/a.so", "does not hold files like"),
        ("../../evil.txt", "outside its folder"),
        ("scene/second.mrml", "2 .mrml"),
    ],
)
def test_members_that_no_scene_has_are_refused(app, saved: Path, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(EvanySegError, match=words):
        app.load_mrb(rewritten(saved, tmp_path / "bad.mrb", **{name: b"<MRML/>"}))
    assert not (tmp_path.parent / "evil.txt").exists()


def test_a_volume_that_keeps_its_voxels_elsewhere_is_refused(app, saved: Path, tmp_path: Path) -> None:
    header = b"NRRD0004\ntype: uint8\ndimension: 1\nsizes: 8\nencoding: raw\ndata file: /etc/hostname\n\n"
    with pytest.raises(EvanySegError, match="outside its folder"):
        app.load_mrb(rewritten(saved, tmp_path / "bad.mrb", **{"scene/Data/x.nrrd": header}))


def test_entities_are_refused(app, saved: Path, tmp_path: Path) -> None:
    change = lambda text: text.replace("<MRML", '<!DOCTYPE x [<!ENTITY a "aaaa">]>\n<MRML', 1)
    with pytest.raises(EvanySegError, match="entities"):
        app.load_mrb(rewritten(saved, tmp_path / "bad.mrb", change))


def test_an_untouched_copy_still_opens(app, volume, saved: Path, tmp_path: Path) -> None:
    name = volume.GetName()
    app.load_mrb(rewritten(saved, tmp_path / "copy.mrb"))
    assert app.scene.GetFirstNodeByName(name).GetImageData() is not None
    storage = app.scene.GetFirstNodeByName(name).GetStorageNode()
    assert not Path(storage.GetFileName()).is_absolute() or Path(storage.GetFileName()).is_relative_to(tmp_path)
    app.save_mrb(tmp_path / "again.mrb")
    app.load_mrb(tmp_path / "again.mrb")
    assert app.scene.GetFirstNodeByName(name).GetImageData() is not None
