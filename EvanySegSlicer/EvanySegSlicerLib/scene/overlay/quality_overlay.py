"""The derived picture of quality: a volume of codes in the foreground of the slice views.

It never touches the user's segments or volume, is not saved, can be rebuilt from the table at any time, and puts back
what it displaced (foreground, opacity, segment fill) when it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.labels import stamp
from evanyseg.geometry.slice_plane import OBLIQUE, SlicePlane
from evanyseg.overlay_codes import OUTSIDE, STALE, UNSCORED, code_of, color_table, severity, worst

from ..nodes.matrices import volume_dims
from ..nodes.segment_store import SegmentStore
from ..nodes.session_node import SessionNode
from ..nodes.volume_reader import VolumeReader
from ..table.records import MISSING, Key, ScoreRecord
from ..table.score_table import ScoreTable
from .code_volume import give_voxels
from .display import OverlayDisplay

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode


def code_of_row(row: ScoreRecord) -> int:
    """The overlay's code of a slice; OUTSIDE for one that has no mask (`Missing?`)."""
    if row.kind == MISSING:
        return OUTSIDE
    return STALE if row.stale else code_of(row.dice)


class QualityOverlay:
    """Colours the slices of a segmentation by the scores of its table."""

    def __init__(
        self,
        reader: VolumeReader,
        store: SegmentStore,
        table: ScoreTable,
        session: SessionNode,
        continuous: bool = False,
        opacity: float = 0.35,
    ) -> None:
        self.reader = reader
        self.store = store
        self.table = table
        self.continuous = continuous
        self.display = OverlayDisplay(session, opacity)
        self._node: vtkMRMLScalarVolumeNode | None = None
        self._codes: np.ndarray | None = None

    @property
    def node(self) -> vtkMRMLScalarVolumeNode | None:
        """The code volume while it is in the scene."""
        if self._node is not None and self._node.GetScene() is None:
            self._node = self._codes = None
        return self._node

    @property
    def shown(self) -> bool:
        return self.node is not None

    @property
    def codes(self) -> np.ndarray | None:
        """uint8 [K, J, I] on the volume's grid, a view; None while the overlay is not shown."""
        return self._codes if self.shown else None

    def show(self) -> vtkMRMLScalarVolumeNode:
        """Make the overlay (or bring it up to date) and put it before the volume in all slice views."""
        node = self.node
        if node is None:
            node, self._codes = self.display.make_volume(self.reader.volume, volume_dims(self.reader.volume))
            self._node = node
        self.rebuild()
        self.restyle()
        self.display.show(node, self.store.node)
        return node

    def remove(self) -> None:
        """Take it out of the scene and restore what it displaced; also after loading a scene that was saved with it."""
        node = self.node
        self._node = self._codes = None
        self.display.remove(node)

    def restyle(self, continuous: bool | None = None) -> None:
        """Colours for the table's thresholds, by band or continuous."""
        if continuous is not None:
            self.continuous = continuous
        if self.shown:
            self.display.color(self._node, color_table(self.table.thresholds, self.continuous), self.table.thresholds)

    def rebuild(self) -> None:
        """Every voxel from the table and the segments."""
        if not self._placed():
            return
        self._codes[...] = OUTSIDE  # type: ignore[index]
        painter = self._painter()
        for index in range(volume_dims(self.reader.volume)[2]):
            self._paint(painter, 2, index)
        self._paint_oblique(painter)
        self._touch()

    def update(self, keys: Iterable[Key]) -> None:
        """Only the slices of these rows: a few milliseconds each."""
        slices = {(axis, index) for _, axis, index, _ in keys}
        if not slices or not self._placed():
            return
        if any(axis == OBLIQUE for axis, _ in slices):
            self.rebuild()
            return
        painter = self._painter()
        dims = volume_dims(self.reader.volume)
        for axis, index in sorted(slices):
            if index < dims[axis]:
                self._paint(painter, axis, index)
        self._paint_oblique(painter)
        self._touch()

    def sync_steps(self, chunk: int = 8) -> Iterator[None]:
        """Repaint slices whose masks changed without any row noticing: painted where nothing was scored, a segment
        shown or hidden. Yields after every few slices, for idle timers."""
        if not self._placed():
            return
        painter = self._painter()
        if painter.oblique:  # their voxels are no slices of their own: everything anew
            self.rebuild()
            return
        changed = False
        for index in range(volume_dims(self.reader.volume)[2]):
            plane = self.reader.plane(2, index)
            codes = plane.take(self._codes)  # type: ignore[arg-type]
            if not np.array_equal(codes != OUTSIDE, painter.covered(plane)):
                codes[...] = painter.slab(plane)
                changed = True
            if index % chunk == chunk - 1:
                yield
                if not self._placed():
                    return
        if changed:
            self._touch()

    def _placed(self) -> bool:
        """Whether there is a code volume of the volume's present size and place."""
        if not self.shown or self.reader.volume.GetScene() is None or self.store.node.GetScene() is None:
            return False
        if self._codes is None or self._codes.shape != volume_dims(self.reader.volume)[::-1]:
            self._codes = give_voxels(self._node, volume_dims(self.reader.volume))
        self.display.place(self._node, self.reader.volume)
        return True

    def _painter(self) -> _Painter:
        dims = volume_dims(self.reader.volume)
        rows = self.table.records()
        return _Painter(self.store, rows, dims, severity(self.table.thresholds))

    def _paint(self, painter: _Painter, axis: int, index: int) -> None:
        plane = self.reader.plane(axis, index)
        plane.take(self._codes)[...] = painter.slab(plane)  # type: ignore[arg-type]

    def _paint_oblique(self, painter: _Painter) -> None:
        """The segment's voxels in each oblique slice's slab."""
        snapshot = self.reader.snapshot()
        for row in painter.oblique:
            plane = snapshot.plane_of_key(row.axis, row.index, row.geometry)
            found = stamp(plane, np.ones(plane.shape, bool), snapshot.ijk_to_ras)
            if found is None:
                continue
            slab = np.zeros(self._codes.shape, bool)  # type: ignore[union-attr]
            low = [max(0, v) for v in found.extent[4::-2]]
            high = [min(n - 1, v) for n, v in zip(slab.shape, found.extent[5::-2], strict=True)]
            ours = tuple(slice(lo, hi + 1) for lo, hi in zip(low, high, strict=True))
            theirs = tuple(slice(lo - e, hi + 1 - e) for lo, hi, e in zip(low, high, found.extent[4::-2], strict=True))
            slab[ours] = found.slab[theirs]
            code = np.array(code_of_row(row), np.uint8)
            for index in range(low[0], high[0] + 1):
                across = self.reader.plane(2, index)
                here = across.take(slab) & painter.arrays[row.segment_id].slice(across)
                codes = across.take(self._codes)  # type: ignore[arg-type]
                # voxels that only the oblique slice knows are not unscored any more
                known = np.where(codes == UNSCORED, np.uint8(OUTSIDE), codes)
                codes[here] = worst(painter.table, (known, code))[here]

    def _touch(self) -> None:
        image = self._node.GetImageData()  # type: ignore[union-attr]
        image.GetPointData().GetScalars().Modified()
        image.Modified()


