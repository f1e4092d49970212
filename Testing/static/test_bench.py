"""`dev.py bench` in an environment that lacks what some figures need: those are left out, in words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.report import write_page
from benchmarks.timing import figure

ROOT = Path(__file__).resolve().parents[2]
BLOCK = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Without())
import importlib.util as util
found = util.find_spec
util.find_spec = lambda name, package=None: None if name in {hidden!r} else found(name, package)
"""


def bench(tmp_path: Path, hidden: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m benchmarks` where the packages `hidden` are not installed."""
    (tmp_path / "sitecustomize.py").write_text(BLOCK.format(hidden=hidden))
    folders = [str(tmp_path), *(str(ROOT / name) for name in ("Testing", "EvanySegSlicer"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--runs", "1", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )


def test_what_the_environment_lacks_is_left_out_in_words_and_the_rest_is_measured(tmp_path):
    done = bench(tmp_path, ("PySide6", "slicer", "torch"), "--quick", "--report", "page.md")
    assert done.returncode == 0, done.stderr
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": left out, " in line)
    groups = ["interactive", "desktop", "web", "responsive", "volume", "overlay", "gpu"]
    assert [name for name in told if "," not in name] == groups
    assert {f"{name}, published models and torch" for name in ("start", "throughput", "busy")} <= told.keys()
    assert "left out, this environment lacks slicer and PySide6; 'python3 dev.py setup' installs all" in told["desktop"]
    measured = (
        "built-in estimator, onnx",
        "import evanyseg",
        "evanyseg score of one",
        "times as long, onnx",
        "4 masks",
    )
    assert all(name in done.stdout for name in measured), "without torch the built-in models run"
    assert "torch, batch" not in done.stdout
    assert "Traceback" not in done.stderr
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "A quick run: no figures to quote" in page
    assert "| import evanyseg |" in page
    assert "- The same in the stand-in for desktop Slicer: this environment lacks slicer and PySide6" in page
    assert "- start, published models and torch: this environment lacks torch" in page


def test_a_group_asked_for_by_name_that_cannot_be_measured_fails(tmp_path):
    done = bench(tmp_path, ("PySide6",), "desktop")
    assert done.returncode == 1
    assert done.stdout.startswith("desktop: left out")
    assert "Traceback" not in done.stderr


def test_groups_by_themselves_leave_the_rest_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    first = {"start": [figure("import evanyseg", [2.0], "ms")], "clone": [figure("a clone", [80.0], "MB", 90.0)]}
    write_page(page, first, {"gpu": "there is no card", "web": "there is no browser"}, quick=False)
    before = page.read_text(encoding="utf-8")
    again = {"clone": [figure("a clone", [95.0], "MB", 90.0)], "gpu": [figure("batch 1", [3.0], "masks/s")]}
    write_page(page, again, {}, quick=False, part=True)
    text = page.read_text(encoding="utf-8")
    assert text.split("## Size")[0].split("## On a CUDA card")[0] == before.split("## Size")[0]
    assert "| a clone | 95 MB |  | <= 90 MB: **missed** |" in text
    assert "80 MB" not in text
    assert text.count("Measured by itself: ") == 2
    assert "## Not measured\n\n- The same in the browser: there is no browser.\n" in text
    assert "no card" not in text
