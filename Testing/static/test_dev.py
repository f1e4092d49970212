"""`dev.py`: what it shows while pip works, what it asks of the machine, and that pip's own words stay in the log."""

from __future__ import annotations

import importlib.util
import io
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = """Collecting numpy>=1.26 (from evanyseg-slicer==0.1.0)
  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (6.6 kB)
WARNING: Location 'somewhere' is ignored
Downloading numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl (16.9 MB)
  Using cached rich-14.0.0-py3-none-any.whl (243 kB)
Processing {wheel} (from evanyseg-slicer)
Installing collected packages: numpy, rich, local
Successfully installed numpy-2.4.6 rich-14.0.0 local-1.0
"""


@pytest.fixture
def dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev_script", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dev_script"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_what_is_fetched_is_shown_with_its_size_and_the_rest_is_logged(dev, tmp_path, capsys) -> None:
    wheel = tmp_path / "local-1.0-py3-none-any.whl"
    wheel.write_bytes(bytes(2_000_000))
    log, progress = io.StringIO(), dev.Progress(100)
    text = PIP.format(wheel=wheel)
    progress.follow(text.splitlines(keepends=True), log)
    progress.done()
    assert (progress.count, round(progress.fetched, 2)) == (3, 19.14)
    shown = capsys.readouterr().out
    assert "numpy (16.9 MB)" in shown
    assert "unpacking 3 packages" in shown
    assert "3 packages, 19 MB, in" in shown
    assert "WARNING" not in shown
    assert log.getvalue() == text


def test_a_failure_shows_the_end_of_the_log(dev, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(dev, "VENV", tmp_path)
    monkeypatch.setattr(dev, "LOG", tmp_path / "install.log")
    monkeypatch.setattr(dev, "PYTHON", Path(sys.executable))
    fails = [sys.executable, "-c", "print('ERROR: no such package'); raise SystemExit(3)"]
    run_logged = dev.run_logged
    monkeypatch.setattr(dev, "run_logged", lambda command, progress: run_logged(fails, progress))
    assert not dev.install(dev.SMALL)
    said = capsys.readouterr().err
    assert "ERROR: no such package" in said
    assert "exit 3" in said
    assert not dev.is_installed(dev.SMALL)


def test_each_command_asks_for_the_disk_it_needs(dev, monkeypatch) -> None:
    monkeypatch.setattr(dev, "is_installed", lambda wanted: False)
    monkeypatch.setattr(dev.shutil, "disk_usage", lambda path: SimpleNamespace(free=5 * 2**30))
    assert "GB of free disk" not in dev.check_machine(dev.ENVIRONMENTS["demo"])
    assert dev.check_machine(dev.ENVIRONMENTS["test"]).startswith("12 GB of free disk are needed")


def test_the_demo_needs_no_pytorch_and_its_packages_are_those_of_pyproject(dev) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    small = dev.ENVIRONMENTS["demo"]
    assert set(small.alone) <= set(extras["demo"])
    assert f"evanyseg-slicer[{small.extra}]" in extras["demo"]
    needed = " ".join(extras[name][n] for name in small.extra.split(",") for n in range(len(extras[name])))
    assert "torch" not in needed
    assert dev.ENVIRONMENTS["test"].extra in extras
