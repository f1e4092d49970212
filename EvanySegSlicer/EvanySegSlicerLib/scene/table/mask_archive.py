"""Masks that were scored, kept compressed in the scene: what a corrected slice looked like before.

One hidden table node beside the score table, one row a mask: content hash, size, box and the packed bits in base64. It
is saved, loaded and closed with the scene; masks that no score speaks of any more are dropped.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from slicer import vtkMRMLTableNode

ROLE = "EvanySegScoredMasks"
COLUMN = "mask"


class MaskArchive:
    """The masks kept beside one score table's node, by content hash."""

    def __init__(self, table: vtkMRMLTableNode) -> None:
        self.table = table
        self._texts: dict[str, str] = {}
        self._seen: tuple[object, int] | None = None

    def __len__(self) -> int:
        return len(self._entries())

    def get(self, content: str) -> np.ndarray | None:
        """bool [H, W], or None where it was not kept (or a file was damaged)."""
        text = self._entries().get(content)
        return _unpacked(text) if text is not None else None

    def put(self, masks: Mapping[str, np.ndarray]) -> None:
        """Keep masks bool [H, W] by content hash."""
        entries = self._entries()
        new = {content: _packed(content, mask) for content, mask in masks.items() if content not in entries}
        if new:
            self._write({**entries, **new}, list(new))

    def keep(self, contents: Iterable[str]) -> None:
        """Drop all others."""
        wanted = set(contents)
        entries = self._entries()
        if any(content not in wanted for content in entries):
            self._write({c: text for c, text in entries.items() if c in wanted}, None)

    def _entries(self) -> dict[str, str]:
        node = self.table.GetNodeReference(ROLE)
        table = node.GetTable() if node is not None else None
        seen = (node, table.GetMTime()) if table is not None else None
        if seen != self._seen:
            column = table.GetColumnByName(COLUMN) if table is not None else None
            texts = [str(column.GetValue(n)) for n in range(column.GetNumberOfTuples())] if column is not None else []
            self._texts = {text.split(" ", 1)[0]: text for text in texts if text}
            self._seen = seen
        return self._texts

    def _write(self, entries: dict[str, str], added: list[str] | None) -> None:
        """added: only these are new, None: write all anew."""
        import vtk

        node = self._node()
        table = node.GetTable()
        column = table.GetColumnByName(COLUMN)
        was = node.StartModify()
        try:
            if added is None or not isinstance(column, vtk.vtkStringArray):
                while table.GetNumberOfColumns():
                    table.RemoveColumn(0)
                column = vtk.vtkStringArray()
                column.SetName(COLUMN)
                table.AddColumn(column)
                added = list(entries)
            for content in added:
                column.InsertNextValue(entries[content])
            table.Modified()
        finally:
            node.EndModify(was)
        self._texts = dict(entries)
        self._seen = (node, table.GetMTime())

    def _node(self) -> vtkMRMLTableNode:
        import vtk

        node = self.table.GetNodeReference(ROLE)
        if node is None:
            node = self.table.GetScene().AddNewNodeByClass("vtkMRMLTableNode", f"{self.table.GetName()} masks")
            node.SetHideFromEditors(True)
            self.table.SetAndObserveNodeReferenceID(ROLE, node.GetID())
        if node.GetTable() is None:
            node.SetAndObserveTable(vtk.vtkTable())
        return node


def _packed(content: str, mask: np.ndarray) -> str:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y0, y1 = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    x0, x1 = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 0)
    bits = zlib.compress(np.packbits(mask[y0:y1, x0:x1]).tobytes(), 6)
    numbers = (*mask.shape, y0, y1, x0, x1)
    return f"{content} {' '.join(map(str, numbers))} {base64.b64encode(bits).decode()}"


def _unpacked(text: str) -> np.ndarray | None:
    try:
        _, *numbers, code = text.split(" ")
        height, width, y0, y1, x0, x1 = map(int, numbers)
        size = (y1 - y0) * (x1 - x0)
        packed = np.frombuffer(zlib.decompress(base64.b64decode(code, validate=True)), np.uint8)
        mask = np.zeros((height, width), bool)
        mask[y0:y1, x0:x1] = np.unpackbits(packed, count=size).reshape(y1 - y0, x1 - x0)
    except (ValueError, binascii.Error, zlib.error, MemoryError):
        return None
    return mask
