"""What the tests of the command line share."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

SHAPE = (12, 40, 48)
E = ("--estimator", "bright")
S = ("--segmenter", "bright-box")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


ROOT = Path(__file__).resolve().parents[2]
_PRELUDE = """
import signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # whatever started the tests may have them ignored
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
from doubles import BrightEstimator, BrightSegmenter
from evanyseg import cli, models
from evanyseg.models import ModelSpec
make = {"estimator": BrightEstimator, "segmenter": BrightSegmenter}
"""
_RUN = """
models.estimators.register(ModelSpec("bright", "", lambda spec, path, device: make["estimator"]()))
models.segmenters.register(ModelSpec("bright-box", "", lambda spec, path, device: make["segmenter"]()))
sys.exit(cli.main(sys.argv[1:]))
"""


def bright_command(*arguments: object, prelude: str = "") -> list[str]:
    """The command line in a process of its own, with the stand-ins for models; `prelude` may replace them in `make`."""
    return [sys.executable, "-c", _PRELUDE + prelude + _RUN, *map(str, arguments)]


def bright_environment() -> dict[str, str]:
    path = os.pathsep.join(str(ROOT / name) for name in ("EvanySegSlicer", "Testing"))
    return {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
