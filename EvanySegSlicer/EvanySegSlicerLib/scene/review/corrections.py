"""Which masks were corrected by hand, and from what: said in the score table's rows.

A slice that was edited after it was scored is a correction once it is scored again, or accepted. Its mask is then the
truth, and the mask that was scored first a prediction with known Dice. A segmenter's new answer to a box is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.overlap import dice

from ..jobs.review_nodes import ReviewNodes
from ..table.content import content_hash
from ..table.mask_archive import MaskArchive
from ..table.outcomes import SliceOutcome
from ..table.records import MASK, Key, ScoreRecord


class Corrections:
    """Keeps the masks of scores, and marks rows whose mask was corrected."""

    def __init__(self, nodes: ReviewNodes) -> None:
        self.nodes = nodes
        self.masks = MaskArchive(nodes.table.node)

    def content(self, key: Key) -> str:
        """Hash of what the slice holds now; '' where that cannot be said."""
        mask = self.mask(key)
        if mask is None:
            return ""
        snapshot = self.nodes.reader.snapshot()
        return content_hash(mask, snapshot.image_hash(snapshot.plane_of_key(*key[1:])))

    def mask(self, key: Key) -> np.ndarray | None:
        """What the slice holds now, bool [H, W]."""
        segment_id, axis, index, geometry = key
        try:
            plane = self.nodes.reader.snapshot().plane_of_key(axis, index, geometry)
            return self.nodes.store.mask(segment_id, plane)
        except EvanySegError:  # the segment or the slice is gone
            return None

    def marked(self, row: ScoreRecord, outcome: SliceOutcome) -> ScoreRecord:
        """The row to write for an outcome, with what its mask was corrected from if it was. Call it before the row is
        written."""
        old = self.nodes.table.get(row.key)
        if outcome.write is not None or outcome.kind != MASK or old is None or old.kind != MASK:
            return row
        origin = old.corrected_from or old.content_hash
        if old.content_hash == row.content_hash or origin == row.content_hash:
            return row
        before = self.masks.get(origin)
        if before is None or before.shape != outcome.mask.shape:
            return row
        return replace(row, corrected_from=origin, prior_dice=dice(before, outcome.mask))

    def remember(self, outcomes: Sequence[SliceOutcome]) -> None:
        """Keep the masks of scores that were written."""
        self.masks.put({o.content: o.mask for o in outcomes if o.kind == MASK and o.content})
        table = self.nodes.table
        if len(self.masks) > 2 * (len(table) + len(table.past)):
            self.masks.keep(
                {c for rows in (table.rows, table.past) for r in rows for c in (r.content_hash, r.corrected_from)}
            )
