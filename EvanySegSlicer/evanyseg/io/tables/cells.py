"""Cells: numbers that mean one thing only, and text that a spreadsheet shows instead of running it."""

from __future__ import annotations

import math
import re

from ...errors import ImageError

NOTHING = {"", "nan", "na", "n/a", "none", "null", "-"}
"""How a missing score is written, by this software and by others."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for a formula, also in its full-width forms; with quotes before it when it was guarded."""


def short(text: str) -> str:
    """A cell as messages quote it."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def score_number(text: str, separator: str = ",") -> float:
    """A predicted Dice or a limit of its interval: NaN where there is none.

    A decimal comma is understood where the cells are not separated by commas. Raises ImageError, as a phrase that
    follows the cell's place, for text, infinities and values outside [0, 1].
    """
    text = text.strip()
    if text.lower() in NOTHING:
        return math.nan
    number = text
    if _COMMA.fullmatch(text):
        if separator == ",":
            raise ImageError(f"'{text}' has a decimal comma in a table separated by commas; write {_dotted(text)}")
        number = _dotted(text)
    if not _NUMBER.fullmatch(number):
        raise ImageError(f"'{short(text)}' is no number; write a Dice between 0 and 1, or leave the cell empty")
    value = float(number)
    if not 0 <= value <= 1:
        percent = " (is it in percent?)" if 1 < value <= 100 else ""
        raise ImageError(f"'{short(text)}' is no Dice: it must lie between 0 and 1{percent}")
    return value


def coordinate(text: str, separator: str = ",") -> float:
    """A pixel coordinate. Raises ImageError for text, and for commas that could be decimal or of thousands."""
    text = text.strip()
    if _COMMA.fullmatch(text) and separator != "," and len(text.split(",")[1]) != 3:
        return float(_dotted(text))
    if _NUMBER.fullmatch(text):
        return float(text)
    if _COMMA.fullmatch(text):
        raise ImageError(f"'{short(text)}' may mean two numbers; write it with a decimal point.")
    raise ImageError(f"'{short(text)}' is no number.")


def guarded(text: str) -> str:
    """Text as a spreadsheet keeps it: a quote before what it would run. Numbers stay as they are."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """The text that `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _dotted(text: str) -> str:
    return text.replace(",", ".")


def loose_number(text: str) -> float:
    """What a cell of somebody's metadata says, if it is a finite number; else NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
