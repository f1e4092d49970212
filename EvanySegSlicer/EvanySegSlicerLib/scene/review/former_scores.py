"""Scores that the same masks had by another estimator, in the window of now: brought back without inference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..table.records import Key, ScoreRecord
from ..table.score_table import ScoreTable


def restore_scores(
    table: ScoreTable, rows: Iterable[ScoreRecord], estimator: str, window: str
) -> tuple[list[Key], list[Key]]:
    """Give rows the score that their content had by `estimator` in the intensity `window`; decisions, comments and what
    a mask was corrected from stay. Returns the keys of those that have it, and of those that were never scored so."""
    found, lacking = [], []
    for row in rows:
        former = table.recall(row.key, row.content_hash, estimator, window)
        if former is None or former.made_with != (estimator, window):
            lacking.append(row.key)
            continue
        kept = replace(
            former,
            segment=row.segment,
            stale=row.stale,
            comment=row.comment,
            corrected_from=row.corrected_from,
            prior_dice=row.prior_dice,
        )
        found.append(kept.with_decision_of(row).with_band(table.thresholds))
    table.put(*found)
    return [row.key for row in found], lacking
