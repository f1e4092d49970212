"""A table of (image, mask) pairs becomes a table with scores: any number of rows, on disk one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ImageError
from ..io.tables import Table, cell, score_number
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress
from .batches import batches, unfinished_batches
from .pair_rows import ADDED, FAILED, RowScorer, ScoredRow, TablePlace
from .table_boxes import FRAME, columns_with_frame
from .unfinished import RowLog


@dataclass
class PairsResult:
    """What was done: counts, the first failures and remarks as (row number, sentence), and the scores for a summary.

    remarked: how many rows have a remark (about how a file was read).
    """

    rows: int = 0
    failed: int = 0
    unscored: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)
    remarked: int = 0
    remarks: list[tuple[int, str]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def count(self, row: ScoredRow, shown: int, before: int = 0) -> None:
        """A row is done; of failures and remarks the first `shown` are kept. before: rows of the file before this
        table's (of a shard)."""
        self.rows += 1
        number = row.number + before
        if row.error:
            self.failed += 1
            if len(self.failures) < shown:
                self.failures.append((number, row.error))
            return
        self.remarked += bool(row.remarks)
        if row.remarks and len(self.remarks) < shown:
            self.remarks.append((number, " ".join(row.remarks)))
        self.unscored += math.isnan(row.dice)
        self.scores.append(score_number(str(cell(row.dice))))  # as the table says it: a run that goes on knows no more


def log_of_pairs(table: Table, out: Path, run: str = "", resume: bool = False) -> RowLog:
    """Where the scored rows of a table go: its columns and the added ones. Raises OutputError; see `RowLog`."""
    kept = columns_with_frame([c for c in table.columns if c and c not in ADDED])
    return RowLog(out, [*kept, *ADDED], run, resume)


def score_table(
    scorer: RowScorer,
    table: Table,
    log: RowLog,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
    shown: int = 20,
) -> PairsResult:
    """Write the rows of `table` with the added columns to `log` (see `log_of_pairs`), in the same order, after those
    that it has already; those of them that failed are tried again. A row that fails keeps its place, with the reason in
    `caveats`.

    Raises ImageError when the table is not the one that the log's rows are of, OutputError, CancelledError.
    """
    result = PairsResult()
    with log:
        first, failed = _counted(log, table, result)
        read = lambda number, image: progress(result.rows / max(1, table.count), image)

        def emit(row: ScoredRow) -> None:
            result.count(row, shown, table.first)
            if row.number <= first:
                log.replace(row.number - 1, row.cells)
            else:
                log.write(row.cells)
            read(row.number, str(row.cells["image"]))

        left = unfinished_batches(batches(enumerate(table.rows(), start=1)), first, failed)
        scorer.run(left, TablePlace(table.path.parent, table.layout.separator), emit, read, should_cancel)
        log.finish()
    return result


def _counted(log: RowLog, table: Table, result: PairsResult) -> tuple[int, set[int]]:
    """Counts the rows of an earlier run; returns how many they are, and the numbers (from 1) of those that failed.

    Raises ImageError when the table changed.
    """
    number, failed = 0, set()
    for number, (row, before) in enumerate(zip(table.rows(), log.finished(), strict=False), start=1):
        if any(before[name] != row[name] for name in row if name not in (*ADDED, FRAME)):
            raise ImageError(
                f"Row {number} of {table.path.name} is not the one that was scored before the run was stopped; "
                f"delete {log.partial} to start again."
            )
        if before["caveats"].startswith(FAILED):
            failed.add(number)
            continue
        result.rows += 1
        score = score_number(before["pred_dice"])
        result.unscored += math.isnan(score)
        result.scores.append(score)
    return number, failed
