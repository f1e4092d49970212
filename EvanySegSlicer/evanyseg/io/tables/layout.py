"""How a table is stored: its encoding and the character between its cells, found out from its bytes."""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ImageError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that one's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SPREADSHEETS = {b"PK\x03\x04": "an Excel or OpenDocument workbook", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}
_HEAD = 1 << 16

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # Python's own limit of 131,072 characters is below real cells


@dataclass(frozen=True)
class TableLayout:
    """`preamble`: lines before the header (Excel's `sep=;`)."""

    encoding: str
    separator: str
    preamble: int = 0

    @property
    def usual(self) -> bool:
        """Whether it is what this software writes."""
        return self.encoding.startswith("utf-8") and self.separator == ","

    def describe(self) -> str:
        encoding = {"cp1252": "Windows-1252"}.get(self.encoding, self.encoding.upper().removesuffix("-SIG"))
        return f"{encoding}, separated by {SEPARATORS[self.separator]}"


def layout_of(path: Path, wanted: Sequence[str]) -> TableLayout:
    """The layout in which the header has most of the `wanted` columns (in any case), else most columns.

    Raises ImageError for files that are no text, or in an encoding that cannot be told.
    """
    encoding = _encoding(path)
    with path.open(newline="", encoding=encoding) as file:
        head = file.read(_HEAD)
    first = head.split("\n", 1)[0].strip().lower()
    preamble = 0
    if first.startswith("sep=") and first[4:5] in SEPARATORS and len(first) == 5:
        return TableLayout(encoding, first[4], 1)
    if first in ("sep=", "sep=\t"):  # the tab was stripped
        return TableLayout(encoding, "\t", 1)
    names = {w.casefold() for w in wanted}
    rated = []
    for order, separator in enumerate(SEPARATORS):
        cells = {c.strip().casefold() for c in _first_record(head, separator)}
        rated.append((len(names & cells), len(cells), -order, separator))
    return TableLayout(encoding, max(rated)[-1], preamble)


def _first_record(text: str, separator: str) -> Iterable[str]:
    try:
        return next((r for r in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if r), [])
    except csv.Error:
        return []


def _encoding(path: Path) -> str:
    """UTF-8 with or without a mark, UTF-16, UTF-32, else Windows-1252, checked to the last byte."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            for magic, what in _SPREADSHEETS.items():
                if head.startswith(magic):
                    raise ImageError(f"The table {path.name} is {what}; save it as CSV (UTF-8).")
            marked = next((name for mark, name in _BOMS if head.startswith(mark)), None)
            for encoding in [marked] if marked else [*_wide(head, path), "utf-8", "cp1252"]:
                file.seek(0)
                if _decodes(iter(lambda: file.read(1 << 20), b""), encoding):
                    return encoding
    except OSError as error:
        raise ImageError(f"The table {path} cannot be read ({error.strerror or error}).") from error
    raise ImageError(f"The text of the table {path.name} is in no encoding that is known; save it as UTF-8.")


def _wide(head: bytes, path: Path) -> list[str]:
    """UTF-16 without a mark: every other byte of latin text is zero. Raises ImageError for zeros elsewhere."""
    if b"\0" not in head:
        return []
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 4 and min(even, odd) == 0:
        return ["utf-16-be" if even else "utf-16-le"]
    raise ImageError(f"The table {path.name} is not a text; save it as CSV (UTF-8).")


def _decodes(chunks: Iterable[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in chunks:
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
