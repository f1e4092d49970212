"""Columns of the manifest, and subject-wise splits: nobody is on two sides.

A split is a property of (source, subject). Sets of one source share people, so they share its subjects' splits.
Sources whose license does not allow training ('evaluate-only') are 'heldout' as a whole; those of the second frozen
list have a split of their own, which no command takes by itself: they are looked at once.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ManifestError

TRAIN, VAL, CALIB, TEST, HELDOUT = "train", "val", "calib", "test", "heldout"
USES = ("train", "evaluate-only")
HELDOUT_B = "heldout_b"
HELDOUT_B_SETS = {
    "bmseg_ct": "bmseg", "bus_uc_malignant": "bus_uc", "clustered_cervical": "cervical_nucleus_cmpb",
    "dc1000_caries": "dc1000", "edf_cytology": "isbi2014_cervical", "fuseg_foot_ulcer": "fuseg",
    "nerve_us_kaggle": "kaggle_nerve", "neurips_dic": "neurips_cellseg", "vnc_sstem": "vnc_sstem",
}  # fmt: skip
"""The second frozen list of evaluate-only sets, with their sources: evaluated once, when the models' next version is
done."""

IMAGE_COLUMNS = (
    "image_id", "set", "source", "use", "modality", "subject", "split", "path", "slice",
    "height", "width", "channels", "offset",
)  # fmt: skip
ROW_COLUMNS = (
    "row", "image_id", "set", "source", "use", "modality", "label", "subject", "split", "kind", "component", "whole",
    "n_components", "paper", "mask_value", "x0", "y0", "x1", "y1", "area", "mask_offset",
    "reference", "prediction_source", "human_annotator", "px0", "py0", "px1", "py1", "prediction_offset",
)  # fmt: skip


@dataclass(frozen=True)
class SplitPlan:
    """Shares of a source's subjects; a source with fewer subjects than the minimum gives none to that split."""

    seed: int = 20240914
    test: float = 0.08
    calib: float = 0.08
    val: float = 0.08
    minimum_for_test: int = 3
    minimum_for_calib: int = 6
    minimum_for_val: int = 8


def order_key(seed: int, source: str, subject: str) -> str:
    """A number that depends on nothing but these three: adding other sources moves nobody."""
    return hashlib.sha256(f"{seed}|{source}|{subject}".encode()).hexdigest()


def assign_splits(
    subjects: Iterable[tuple[str, str, str]], plan: SplitPlan | None = None
) -> dict[tuple[str, str], str]:
    """Split of each (source, subject), from (source, subject, use) triples in any order.

    A subject with any evaluate-only image is held out with everything it has. Raises ManifestError for an unknown use.
    """
    plan = plan or SplitPlan()
    by_source: dict[str, dict[str, bool]] = {}
    for source, subject, use in subjects:
        if use not in USES:
            raise ManifestError(f"Unknown use '{use}' of source '{source}'; write one of {', '.join(USES)}.")
        held = by_source.setdefault(source, {})
        held[subject] = held.get(subject, False) or use == "evaluate-only"
    splits = {}
    for source, held in by_source.items():
        free = sorted((s for s in held if not held[s]), key=lambda s: order_key(plan.seed, source, s))
        n, taken = len(free), 0
        for subject in held:
            kept_back = HELDOUT_B if source in HELDOUT_B_SETS.values() else HELDOUT
            splits[source, subject] = kept_back if held[subject] else TRAIN
        for split, share, minimum in (
            (TEST, plan.test, plan.minimum_for_test),
            (CALIB, plan.calib, plan.minimum_for_calib),
            (VAL, plan.val, plan.minimum_for_val),
        ):
            count = max(1, round(share * n)) if n >= minimum else 0
            for subject in free[taken : taken + count]:
                splits[source, subject] = split
            taken += count
    return splits


def fold_of(source: str, subject: str, folds: int, seed: int = 7) -> int:
    """Fold 0..folds-1 of a subject, by hash: for cross-fitting inside the train split."""
    return int(order_key(seed, source, subject)[:12], 16) % folds


def write_splits(path: Path, splits: Mapping[tuple[str, str], str], plan: SplitPlan) -> None:
    """CSV source,subject,split with the seed in the first line (as a comment)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# seed {plan.seed}\n")
        writer = csv.writer(file)
        writer.writerow(("source", "subject", "split"))
        writer.writerows((*key, split) for key, split in sorted(splits.items()))
