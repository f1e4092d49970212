"""An audit from cases to files: a table of rows that survives being stopped, then what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..bands import BandThresholds
from ..errors import EvanySegError, MissingPackageError
from ..io.remote import shown
from ..io.tables import cell, json_text, write_table
from ..io.tables.parquet import write_parquet_table
from ..io.write import write_text
from ..metrics.at_k import average_precision_at_k, mean_over_classes, precision_at_k
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress
from ..report.file_remarks import Remark, collected, remarks_fields
from ..report.images import slice_image
from ..scoring.pair_rows import FAILED
from ..scoring.unfinished import RowLog
from .case import COLUMNS, NUMBERS, AuditCase, AuditRow
from .classes import ClassSummary, summaries
from .groups import GroupDifference, compared
from .measure import CaseMeasurer, MeasureOptions, UnmeasuredCase, stack_of_case
from .page import AuditImage, AuditPage, audit_html
from .suspicions import Suspicion, suspicions

CASES, PARQUET, CLASSES = "cases.csv", "cases.parquet", "labels.csv"
GROUPS, SUSPICIONS, DOCUMENT, PAGE = "groups.csv", "suspicions.csv", "audit.json", "audit.html"
AT = (5, 10)


@dataclass(frozen=True)
class AuditOptions:
    """subject: what the data set is called; worst: cases of each label that are pictured; images: of all labels
    together at most; created: the date on the page."""

    measure: MeasureOptions
    subject: str
    bands: BandThresholds
    created: datetime
    worst: int = 5
    images: int = 60


@dataclass(frozen=True)
class Audit:
    """What was found. left_out: sentences about metadata that is not compared; at_k: MAP@k and precision@k by name,
    where the truth of cases is known."""

    rows: Sequence[AuditRow]
    classes: Sequence[ClassSummary]
    groups: Sequence[GroupDifference]
    left_out: Sequence[str]
    suspicions: Sequence[Suspicion]
    at_k: Mapping[str, float]

    @property
    def remarks(self) -> list[Remark]:
        """What reading the cases' files gave rise to."""
        return collected((row.case, row.remarks) for row in self.rows)

    @property
    def failed(self) -> list[AuditRow]:
        return [row for row in self.rows if row.caveats.startswith(FAILED)]


def log_of_audit(folder: Path, cases: Sequence[AuditCase], run: str, resume: bool) -> RowLog:
    """Where the rows go while they are made; what failed before is tried again. Raises OutputError; see `RowLog`."""
    metadata = dict.fromkeys(column for case in cases for column in case.metadata)
    return RowLog(folder / CASES, [*COLUMNS, *metadata], run, resume, lambda row: row["caveats"].startswith(FAILED))


