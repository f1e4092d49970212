"""A table of cases: `image,mask`, and where known `label`, `subject`, `case`; every other column is metadata."""

from __future__ import annotations

import math
from pathlib import Path

from ...errors import ImageError
from ...io.remote import joined
from ...io.tables import open_table, score_number
from ...scoring.table_boxes import needed_cell
from ..case import COLUMNS, AuditCase

NEEDED = ("image", "mask")
OPTIONAL = ("label", "subject", "case")


def table_cases(path: Path, truth_column: str | None) -> list[AuditCase]:
    """Rows of one image and mask are one case with several labels, unless they bring a truth of their own. Paths are
    relative to the table. Raises ImageError."""
    table = open_table(path, [*NEEDED, *([truth_column] if truth_column else [])])
    known = {*NEEDED, *OPTIONAL, truth_column}
    columns = [c for c in table.columns if c and c not in known]
    taken = sorted(set(columns) & set(COLUMNS))
    if taken:
        raise ImageError(
            f"{path.name} has the column {taken[0]}, which the audit's own table uses; rename it, or leave it out."
        )
    found: dict[tuple[object, ...], AuditCase] = {}
    for number, row in enumerate(table.rows()):
        image, mask = (needed_cell(row, name) for name in NEEDED)
        label, case = (row.get(name, "").strip() for name in ("label", "case"))
        truth = _truth(row[truth_column], number, path, table.layout.separator) if truth_column else math.nan
        metadata = {column: row[column].strip() for column in columns}
        key = (image, mask, case, tuple(metadata.items()), number if truth_column or not label else -1)
        if key in found and found[key].labels:
            before = found[key]
            if label in before.labels:
                raise ImageError(f"{path.name}, row {number + 2}: this label of {mask} is there already.")
            labels = (*before.labels, label)
        else:
            labels = (label,) if label else ()
        subject = row.get("subject", "").strip() or image
        image_path, mask_path = (joined(path.parent, name) for name in (image, mask))
        found[key] = AuditCase(case or image, image_path, mask_path, subject, labels, truth, metadata)
    return list(found.values())


def _truth(text: str, number: int, path: Path, separator: str) -> float:
    try:
        return score_number(text, separator)
    except ImageError as error:
        raise ImageError(f"{path.name}, row {number + 2}: {error}.") from None