class _Painter:
    """Codes of one slice of the volume from all visible segments and the rows of all three axes."""

    def __init__(
        self, store: SegmentStore, rows: list[ScoreRecord], dims: tuple[int, int, int], table: np.ndarray
    ) -> None:
        self.store = store
        self.table = table
        self.arrays = {s: store.array(s) for s in store.ids(visible_only=True)}
        self.oblique = [r for r in rows if r.axis == OBLIQUE and r.segment_id in self.arrays]
        self.lines: dict[tuple[str, int], np.ndarray] = {}
        for row in rows:
            if row.axis != OBLIQUE and row.segment_id in self.arrays and row.index < dims[row.axis]:
                line = self.lines.setdefault((row.segment_id, row.axis), np.zeros(dims[row.axis], np.uint8))
                line[row.index] = code_of_row(row)

    def covered(self, plane: SlicePlane) -> np.ndarray:
        """Where any segment is, bool [H, W]: every such voxel has a code."""
        union = np.zeros(plane.shape, bool)
        for array in self.arrays.values():
            union |= array.slice(plane)
        return union

    def slab(self, plane: SlicePlane) -> np.ndarray:
        """uint8 [H, W] codes of an aligned slice."""
        out = None
        for segment_id, array in self.arrays.items():
            mask = array.slice(plane)
            if not mask.any():
                continue
            codes = self._segment(segment_id, plane)
            code = mask * np.where(codes == OUTSIDE, np.uint8(UNSCORED), codes)
            out = code if out is None else worst(self.table, (out, code))
        return out if out is not None else np.zeros(plane.shape, np.uint8)

    def _segment(self, segment_id: str, plane: SlicePlane) -> np.ndarray:
        """What the rows say about one segment, broadcast over the slice; OUTSIDE where no row does."""
        parts = []
        own = self.lines.get((segment_id, plane.axis))
        if own is not None:
            parts.append(np.full((1, 1), own[plane.index], np.uint8))
        rows = self.lines.get((segment_id, plane.row_axis))
        if rows is not None:
            parts.append(rows[:: -1 if plane.flip_rows else 1][:, None])
        cols = self.lines.get((segment_id, plane.col_axis))
        if cols is not None:
            parts.append(cols[:: -1 if plane.flip_cols else 1][None, :])
        return worst(self.table, parts) if parts else np.full((1, 1), OUTSIDE, np.uint8)