def measured_rows(
    cases: Sequence[AuditCase],
    measurer: CaseMeasurer,
    log: RowLog,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> list[AuditRow]:
    """All rows as the table has them, in the order of the cases; each is on disk before the next case is waited for.
    Raises CancelledError."""
    rows = [AuditRow.of_cells(cells) for cells in log.finished()]
    left = _unmeasured(cases, rows)
    place = {_key(case): number for number, case in enumerate(cases)}
    done = len(cases) - len(left)
    begun = lambda case: progress(done / len(cases), case.name)
    with log:
        for found in measurer.rows(left, begun, should_cancel):
            done += 1
            progress(done / len(cases), "")
            for row in found:
                cells = row.cells()
                log.write(cells)
                rows.append(AuditRow.of_cells({name: str(cell(value)) for name, value in cells.items()}))
        log.finish(lambda cells: place.get((cells["case"], cells["mask"]), len(place)))
    return sorted(rows, key=lambda row: place.get((row.case, row.mask), len(place)))


def _unmeasured(cases: Sequence[AuditCase], rows: Sequence[AuditRow]) -> list[UnmeasuredCase]:
    """What is left after the rows of an earlier run. One case is done after the other: those before the last one that
    has rows are complete when they have some, and are not read again; any other may lack labels."""
    measured: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        measured.setdefault((row.case, row.mask), set()).add(row.label_id)
    keys = [_key(case) for case in cases]
    several = Counter(keys)
    last = keys.index((rows[-1].case, rows[-1].mask)) if rows and (rows[-1].case, rows[-1].mask) in several else 0
    return [
        UnmeasuredCase(case, frozenset(measured.get(key, ())))
        for number, (case, key) in enumerate(zip(cases, keys, strict=True))
        if number >= last or key not in measured or several[key] > 1
    ]


def _key(case: AuditCase) -> tuple[str, str]:
    """What a row says of its case: one image may be there with several masks."""
    return case.name, shown(case.mask)


def examined(rows: Sequence[AuditRow], worst: int = 5) -> Audit:
    """What rows say."""
    known = [row for row in rows if not np.isnan(row.truth) and not np.isnan(row.dice)]
    at_k: dict[str, float] = {}
    if known:
        truth, said = (np.array([getattr(row, name) for row in known]) for name in ("truth", "dice"))
        labels = np.array([row.label for row in known])
        for k in AT:
            at_k[f"MAP@{k}"] = mean_over_classes(average_precision_at_k, truth, said, labels, k)
            at_k[f"precision@{k}"] = mean_over_classes(precision_at_k, truth, said, labels, k)
    groups = compared(rows)
    return Audit(rows, summaries(rows, worst), groups.differences, groups.left_out, suspicions(rows), at_k)


def write_audit(
    folder: Path,
    audit: Audit,
    cases: Sequence[AuditCase],
    options: AuditOptions,
    facts: Mapping[str, str],
    progress: Progress = no_progress,
) -> list[Path]:
    """The tables, the JSON document and the page; their paths. Raises OutputError."""
    written = [folder / CASES]
    for name, rows in _tables(audit).items():
        if rows:
            write_table(folder / name, list(rows[0]), rows)
            written.append(folder / name)
    write_text(folder / DOCUMENT, json_text(document(audit, facts)) + "\n")
    failed = [(row.case, row.caveats.removeprefix(FAILED)) for row in audit.failed]
    figures = {name: f"{value:.3f}" for name, value in audit.at_k.items() if not np.isnan(value)}
    page = AuditPage(
        subject=options.subject,
        classes=audit.classes,
        groups=audit.groups,
        left_out=audit.left_out,
        suspicions=audit.suspicions,
        images=_images(audit, cases, options, progress),
        failed=failed,
        remarks=audit.remarks,
        facts={**facts, **figures},
        bands=options.bands,
        created=options.created,
    )
    write_text(folder / PAGE, audit_html(page))
    return [*written, folder / DOCUMENT, folder / PAGE]


def write_parquet(folder: Path, rows: Sequence[AuditRow]) -> Path | None:
    """The cases as Parquet, where pyarrow is there; else None. Raises OutputError."""
    cells = [row.cells() for row in rows]
    try:
        write_parquet_table(folder / PARQUET, list(dict.fromkeys(chain(*cells))), cells, NUMBERS)
    except MissingPackageError:
        return None
    return folder / PARQUET


def document(audit: Audit, facts: Mapping[str, str]) -> dict[str, Any]:
    """For JSON: everything but the rows, which are in the table."""
    tables = _tables(audit)
    return {
        "facts": dict(facts), "rows": len(audit.rows), "failed": [row.case for row in audit.failed], **audit.at_k,
        "remarks": remarks_fields(audit.remarks),
        "labels": tables[CLASSES], "groups": tables[GROUPS], "not_compared": list(audit.left_out),
        "suspicions": tables[SUSPICIONS],
    }  # fmt: skip


def _tables(audit: Audit) -> dict[str, list[dict[str, Any]]]:
    classes = [
        {
            "label": c.label, "cases": c.cases, "scored": c.scored, "mean_pred_dice": c.mean.value,
            "mean_low": c.mean.low, "mean_high": c.mean.high, "share_below_0.8": c.poor,
            "share_low": c.poor_interval[0], "share_high": c.poor_interval[1],
            "worst": "; ".join(row.case for row in c.worst),
        }
        for c in audit.classes
    ]  # fmt: skip
    groups = [
        {
            "label": d.label, "column": d.column,
            "groups": "; ".join(f"{g.name}: {g.mean:.4f} ({g.subjects} subjects)" for g in d.groups),
            "difference": d.difference.value, "low": d.difference.low, "high": d.difference.high, "p": f"{d.p:.6g}",
            "p_corrected": f"{d.corrected:.6g}", "left_out": d.missing,
        }
        for d in audit.groups
    ]  # fmt: skip
    doubts = [
        {"case": s.row.case, "label": s.row.label, "label_id": s.row.label_id, "mask": s.row.mask, "why": s.why}
        for s in audit.suspicions
    ]
    return {CLASSES: classes, GROUPS: groups, SUSPICIONS: doubts}


def _images(audit: Audit, cases: Sequence[AuditCase], options: AuditOptions, progress: Progress) -> list[AuditImage]:
    """The worst cases are read again, one at a time; one that is gone meanwhile has no picture."""
    by_key = {_key(case): case for case in cases}
    wanted = [row for found in audit.classes for row in found.worst][: options.images]
    made = []
    for number, row in enumerate(wanted):
        progress(number / len(wanted), f"picture of {row.case}")
        case = by_key.get((row.case, row.mask))
        if case is None or row.worst_slice is None:
            continue
        try:
            pixels = _image(case, row, options)
        except (EvanySegError, OSError):
            continue
        made.append(AuditImage(row, pixels))
    return made


def _image(case: AuditCase, row: AuditRow, options: AuditOptions) -> np.ndarray:
    # by its id: another row of the table may have asked for another label of the same mask
    stack = stack_of_case(replace(case, labels=()), options.measure, lambda segment: segment.id == row.label_id)
    assert row.worst_slice is not None
    shown = stack.slice_input(row.worst_slice)
    rgb = shown.window.apply(shown.pixels)
    mask = stack.mask(stack.segments[0], row.worst_slice)
    return slice_image(rgb, mask, options.bands.band(row.worst_dice), shown.spacing)
