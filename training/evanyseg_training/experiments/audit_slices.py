"""What it costs that an audit looks at a few slices of a volume: the mean over them beside the mean over all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.audit.case import AuditCase
from evanyseg.audit.measure import MeasureOptions, stack_of_case
from evanyseg.geometry.plane_stack import evenly
from evanyseg.io.write import write_text
from evanyseg.metrics.bootstrap import group_counts, interval
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.scoring.volumes import SliceScore, VolumeScorer, mean_of_slices

from ..data.readers import Record
from ..reporting.run_report import markdown_of

if TYPE_CHECKING:
    import pandas as pd

PAGE = "slices.md"
TITLE = "## Audits: a few slices for a volume"


def measured_labels(
    records: Sequence[Record], pipeline: SlicePipeline, counts: Sequence[int], tell: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """A row a label of a volume and number of slices: the mean predicted Dice over so many slices, evenly spread over
    those that have the label (as `evanyseg audit` takes them), and over all of them."""
    key = lambda r: (r.set, r.subject, str(r.image), str(r.mask))
    for (name, subject, image, mask), rows in groupby(sorted(records, key=key), key):
        for record in rows:
            values = () if record.mask_value == "nonzero" else tuple(record.mask_value.split(";"))
            case = AuditCase(f"{subject} {record.label}", Path(image), Path(mask), subject, values)
            stack = stack_of_case(case, MeasureOptions(most=None))
            scores = [s for s in VolumeScorer(stack, pipeline).scores() if s.area]
            for count in counts:
                if len(scores) > count:
                    yield {
                        "set": name, "label": record.label, "subject": subject, "slices": len(scores), "count": count,
                        "all": mean_of_slices(scores)[0], "some": mean_of_slices(_some(scores, count))[0],
                    }  # fmt: skip
        tell(f"{name} {subject}")


def _some(scores: Sequence[SliceScore], count: int) -> list[SliceScore]:
    ordered = sorted(scores, key=lambda s: s.index)
    return [ordered[k] for k in evenly(np.arange(len(ordered)), count)]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row a set, label and number of slices that at least three volumes have: mean absolute difference with its 95 %
    interval over subjects, the largest one, and the SD of the mean over all slices between volumes: what an audit
    wants to tell apart."""
    import pandas as pd

    rows = []
    for (name, label, count), mine in table.groupby(["set", "label", "count"]):
        if len(mine) < 3:
            continue
        error = (mine["some"] - mine["all"]).abs().to_numpy()
        weights = np.concatenate([np.ones((1, len(mine))), group_counts(mine.subject.to_numpy())])
        rows.append(
            {
                "set": name, "label": label, "volumes": len(mine), "slices with it (median)": int(mine.slices.median()),
                "slices scored": count, "difference": interval(weights @ error / weights.sum(1)).text(),
                "largest": f"{error.max():.3f}", "SD between volumes": f"{mine['all'].std():.3f}",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def write_page(folder: Path, table: pd.DataFrame, told: str, estimator: str) -> Path:
    """slices.md and its rows as CSV. told: command and commit."""
    write_text(folder / "slices.csv", table.to_csv(index=False))
    lines = markdown_of(summary(table))
    text = (
        f"{TITLE}\n\n{told}, estimator {estimator}: true masks of whole volumes; the mean predicted Dice (weighted by "
        "area) of so many slices, evenly spread, minus that of all slices with it; 95 % intervals over subjects. "
        f"Volumes with no more slices than that are left out.\n\n{lines}"
    )
    write_text(folder / PAGE, text)
    return folder / PAGE
