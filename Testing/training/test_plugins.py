"""Other packages add readers and metrics by entry points, without touching this one."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder as pip leaves it: a module with a reader and a metric."""
    (tmp_path / "theirs.py").write_text(
        textwrap.dedent("""
        from evanyseg_training.data.readers import Record

        def read_theirs(root, suffix=".png"):
            for path in sorted(root.glob("*" + suffix)):
                yield path.name

        def largest_error(truth, prediction, weights):
            import numpy as np
            return np.abs(truth - prediction).max() * np.ones(len(weights))
        """)
    )
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[evanyseg.readers]\ntheirs = theirs:read_theirs\n[evanyseg.metrics]\nlargest = theirs:largest_error\n"
    )
    (tmp_path / "a.png").write_bytes(b"")
    return tmp_path


def run(code: str, plugin: Path) -> str:
    path = os.pathsep.join(map(str, [ROOT / "EvanySegSlicer", ROOT / "training", plugin]))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=True
    )
    return done.stdout.strip()


def test_a_reader_of_another_package_is_found_by_name(plugin: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom evanyseg_training.data.readers import read\n"
        f"print(list(read('theirs', Path({str(plugin)!r}))))\n"
        "try: read('nobodys', Path('.'))\nexcept Exception as error: print(error)"
    )
    first, second = run(code, plugin).splitlines()
    assert first == "['a.png']"
    assert second.endswith("decathlon, theirs.")


def test_a_metric_of_another_package_is_measured_with_the_others(plugin: Path) -> None:
    code = (
        "import numpy as np, pandas as pd\n"
        "from evanyseg_training.evaluation import metric_evaluator as m\n"
        "made = getattr(m, 'MetricEvaluator', None) or m.MetricEvaluator\n"
        "dice = np.linspace(0, 1, 12)\n"
        "table = pd.DataFrame({'set': ['s'] * 12, 'image': range(12), 'object': range(12), 'dice': dice})\n"
        "found = made(table, resamples=20).measure(table.dice.to_numpy() - 0.25)\n"
        "print(found.of('largest', 's').value, found.of('mae', 's').value)"
    )
    assert [round(float(v), 6) for v in run(code, plugin).split()] == [0.25, 0.25]
