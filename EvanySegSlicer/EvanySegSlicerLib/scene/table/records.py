"""One row of the score table as a plain dataclass: what is known about one segment on one slice."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, replace

import numpy as np

from evanyseg.bands import BandThresholds, QualityBand
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.prompts import BoxPrompt
from evanyseg.results import QualityEstimate

Key = tuple[str, int, int, str]
"""(segment id, voxel axis, index, geometry of an oblique plane): what a row is about."""

MASK, MISSING = "mask", "missing"
"""Kinds of rows. MISSING: the slice has no mask, but the neighbour's box finds an object there: Dice 0 (that of the
empty mask), `area_mm2` and `wrong_mm2` are the area of what was found, which is not in the segment."""

DECISIONS = ("", "accepted", "flagged")

NAN = math.nan


@dataclass(frozen=True)
class ScoreRecord:
    """Field names are the table's column names; lengths in mm, areas in mm2, Dice in [0, 1] or NaN (unscored).
    `serial` counts writings, so that the oldest score of a slice is known."""

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
    content_hash: str = ""
    caveats: str = ""
    area_mm2: float = 0.0
    wrong_mm2: float = NAN
    hd95_mm: float = NAN
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
    def box_prompt(self) -> BoxPrompt | None:
        """The box in pixels of the slice, when it was prompted with one."""
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

    def with_band(self, thresholds: BandThresholds) -> ScoreRecord:
        return replace(self, band=thresholds.band(self.dice).value)


COLUMNS = tuple(f.name for f in fields(ScoreRecord))
INTEGERS = ("axis", "index", "stale", "serial")
REALS = ("position_mm", "dice", "low", "high", "level", "area_mm2", "wrong_mm2", "hd95_mm")


def text_of_box(box: BoxPrompt | None) -> str:
    """JSON [x0, y0, x1, y1] in pixels of the slice, empty without a box."""
    return json.dumps([round(v, 3) for v in box.as_tuple()]) if box is not None else ""


def expected_wrong_area(estimate: QualityEstimate, mask: np.ndarray, pixel_area: float) -> float:
    """mm2 that are probably wrong: the error maps' sum, else (1 - dice) x area; NaN when unscored."""
    if not estimate.scored:
        return NAN
    if estimate.false_positive is not None and estimate.false_negative is not None:
        return float(estimate.false_positive.sum() + estimate.false_negative.sum()) * pixel_area
    return (1.0 - estimate.dice) * np.count_nonzero(mask) * pixel_area


def record_of(
    segment_id: str,
    segment: str,
    plane: SlicePlane,
    mask: np.ndarray,
    estimate: QualityEstimate,
    thresholds: BandThresholds,
    content: str,
    window: str = "",
    box: BoxPrompt | None = None,
    segmenter: str = "",
    kind: str = MASK,
) -> ScoreRecord:
    """A row from an estimate of `mask` [H, W] on `plane`; `content` is its content hash."""
    axis, index, geometry = plane.key
    area = np.count_nonzero(mask) * plane.pixel_area
    wrong = expected_wrong_area(estimate, mask, plane.pixel_area)
    if kind == MISSING:
        wrong = area
    return ScoreRecord(
        segment_id=segment_id,
        segment=segment,
        plane=plane.name if not plane.oblique else f"oblique {plane.name}",
        axis=axis,
        index=index,
        geometry=geometry,
        position_mm=round(plane.position_mm, 3),
        kind=kind,
        dice=float(estimate.dice),
        low=float(estimate.low),
        high=float(estimate.high),
        level=float(estimate.level),
        band=thresholds.band(estimate.dice).value,
        estimator=estimate.estimator,
        segmenter=segmenter,
        window=window,
        box=text_of_box(box),
        content_hash=content,
        caveats="; ".join(estimate.caveats),
        area_mm2=area,
        wrong_mm2=wrong,
        hd95_mm=estimate.hd95 * float(np.sqrt(plane.pixel_area)) if estimate.hd95 is not None else NAN,
    )
