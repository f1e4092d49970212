"""What reading a mask's file cost (moved to another grid, cut, ...), kept with the segment for every score of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkSegment

TAG = "EvanySeg.Caveats"
_BETWEEN = "; "


def keep_doubts(segment: vtkSegment, caveats: tuple[str, ...]) -> None:
    if caveats:
        segment.SetTag(TAG, _BETWEEN.join(caveats))


def doubts_of(segment: vtkSegment) -> tuple[str, ...]:
    """The caveats that were kept; none for segments that were drawn here."""
    import vtk

    text = vtk.reference("")
    return tuple(str(text).split(_BETWEEN)) if segment.GetTag(TAG, text) else ()
