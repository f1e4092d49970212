"""The source of truth: one row per segment and slice in a table node, and the scores that slices had before.

The history keeps, per segment and slice, the last eight contents that were scored (up to three scores each: by other
estimators, or in other intensity windows), so that undo and redo, of masks and of what was learned, bring back the
matching score without inference. Both live in the scene: they survive save, load and a change of front end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from evanyseg.bands import BandThresholds

from .records import Key, ScoreRecord
from .rows import TableRows

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLTableNode

HISTORY_LENGTH = 8
SCORES_OF_CONTENT = 3
"""Scores kept of one content, by different estimators or in different intensity windows."""
TABLE_ATTRIBUTE = "EvanySeg.ScoreTable"
_HISTORY_ROLE = "EvanySegScoreHistory"


class ScoreTable:
    """Scores of one segmentation. Rows are replaced, never duplicated; a replaced score goes to the history."""

    def __init__(
        self, node: vtkMRMLTableNode, history: vtkMRMLTableNode, thresholds: BandThresholds | None = None
    ) -> None:
        """Columns of both nodes are made or converted as needed."""
        self.node = node
        self.thresholds = thresholds or BandThresholds()
        self.rows = TableRows(node)
        self.past = TableRows(history, unique=False)
        self._serial = max((r.serial for r in self.past), default=0)

    @classmethod
    def create(
        cls, scene: vtkMRMLScene, name: str = "EvanySeg scores", thresholds: BandThresholds | None = None
    ) -> ScoreTable:
        """A new table node with its (hidden) history in the scene."""
        node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
        return cls.of_node(node, thresholds)

    @classmethod
    def of_node(cls, node: vtkMRMLTableNode, thresholds: BandThresholds | None = None) -> ScoreTable:
        """The score table kept in `node`, as found after loading a scene; its history is made when missing. Rows that
        were written under other `thresholds` get their bands anew."""
        node.SetAttribute(TABLE_ATTRIBUTE, "1")
        history = node.GetNodeReference(_HISTORY_ROLE)
        if history is None:
            history = node.GetScene().AddNewNodeByClass("vtkMRMLTableNode", f"{node.GetName()} history")
            history.SetHideFromEditors(True)
            node.SetAndObserveNodeReferenceID(_HISTORY_ROLE, history.GetID())
        table = cls(node, history, thresholds)
        if thresholds is not None:
            table.set_thresholds(thresholds)
        return table

    def __len__(self) -> int:
        return len(self.rows)

    def records(self, segment_id: str | None = None, axis: int | None = None) -> list[ScoreRecord]:
        return [
            r
            for r in self.rows.records()
            if (segment_id is None or r.segment_id == segment_id) and (axis is None or r.axis == axis)
        ]

    def get(self, key: Key) -> ScoreRecord | None:
        return self.rows.get(key)

    def row(self, key: Key) -> int | None:
        """Row number in the table node."""
        return self.rows.row(key)

    def put(self, *records: ScoreRecord) -> None:
        """Write scores. A row that had another content, estimator or window hands its score to the history, and keeps
        its comment; a decision, and from what a mask was corrected, is about one content, so it is kept only while the
        content is the same (or is what was decided on before it was scored)."""
        written, replaced = [], []
        for record in records:
            old = self.rows.get(record.key)
            if old is not None:
                if (old.content_hash, old.made_with) != (record.content_hash, record.made_with):
                    replaced.append(old)
                if not record.decision and record.content_hash == (old.decided_hash or old.content_hash):
                    record = record.with_decision_of(old)
                if old.content_hash == record.content_hash and not record.corrected_from:
                    record = replace(record, corrected_from=old.corrected_from, prior_dice=old.prior_dice)
                if not record.comment:
                    record = replace(record, comment=old.comment)
            written.append(record)
        self.remember(replaced + written)
        self.rows.put_many(written)

    def update(self, *records: ScoreRecord) -> None:
        """Write rows as they are (decision, comment, stale flag): no history, nothing carried over."""
        self.rows.put_many(records)

    def remove(self, keys: Iterable[Key]) -> int:
        """Delete rows; their scores stay in the history."""
        keys = list(keys)
        self.remember(r for k in keys if (r := self.rows.get(k)) is not None)
        return self.rows.remove(keys)

    def set_thresholds(self, thresholds: BandThresholds) -> None:
        """New bands for every row."""
        self.thresholds = thresholds
        changed = [new for r in self.rows.records() if (new := r.with_band(thresholds)) != r]
        if changed:
            self.rows.put_many(changed)

    def set_stale(self, keys: Iterable[Key], stale: bool = True) -> None:
        flag = int(stale)
        found = (self.rows.get(k) for k in keys)
        changed = [replace(r, stale=flag) for r in found if r is not None and r.stale != flag]
        if changed:
            self.rows.put_many(changed)

    def reconcile(self, current: dict[Key, str], empty: Iterable[Key] = ()) -> list[Key]:
        """Compare rows with the contents that slices have now; returns the keys of rows that changed.

        current: key -> content hash; empty: keys whose mask is empty now. Same content: not stale. Content known from
        before: that score comes back, also for slices whose row was removed. Unknown content: stale, or removed when
        nothing is left on the slice.
        """
        gone = set(empty)
        changed: list[ScoreRecord] = []
        removed: list[Key] = []
        for key, content in current.items():
            row = self.rows.get(key)
            if row is not None and row.content_hash == content:
                if row.stale:
                    changed.append(_of_its_content(replace(row, stale=0)))
                continue
            known = self.recall(key, content, *(row.made_with if row is not None else ()))
            if known is not None:
                changed.append(replace(known, stale=0).with_band(self.thresholds))
            elif row is None:
                continue
            elif key in gone:
                removed.append(key)
            elif not row.stale:
                changed.append(replace(row, stale=1))
        self.remember(r for c in changed if (r := self.rows.get(c.key)) is not None and not c.stale)
        if changed:
            self.rows.put_many(changed)
        self.remove(removed)
        return [r.key for r in changed] + removed

    def recall(self, key: Key, content: str, estimator: str = "", window: str = "") -> ScoreRecord | None:
        """The score that a slice had with this content: by `estimator` if there is one, and then in `window`, else the
        last; or None."""
        found = [r for r in map(self.past.at, self.past.rows_of(key)) if r.content_hash == content]
        return max(found, key=lambda r: (r.estimator == estimator, r.window == window, r.serial), default=None)

    def remember(self, records: Iterable[ScoreRecord]) -> None:
        """Add to the history; the same content scored in the same way replaces itself, the oldest gives way."""
        appended: dict[tuple[Key, str, tuple[str, str]], ScoreRecord] = {}
        for record in records:
            if not record.content_hash:
                continue
            self._serial += 1
            record = replace(_of_its_content(record), serial=self._serial)
            rows = self.past.rows_of(record.key)
            of_content = [n for n in rows if self.past.at(n).content_hash == record.content_hash]
            same = [n for n in of_content if self.past.at(n).made_with == record.made_with]
            contents = {self.past.at(n).content_hash for n in rows}
            contents |= {content for key, content, _ in appended if key == record.key}
            if same:
                self.past.replace_at(same[0], record)
            elif len(of_content) >= SCORES_OF_CONTENT:
                self.past.replace_at(min(of_content, key=lambda n: self.past.at(n).serial), record)
            elif rows and not of_content and len(contents) >= HISTORY_LENGTH:
                self.past.replace_at(min(rows, key=lambda n: self.past.at(n).serial), record)
            else:
                appended[record.key, record.content_hash, record.made_with] = record
        self.past.put_many(appended.values())


def _of_its_content(record: ScoreRecord) -> ScoreRecord:
    """Without a decision that is about another content."""
    return record if record.decision_here == record.decision else record.undecided()
