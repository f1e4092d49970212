"""What every page has: head, heading, how the numbers were made, and the line that it is research software.

A page needs nothing else: style and script are inside of it, and nothing is fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template

from .. import __version__


def framed(
    heading: str,
    subject: str,
    created: datetime,
    body: str,
    facts: Mapping[str, str],
    closing: str,
    title: str = "",
    own_style: str = "",
    sortable: bool = False,
) -> str:
    """One HTML document. body: its sections, escaped; facts: what the numbers were made with (label -> text; empty ones
    are left out); closing: paragraphs that say how to read them; own_style: rules that only this page needs; sortable:
    tables with the id `scores` are sorted by their headings."""
    read = lambda name: (files(__package__) / name).read_text(encoding="utf-8")
    return Template(read("frame.html")).substitute(
        title=escape(f"EvanySeg: {title or subject}"),
        style=read("page.css"),
        own_style=own_style,
        heading=escape(heading),
        subject=escape(subject),
        version=escape(__version__),
        created=escape(f"{created:%Y-%m-%d %H:%M}"),
        body=body,
        facts="\n".join(f"    <dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items() if v),
        closing=closing,
        script=f"<script>\n{read('page.js')}\n</script>\n" if sortable else "",
    )
