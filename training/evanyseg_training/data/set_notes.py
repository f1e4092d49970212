"""License and citation of data sets, from the table in a data collection's README."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SetNote:
    """License and citation of a data set."""

    license: str
    citation: str


def read_set_notes(page: Path | None) -> dict[str, SetNote]:
    """Notes per set from the first Markdown table with the columns set, license (or
    licence) and citation; empty without a page."""
    if page is None:
        return {}
    found: dict[str, SetNote] = {}
    header: list[str] = []
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not header:
            cells = ["license" if c == "licence" else c for c in cells]
            header = cells if {"set", "license", "citation"} <= set(cells) else []
        elif not line.startswith("|"):
            break
        elif not set(cells[0]) <= set("-: "):
            row = dict(zip(header, cells, strict=False))  # cells at the end may be missing
            found[row["set"]] = SetNote(row.get("license", ""), row.get("citation", ""))
    return found
