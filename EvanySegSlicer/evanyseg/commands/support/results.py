"""What commands check about their results before any work is done, and how a long run is told from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from ...errors import OutputError
from ...io.tables import Table
from ...io.targets import is_special, on_stdout
from ...io.write import ending
from ...scoring.table_boxes import unread_box
from .console import say_plain

PAGES = (".html", ".htm")


def check_stdout(paths: Iterable[Path | None], as_json: bool) -> None:
    """Raises OutputError when two documents would go to standard output."""
    if as_json and on_stdout(paths):
        raise OutputError("--json prints on standard output, where a result shall go as well; give that one a file.")


def check_ending(path: Path | None, what: str, endings: Sequence[str], stream: bool = False) -> None:
    """Raises OutputError when a file's name says something else than what will be in it. `stream`: there is but one
    form, so that pipes and standard output need no ending."""
    if path is None or ending(path) in endings or (stream and is_special(path)):
        return
    named = f"as '{path.suffix}'" if path.suffix else "without an ending, which tells its format"
    raise OutputError(f"{path}: {what} cannot be written {named}; use one of {', '.join(endings)}.")


def identity_of(model: str) -> str:
    """A model's name, or its file with what tells another file of that name."""
    path = Path(model).expanduser()
    if not path.is_file():
        return model
    found = path.stat()
    return f"{path.absolute()} ({found.st_size} bytes, {datetime.fromtimestamp(found.st_mtime):%Y-%m-%d %H:%M:%S})"


def described(settings: Mapping[str, object]) -> str:
    """What rows are made with, in words; options that were not given are left out."""
    return "; ".join(f"{name} {value}" for name, value in settings.items() if value is not None)


def say_layout(table: Table) -> None:
    """Tell how an unusual table is read, and what of it is not, so that a wrong guess is seen."""
    if not table.layout.usual:
        say_plain(f"{table.path.name} is read as {table.layout.describe()}.")
    unread = unread_box(table.columns) if "image" in table.columns else ""
    if unread:
        say_plain(
            f"Note: {table.path.name} holds boxes in {unread}, which are not read: call the columns x0, y0, x1, y1 "
            "(first and last edge, in pixels)."
        )
