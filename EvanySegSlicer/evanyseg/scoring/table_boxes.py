"""Boxes in the rows of a table: the columns x0, y0, x1, y1, and box_frame, which says what they are counted in."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import ImageError
from ..geometry.boxes import BoxFrame, displayed_box, stated_frame
from ..geometry.plane_stack import PlaneStack
from ..io.tables import coordinate
from ..prompts import BoxPrompt

BOX = ("x0", "y0", "x1", "y1")
FRAME = "box_frame"
_OTHERS = tuple(
    tuple(names.split())
    for names in ("x y w h", "x y width height", "xmin ymin xmax ymax", "x_min y_min x_max y_max",
                  "left top right bottom", "left top width height", "bbox", "box")
)  # fmt: skip
"""What boxes are called in tables of other programs."""


def unread_box(columns: Collection[str]) -> str:
    """The columns that hold a box under names which are not read, such as 'x, y, w, h'; empty when there are none."""
    lower = {column.casefold(): column for column in columns}
    found = next((names for names in _OTHERS if set(names) <= set(lower)), None)
    if found is None or set(BOX) & set(columns):
        return ""
    return ", ".join(lower[name] for name in found)


def needed_cell(row: dict[str, str], column: str) -> str:
    """The cell's text. Raises ImageError when it is empty."""
    value = row[column].strip()
    if not value:
        raise ImageError(f"The cell '{column}' is empty.")
    return value


def box_of_row(row: dict[str, str], separator: str = ",") -> BoxPrompt | None:
    """The box as it stands in the row; None when all four cells are empty or absent. `separator`: the table's, which
    tells whether commas may be decimal. Raises ImageError."""
    cells = [row.get(name, "").strip() for name in BOX]
    if not any(cells):
        return None
    if not all(cells):
        raise ImageError("The box is incomplete; fill x0, y0, x1 and y1, or none of them.")
    try:
        x0, y0, x1, y1 = (coordinate(c, separator) for c in cells)
    except ImageError as error:
        raise ImageError(f"The box {', '.join(cells)} is not four numbers: {error}") from None
    return BoxPrompt(x0, y0, x1, y1)


def frame_of_row(row: dict[str, str], other: BoxFrame | None) -> BoxFrame | None:
    """What the row's cell `box_frame` says; `other` where it is empty or absent. Raises ImageError."""
    text = row.get(FRAME, "").strip().lower()
    if not text:
        return other
    try:
        return BoxFrame(text)
    except ValueError:
        raise ImageError(f"The cell '{FRAME}' says '{text}'; it can be 'display' or 'file'.") from None


def displayed_box_of_row(
    row: dict[str, str], planes: PlaneStack, other: BoxFrame | None, separator: str = ","
) -> tuple[BoxPrompt | None, BoxFrame | None]:
    """The row's box in the display frame of an image of one slice, and the frame that the row's own numbers are in.

    (None, None) without a box. Raises ImageError, PromptError.
    """
    box = box_of_row(row, separator)
    if box is None:
        return None, None
    frame = stated_frame(frame_of_row(row, other), planes)
    return displayed_box(box, planes.plane(0), frame), frame


def box_of_one_slice(
    row: dict[str, str], planes: PlaneStack, other: BoxFrame | None, separator: str = ","
) -> BoxPrompt | None:
    """The row's box in the display frame, on the image. Raises ImageError for a box on a volume, PromptError."""
    if not any(row.get(name, "").strip() for name in BOX):
        return None
    if planes.count != 1:
        raise ImageError(f"{row['image']} is a volume: a box belongs to one slice; leave the box empty.")
    box, _ = displayed_box_of_row(row, planes, other, separator)
    return box.validated(planes.shape) if box is not None else None


def columns_with_frame(columns: list[str]) -> list[str]:
    """A table's columns and, when it has boxes, the one that states their frame, beside them."""
    if FRAME in columns or not set(BOX) & set(columns):
        return columns
    last = max(columns.index(name) for name in BOX if name in columns)
    return [*columns[: last + 1], FRAME, *columns[last + 1 :]]
