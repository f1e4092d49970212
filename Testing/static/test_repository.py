"""The repository itself: its size, its icon, its layout, and nothing in it that belongs to one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
BUILTIN = ROOT / "EvanySegSlicer/evanyseg/builtin"


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]


def test_the_repository_stays_under_100_mb() -> None:
    """Counted is what a clone brings: the history behind HEAD and the files, not what else lies in `.git` here."""
    files = sum(p.stat().st_size for p in tracked())
    history = ["git", "rev-list", "--objects", "--disk-usage", "HEAD"]
    packed = int(subprocess.run(history, cwd=ROOT, capture_output=True, check=True).stdout)
    assert packed + files < 100e6


def test_the_built_in_weights_are_stored_once_and_stay_under_11_mb() -> None:
    assert sum(p.stat().st_size for p in BUILTIN.glob("*.safetensors")) <= 11e6
    assert sum(p.stat().st_size for p in BUILTIN.glob("*") if p.suffix != ".safetensors") <= 0.6e6  # graphs have none


def test_the_top_level_is_the_one_the_user_fixed() -> None:
    allowed = {
        "EvanySegSlicer", "CMakeLists.txt", "Resources", "Testing", "training", "EvanySegSlicer.png", "README.md",
        "pyproject.toml", "LICENSE", ".ci", ".gitignore", ".github", "dev.py", "docs", "CITATION.cff",
        "CONTRIBUTING.md", "CHANGELOG.md", ".pre-commit-config.yaml",
    }  # fmt: skip
    found = {p.relative_to(ROOT).parts[0] for p in tracked()}
    assert found <= allowed, f"unexpected at the top level: {sorted(found - allowed)}"


def test_the_icon_is_128_px_with_transparency() -> None:
    icon = Image.open(ROOT / "EvanySegSlicer.png")
    assert icon.size == (128, 128)
    assert icon.mode == "RGBA"


def test_no_file_names_a_path_of_one_machine() -> None:
    personal = re.compile(rb"(?:/home/|/Users/|/root/|/work/|C:\\Users\\)[A-Za-z.]")
    here = Path(__file__).resolve()
    wrong = [
        p.relative_to(ROOT).as_posix()
        for p in tracked()
        if p.suffix in {".py", ".md", ".txt", ".toml", ".yml", ".yaml", ".json", ".csv", ".ui", ".cff", ""}
        and p != here
        and personal.search(p.read_bytes())
    ]
    assert not wrong


def test_python_files_stay_small() -> None:
    """One idea a file: 300 lines, with a little air for a file's imports and docstring."""
    long = {
        p.relative_to(ROOT).as_posix(): n
        for p in tracked()
        if p.suffix == ".py" and (n := len(p.read_text(encoding="utf-8").splitlines())) > 330
    }
    assert not long
