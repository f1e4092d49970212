"""What is known of the truth of what is open and of what was kept from before, in numbers and in one line. No Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evanyseg.adaptation.store import CORRECTED, Place, ReferenceStore

from ...scene.nodes.labels import labels_of, subject_of
from ...scene.review.evidence import evidence_kind, place_of
from ...scene.review.session import ReviewSession
from ...scene.table.records import ScoreRecord
from .versions import Version


@dataclass(frozen=True)
class Known:
    """Of one label: slices corrected and accepted, volumes of the corrected ones; error: mean |score - Dice| of the
    masks that were corrected in this scene, NaN when there are none."""

    corrected: int
    accepted: int
    volumes: int
    error: float


class KnownPlaces:
    """Slices kept in the folder, looked up once and again when told that they changed."""

    def __init__(self, store: ReferenceStore) -> None:
        self.store = store
        self._places: dict[str, list[Place]] = {}

    def of(self, label: str) -> list[Place]:
        if label not in self._places:
            self._places[label] = self.store.places(label)
        return self._places[label]

    def changed(self) -> None:
        self._places = {}


def known_by_label(review: ReviewSession, kept: KnownPlaces) -> dict[str, Known]:
    """Of every label of the open segmentation of which anything is known."""
    rows = review.table.records()
    labels = labels_of(review.store, review.reader.snapshot())
    by_label: dict[str, list[ScoreRecord]] = {label: [] for label in labels.values()}
    for row in rows:
        if row.segment_id in labels:
            by_label[labels[row.segment_id]].append(row)
    subject = subject_of(review.reader.snapshot())
    found = {label: _known(review, subject, of_label, kept.of(label)) for label, of_label in by_label.items()}
    return {label: known for label, known in found.items() if known.corrected or known.accepted}


def _known(review: ReviewSession, subject: str, rows: Iterable[ScoreRecord], kept: Iterable[Place]) -> Known:
    kinds = {place.slice: place.kind for place in kept}
    errors = []
    for row in rows:
        kind = evidence_kind(row)
        place = place_of(row, subject, kind)
        kinds.pop(place.slice, None)
        if kind:
            kinds[place.slice] = kind
        if kind == CORRECTED and row.corrected_from:
            first = review.table.recall(row.key, row.corrected_from)
            if first is not None and first.scored:
                errors.append(abs(first.dice - row.prior_dice))
    corrected = [slice_ for slice_, kind in kinds.items() if kind == CORRECTED]
    volumes = len({volume for volume, _ in corrected})
    error = sum(errors) / len(errors) if errors else math.nan
    return Known(len(corrected), len(kinds) - len(corrected), volumes, error)


def line(known: Mapping[str, Known], learned: Mapping[str, Version], problems: Mapping[str, str], several: bool) -> str:
    """'12 corrected slices of 3 volumes: error on them 0.06 (built-in: 0.14)', one line a label; '' when nothing is
    known. several: name the labels."""
    lines = []
    for label in dict.fromkeys([*known, *learned]):
        text = _text(known.get(label, Known(0, 0, 0, math.nan)), learned.get(label), problems.get(label, ""))
        if text:
            lines.append(f"{label}: {text}" if several else text)
    return "\n".join(lines)


def _text(known: Known, learned: Version | None, problem: str) -> str:
    if problem:
        return f"what was learned cannot be used, the built-in estimator is in charge ({problem})"
    slices = f"{_count(known.corrected, 'corrected slice')} of {_count(known.volumes, 'volume')}"
    if learned is not None:
        more = known.corrected - learned.corrected
        now = f"{_count(learned.corrected, 'corrected slice')} of {_count(learned.volumes, 'volume')}"
        text = f"{now}: error on them {learned.after:.2f} (built-in: {learned.before:.2f})"
        return f"{text}; {more} more since" if more > 0 else text
    if known.corrected:
        off = "" if math.isnan(known.error) else f": their scores were {known.error:.2f} off"
        return f"{slices}{off}; nothing is learned from them"
    if known.accepted:
        return f"{_count(known.accepted, 'accepted slice')}, none corrected yet"
    return ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
