"""Which rows still describe their slice: compares every row with what the segmentation holds now, in small steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from evanyseg.errors import GeometryError

from ..nodes.segment_store import SegmentStore
from ..nodes.volume_reader import VolumeSnapshot
from .content import content_hash
from .records import Key
from .score_table import ScoreTable

STEP = 16
"""Slices looked at between two yields: a few milliseconds, so that a front end can do it when idle."""


def refresh_steps(
    table: ScoreTable, store: SegmentStore, volume: VolumeSnapshot, keys: Iterable[Key] | None = None
) -> Iterator[list[Key]]:
    """Reconcile rows with the segmentation; yields the keys that changed after every few slices.

    keys: only these; by default all rows and all slices that ever had a score (undo may bring them back). Rows of
    segments or slices that no longer exist are removed; renamed segments are renamed.
    """
    wanted = list(keys) if keys is not None else _all_keys(table)
    for start in range(0, len(wanted), STEP):
        part = wanted[start : start + STEP]
        current: dict[Key, str] = {}
        empty: list[Key] = []
        gone: list[Key] = []
        for key in part:
            segment_id, axis, index, geometry = key
            if not store.has(segment_id):
                gone.append(key)
                continue
            try:
                plane = volume.plane_of_key(axis, index, geometry)
            except GeometryError:  # the volume has fewer slices than before
                gone.append(key)
                continue
            mask = store.mask(segment_id, plane)
            current[key] = content_hash(mask, volume.image_hash(plane))
            if not mask.any():
                empty.append(key)
        changed = table.reconcile(current, empty)
        table.remove(gone)
        renamed = [
            replace(row, segment=name)
            for key in current
            if (row := table.get(key)) is not None and row.segment != (name := store.name(key[0]))
        ]
        if renamed:
            table.update(*renamed)
        yield changed + gone + [r.key for r in renamed]


def _all_keys(table: ScoreTable) -> list[Key]:
    rows = [r.key for r in table.rows]
    return list(dict.fromkeys(rows + [r.key for r in table.past]))
