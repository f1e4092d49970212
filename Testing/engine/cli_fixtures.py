"""What the tests of the command line share."""

from __future__ import annotations

import csv
from pathlib import Path

SHAPE = (12, 40, 48)
E = ("--estimator", "bright")
S = ("--segmenter", "bright-box")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
