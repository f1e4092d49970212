"""From reviewed slices to references: what the scene says is known of the truth, gathered as arrays for a worker.

A corrected slice: its mask is the truth, the mask before it a prediction. An accepted slice that nobody edited: weaker
evidence, a mask that a person found good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evanyseg.adaptation.reference import GradedMask, Reference
from evanyseg.adaptation.store import ACCEPTED as ACCEPTED_KIND
from evanyseg.adaptation.store import CORRECTED, Place
from evanyseg.bands import BandThresholds
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.prompts import BoxPrompt

from ..nodes.labels import subject_of
from ..nodes.volume_reader import VolumeSnapshot
from ..table.records import ACCEPTED, FLAGGED, MASK, Key, ScoreRecord
from .corrections import Corrections

RESCORED_WEIGHT = 0.5
"""Of a correction that was scored again but not accepted: it may be half done, or another program's answer."""
ACCEPTED_WEIGHT = 0.3
"""Of a mask that was accepted as it was."""


@dataclass(frozen=True)
class Evidence:
    """One slice. mask bool [H, W]: what it holds; prior: the mask that was corrected, None for one that was accepted as
    it was; box: the prompt's, in pixels of the slice; weight in (0, 1]."""

    place: Place
    plane: SlicePlane
    mask: np.ndarray
    prior: np.ndarray | None
    box: BoxPrompt | None
    weight: float
    dice: float
    """Middle of the band of an accepted mask; of a correction the Dice of the mask before it."""
    within: tuple[float, float] | None = None
    """Of an accepted mask: its Dice is known only to lie here."""

    def reference(self, volume: VolumeSnapshot) -> Reference:
        """On square pixels, as models see it."""
        slice_ = volume.slice_input(self.plane)
        grid = slice_.grid
        box = grid.box(self.box) if self.box is not None else None
        mask = grid.mask(self.mask)
        if self.prior is None:
            graded = (GradedMask(mask, self.dice, self.weight, self.within),)
            return Reference(slice_.model_image(), None, box, (), graded, self.place.subject, self.weight)
        prior = grid.mask(self.prior)
        return Reference(slice_.model_image(), mask, box, (prior,), (), self.place.subject, self.weight)


def evidence_kind(row: ScoreRecord) -> str:
    """CORRECTED, ACCEPTED_KIND, or '' for a row that says nothing of the truth."""
    if row.kind != MASK or row.decision == FLAGGED:
        return ""
    if row.decision == ACCEPTED and row.decision_here != ACCEPTED:
        return CORRECTED  # edited since it was scored, and the edited mask is what was accepted
    if row.stale:
        return ""
    if row.corrected_from:
        return CORRECTED
    return ACCEPTED_KIND if row.decision == ACCEPTED else ""


def place_of(row: ScoreRecord, subject: str, kind: str) -> Place:
    segment = hashlib.blake2b(f"{row.segment_id} {row.geometry}".encode(), digest_size=4).hexdigest()
    return Place(kind, subject, f"{row.axis + 1:x}{row.index:05x}{segment}")  # sorted as the slices lie


def gather(
    corrections: Corrections, rows: Sequence[ScoreRecord], thresholds: BandThresholds
) -> tuple[dict[Key, Evidence], list[Place]]:
    """Evidence by row, and the places of rows that are none (any more). Masks of the segmentation as it is now; a row
    whose mask is another one by now, or empty, or whose mask before is not kept, is none."""
    subject = subject_of(corrections.nodes.reader.snapshot())
    found: dict[Key, Evidence] = {}
    none: list[Place] = []
    for row in rows:
        kind = evidence_kind(row)
        evidence = _evidence(corrections, row, place_of(row, subject, kind), thresholds) if kind else None
        if evidence is None:
            none.append(place_of(row, subject, kind or CORRECTED))
        else:
            found[row.key] = evidence
    return found, none


def _evidence(corrections: Corrections, row: ScoreRecord, place: Place, thresholds: BandThresholds) -> Evidence | None:
    held = corrections.mask(row.key)
    about = row.decided_hash if row.decision == ACCEPTED and row.decided_hash else row.content_hash
    if held is None or not held.any() or corrections.content(row.key) != about:
        return None
    plane = corrections.nodes.reader.snapshot().plane_of_key(row.axis, row.index, row.geometry)
    accepted = row.decision == ACCEPTED
    if place.kind == ACCEPTED_KIND:
        # whatever its score said, a person found it good
        band = (thresholds.good, 1.0)
        return Evidence(place, plane, held.copy(), None, row.box_prompt, ACCEPTED_WEIGHT, sum(band) / 2, band)
    origin = row.corrected_from or row.content_hash
    prior = corrections.masks.get(origin)
    if prior is None or prior.shape != held.shape:
        return None
    first = corrections.nodes.table.recall(row.key, origin)
    box = first.box_prompt if first is not None else row.box_prompt
    weight = 1.0 if accepted else RESCORED_WEIGHT
    return Evidence(place, plane, held.copy(), prior, box, weight, row.prior_dice)
