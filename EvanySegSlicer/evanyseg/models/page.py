"""The tables of docs/models.md, made from the registered models: `python -m evanyseg.models.page docs/models.md`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from . import estimators, segmenters
from .spec import ModelSpec


def _file(spec: ModelSpec[Any]) -> str:
    if spec.weights is None:
        return "ships with EvanySeg"
    names = ", ".join(f"`{file.filename}`" for file in spec.files)
    return f"{names}, {spec.weights.size / 1e6:,.0f} MB" if spec.weights.size else names


def _how(spec: ModelSpec[Any]) -> str:
    if spec.weights is None:
        return "-"
    return "`download`" if spec.weights.url else "bring it" if not spec.companions else "bring both"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def segmenter_table() -> str:
    rows = [
        _row([f"`{s.name}`", s.note.rstrip("."), s.prompts, _file(s), _how(s), s.license]) for s in segmenters.specs()
    ]
    head = ["name", "what it is", "prompts", "file", "how you get it", "licence"]
    return "\n".join([_row(head), "|---" * len(head) + "|", *rows])


def estimator_table() -> str:
    rows = [
        _row([f"`{s.name}`", s.note.rstrip("."), _file(s), _how(s), s.license.replace("none", "none published")])
        for s in estimators.specs()
    ]
    head = ["name", "what it is", "file", "how you get it", "licence"]
    return "\n".join([_row(head), "|---" * len(head) + "|", *rows])


TABLES = {"segmenters": segmenter_table, "estimators": estimator_table}


def filled(page: str) -> str:
    """The page with the tables between its marks `<!-- table: NAME -->` and `<!-- end -->` made anew."""
    for name, table in TABLES.items():
        marks = re.compile(rf"(<!-- table: {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        made = table()
        page, count = marks.subn(lambda m, made=made: m[1] + made + m[2], page)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"the page has {count} places for the table '{name}', expected 1")
    return page


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(filled(target.read_text(encoding="utf-8")), encoding="utf-8")
