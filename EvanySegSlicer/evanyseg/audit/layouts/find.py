"""Which layout a path has, and the cases in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...errors import ImageError
from ...io.remote import address, plain
from ...io.remote.listing import is_remote_folder
from ...io.tables import open_table
from ..case import AuditCase
from .bids import bids_cases, is_bids
from .decathlon import decathlon_cases
from .described import description_of
from .nnunet import nnunet_cases
from .outline import Outline
from .table import table_cases

CASE = "case"


def read_dataset(
    path: Path, masks: Path | None = None, metadata: Path | None = None, truth_column: str | None = None
) -> list[AuditCase]:
    """The cases of a data set, in the order of their names (of a table: its own).

    masks: a folder whose masks are to be audited instead of the data set's own labels (a model's predictions, named as
    the labels are); metadata: a table with a column `case` and whatever else is known. Raises ImageError in words that
    say what was looked for.
    """
    path, masks = plain(path), plain(masks) if masks is not None else None
    remote = [folder for folder in (path, masks) if folder is not None and is_remote_folder(folder)]
    if remote:
        with Outline() as outline:
            at = {folder: outline.of(folder) for folder in remote}
            try:
                found = _cases(at.get(path, path), at.get(masks, masks) if masks else None, truth_column)
            except ImageError as error:
                raise ImageError(outline.said(str(error))) from None
            cases = [outline.there(case) for case in found]
    else:
        cases = _cases(path, masks, truth_column)
    return _with_metadata(cases, metadata) if metadata is not None else cases


def _cases(path: Path, masks: Path | None, truth_column: str | None) -> list[AuditCase]:
    """Raises ImageError."""
    if path.is_file() or address(path) is not None:
        if masks is not None:
            raise ImageError("A table names its masks itself; --masks goes with a folder.")
        cases = table_cases(path, truth_column)
    elif not path.is_dir():
        raise ImageError(f"There is no {path}; give a table or the folder of a data set.")
    elif truth_column:
        raise ImageError("--truth-column names a column of a table of cases; a folder has none.")
    elif (described := description_of(path)) is not None:
        cases = (decathlon_cases if described.lists_cases else nnunet_cases)(path, described, masks)
    elif is_bids(path):
        cases = bids_cases(path, masks)
    else:
        raise ImageError(
            f"{path} is no data set that is known here: there is neither nnU-Net's or the Medical Decathlon's "
            "dataset.json nor BIDS' files named *_dseg; a table with the columns image,mask does as well."
        )
    if not cases:
        raise ImageError(f"There is no case with an image and a mask in {path}.")
    return cases


def _with_metadata(cases: list[AuditCase], path: Path) -> list[AuditCase]:
    """Rows by the case's name or, where there is none, by its subject."""
    table = open_table(path, [CASE])
    rows: dict[str, dict[str, str]] = {}
    for row in table.rows():
        name = row[CASE].strip()
        if name in rows:
            raise ImageError(f"{path.name} has two rows for the case {name}.")
        rows[name] = {column: text.strip() for column, text in row.items() if column and column != CASE}
    found = [rows.get(case.name, rows.get(case.subject)) for case in cases]
    if all(row is None for row in found):
        raise ImageError(
            f"None of the {len(rows)} rows of {path.name} is about one of the cases, "
            f"which are called like {cases[0].name}."
        )
    empty = dict.fromkeys((c for c in table.columns if c and c != CASE), "")
    return [
        replace(case, metadata={**empty, **case.metadata, **(row or {})})
        for case, row in zip(cases, found, strict=True)
    ]
