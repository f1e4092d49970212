"""What reading many files gave rise to: each sentence once, with the cases that it is said of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

Remark = tuple[str, list[str]]
"""A sentence, and the names of its cases."""
SHOWN = 60
"""Sentences that a page shows."""


def collected(said: Iterable[tuple[str, str]]) -> list[Remark]:
    """From pairs of a case's name and a sentence ('' is none); what is said of few cases comes first."""
    found: dict[str, dict[str, None]] = {}
    for name, text in said:
        if text:
            found.setdefault(text, {})[name] = None
    return sorted(((text, list(names)) for text, names in found.items()), key=lambda one: len(one[1]))


def cases_in_words(names: Sequence[str]) -> str:
    """The first case, and how many others."""
    others = len(names) - 1
    return names[0] if not others else f"{names[0]} and {others} other{'s' if others > 1 else ''}"


def remarks_html(found: Sequence[Remark], table: str) -> str:
    """A section of a page; `table`: the file that has all of them."""
    if not found:
        return ""
    lines = "".join(f"<li><b>{escape(cases_in_words(names))}</b>: {escape(text)}</li>" for text, names in found[:SHOWN])
    more = f"<p>{len(found) - SHOWN} more in {escape(table)}.</p>" if len(found) > SHOWN else ""
    return f"<section><h2>How the files were read</h2><ul>{lines}</ul>{more}</section>"


def remarks_fields(found: Sequence[Remark]) -> list[dict[str, object]]:
    """For JSON."""
    return [{"remark": text, "cases": names} for text, names in found]
