"""One row of the score table as a plain dataclass: what is known about one segment on one slice."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, replace

from evanyseg.bands import BandThresholds, QualityBand
from evanyseg.prompts import BoxPrompt

Key = tuple[str, int, int, str]
"""(segment id, voxel axis, index, geometry of an oblique plane): what a row is about."""

MASK, MISSING = "mask", "missing"
"""Kinds of rows. MISSING: the slice has no mask, but the neighbour's box finds an object there: Dice 0 (that of the
empty mask), `area_mm2` and `wrong_mm2` are the area of what was found, which is not in the segment."""

ACCEPTED, FLAGGED = "accepted", "flagged"
DECISIONS = ("", ACCEPTED, FLAGGED)

NAN = math.nan


@dataclass(frozen=True)
class ScoreRecord:
    """Field names are the table's column names; lengths in mm, areas in mm2, Dice in [0, 1] or NaN (unscored).
    `serial` counts writings, so that the oldest score of a slice is known.

    reviewer, decided: who decided and when (UTC, ISO 8601); decided_hash: the content that the decision is about (an
    edited slice may be accepted before it is scored again). corrected_from: content of the mask that this one was
    corrected from by hand, prior_dice: that mask's Dice against this one.
    """

    segment_id: str
    segment: str
    plane: str
    axis: int
    index: int
    geometry: str = ""
    position_mm: float = 0.0
    kind: str = MASK
    dice: float = NAN
    low: float = NAN
    high: float = NAN
    level: float = NAN
    band: str = QualityBand.UNSCORED.value
    stale: int = 0
    estimator: str = ""
    segmenter: str = ""
    window: str = ""
    box: str = ""
    decision: str = ""
    comment: str = ""
    reviewer: str = ""
    decided: str = ""
    decided_hash: str = ""
    content_hash: str = ""
    caveats: str = ""
    area_mm2: float = 0.0
    wrong_mm2: float = NAN
    hd95_mm: float = NAN
    hd_max_mm: float = NAN
    corrected_from: str = ""
    prior_dice: float = NAN
    serial: int = 0

    def __post_init__(self) -> None:
        # tables are saved as text with six digits: what was computed and what is loaded again must be the same
        for name in REALS:
            object.__setattr__(self, name, float(f"{getattr(self, name):.6g}"))

    @property
    def key(self) -> Key:
        return self.segment_id, self.axis, self.index, self.geometry

    @property
    def scored(self) -> bool:
        return not math.isnan(self.dice)

    @property
    def made_with(self) -> tuple[str, str]:
        """Estimator and intensity window: the same mask of the same image has another score with others."""
        return self.estimator, self.window

    @property
    def area(self) -> float:
        """mm2 of the mask: 0 where there is none (`Missing?`). What summaries weigh by."""
        return self.area_mm2 if self.kind == MASK else 0.0

    @property
    def box_prompt(self) -> BoxPrompt | None:
        """The box in pixels of the slice (display frame), when it was prompted with one."""
        return BoxPrompt(*json.loads(self.box)) if self.box else None

    @property
    def caveat_list(self) -> tuple[str, ...]:
        return tuple(self.caveats.split("; ")) if self.caveats else ()

    @property
    def state(self) -> str:
        """One word for users: stale, missing?, accepted, flagged or open."""
        if self.stale:
            return "stale"
        return self.decision or ("missing?" if self.kind == MISSING else "open")

    @property
    def decision_here(self) -> str:
        """The decision, where it is about the content that was scored."""
        return self.decision if self.decided_hash in ("", self.content_hash) else ""

    def with_decision_of(self, other: ScoreRecord) -> ScoreRecord:
        return replace(
            self,
            decision=other.decision,
            reviewer=other.reviewer,
            decided=other.decided,
            decided_hash=other.decided_hash,
        )

    def undecided(self) -> ScoreRecord:
        return replace(self, decision="", reviewer="", decided="", decided_hash="")

    def with_band(self, thresholds: BandThresholds) -> ScoreRecord:
        return replace(self, band=thresholds.band(self.dice).value)


COLUMNS = tuple(f.name for f in fields(ScoreRecord))
INTEGERS = ("axis", "index", "stale", "serial")
REALS = ("position_mm", "dice", "low", "high", "level", "area_mm2", "wrong_mm2", "hd95_mm", "hd_max_mm", "prior_dice")


def text_of_box(box: BoxPrompt | None) -> str:
    """JSON [x0, y0, x1, y1] in pixels of the slice (display frame), empty without a box. Every digit: a mask that is
    scored again with its row's box, or drawn again with it in a script, must give the same numbers."""
    return json.dumps([float(v) for v in box.as_tuple()]) if box is not None else ""
