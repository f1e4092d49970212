"""Objects that nobody trained on: whole, in one piece, large enough to click into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import ndimage

from evanyseg.prompts import BoxPrompt

from ...data.manifest import CALIB, HELDOUT, HELDOUT_B, TEST, assign_splits
from ...data.readers import Record
from ...errors import DataError
from ..adaptation.objects import KnownObject, Subjects, known_objects

UNSEEN = (TEST, CALIB, HELDOUT)
"""Splits whose subjects no segmenter was trained on (in sets that may be trained on, by (source, subject))."""
LEAST_SIDE = 16
ONE_PIECE = 0.9
"""Share of its pixels that an object's largest part must have: a click belongs to one thing."""


@dataclass(frozen=True)
class Example:
    """number: of the object within its set, in an order that is drawn once."""

    number: int
    known: KnownObject


def records_of(records: Sequence[Record], names: Sequence[str]) -> dict[str, list[Record]]:
    """Records of unseen subjects by set. Raises DataError for sets that are not there, that have none, and for those of
    the second held-out list, which nobody may look at yet."""
    splits = assign_splits((r.source, r.subject, r.use) for r in records)
    there = {r.set for r in records}
    unknown = sorted(set(names) - there)
    if unknown:
        raise DataError(f"There are no sets {', '.join(unknown)} in this collection.")
    kept_back = sorted({r.set for r in records if splits[r.source, r.subject] == HELDOUT_B} & set(names))
    if kept_back:
        raise DataError(f"{', '.join(kept_back)}: sets of the second held-out list are not for this; leave them out.")
    found = {name: [r for r in records if r.set == name and splits[r.source, r.subject] in UNSEEN] for name in names}
    empty = sorted(name for name, mine in found.items() if not mine)
    if empty:
        raise DataError(f"{', '.join(empty)}: every subject was trained on; choose other sets.")
    return found


def examples(records: Sequence[Record], most: int, seed: int = 0) -> Iterator[Example]:
    """At most `most` objects of one set, one a subject."""
    fitting = (one for one in known_objects(records, Subjects(len(records), len(records)), seed) if _fits(one.truth))
    for number, known in enumerate(islice(fitting, most)):
        yield Example(number, known)


def _fits(truth: np.ndarray) -> bool:
    box = BoxPrompt.of_mask(truth)
    if box is None or min(box.width, box.height) < LEAST_SIDE:
        return False
    parts, _ = ndimage.label(truth)
    return bool(np.bincount(parts[truth]).max() >= ONE_PIECE * truth.sum())
