"""What is written about the models is made from their specs, and other packages can add some."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from evanyseg.models import page

ROOT = Path(__file__).resolve().parents[2]


def test_the_tables_of_the_page_are_those_of_the_registries() -> None:
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    assert page.filled(text) == text, "run: python -m evanyseg.models.page docs/models.md"


def test_a_page_without_a_place_for_a_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 places for the table 'segmenters'"):
        page.filled("nothing")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder as pip leaves it: a module with a SAM-like segmenter, and entry points, one of them broken."""
    (tmp_path / "their_models.py").write_text(
        textwrap.dedent("""
        import numpy as np
        from evanyseg.models import ModelSpec
        from evanyseg.results import Candidates, Embedding

        class Whole:
            name, device, supports_points, supports_boxes = "theirs", "cpu", False, True
            def embed(self, image, should_cancel=lambda: False):
                return Embedding(self.name, image.shape[:2], None, 0)
            def segment(self, embedding, box=None, points=(), previous=None, should_cancel=lambda: False):
                ones = np.ones((1, *embedding.shape), np.float32)
                return Candidates(ones, np.ones(1), np.ones(1), ones)

        SPEC = ModelSpec("theirs", "Their segmenter", lambda spec, path, device: Whole(), prompts="boxes")
        """)
    )
    info = tmp_path / "their_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[evanyseg.segmenters]\ntheirs = their_models:SPEC\nbroken = no_such_module:SPEC\n"
        "taken = evanyseg.models.segmenters:SEGMENTERS\n"
    )
    return tmp_path


def test_another_package_adds_a_segmenter_and_a_broken_one_is_left_out(plugin: Path) -> None:
    code = (
        "from evanyseg import models\n"
        "import numpy as np\n"
        "made = models.segmenters.create('theirs', 'cpu')\n"
        "found = made.segment(made.embed(np.zeros((4, 5, 3), np.uint8)))\n"
        "print(found.masks.shape, 'broken' in models.segmenters.names(), 'builtin' in models.segmenters.names())"
    )
    path = os.pathsep.join([str(ROOT / "EvanySegSlicer"), str(plugin)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=True
    )
    assert done.stdout.split() == ["(1,", "4,", "5)", "False", "True"]
    assert "'broken' (no_such_module:SPEC) of evanyseg.segmenters cannot be loaded" in done.stderr
    assert "The segmenter that 'taken' adds is no ModelSpec of a new name" in done.stderr
