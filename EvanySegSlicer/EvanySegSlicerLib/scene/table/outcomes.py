"""What a job found about one slice, and the row it becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evanyseg.bands import BandThresholds
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.prompts import BoxPrompt
from evanyseg.results import QualityEstimate

from .records import MASK, MISSING, NAN, Key, ScoreRecord, text_of_box


@dataclass(frozen=True)
class SliceOutcome:
    """One segment on one slice: mask bool [H, W] as the segmentation will hold it, its estimate, and its content hash.

    write: the mask to write to the segment's slice (it is held as `mask`, which differs where the segmentation's
    voxels do); None when the outcome only describes what is there or, for `kind` MISSING, what was found where there
    is nothing. window: the intensity window in words.
    """

    segment_id: str
    plane: SlicePlane
    mask: np.ndarray
    estimate: QualityEstimate
    content: str
    window: str
    box: BoxPrompt | None = None
    segmenter: str = ""
    kind: str = MASK
    write: np.ndarray | None = None

    @property
    def key(self) -> Key:
        return (self.segment_id, *self.plane.key)

    def record(self, segment: str, thresholds: BandThresholds) -> ScoreRecord:
        """The row of the score table; `segment`: the segment's name."""
        plane, estimate = self.plane, self.estimate
        axis, index, geometry = plane.key
        area = np.count_nonzero(self.mask) * plane.pixel_area
        wrong = area if self.kind == MISSING else expected_wrong_area(estimate, self.mask, plane.pixel_area)
        return ScoreRecord(
            segment_id=self.segment_id,
            segment=segment,
            plane=plane.name if not plane.oblique else f"oblique {plane.name}",
            axis=axis,
            index=index,
            geometry=geometry,
            position_mm=round(plane.position_mm, 3),
            kind=self.kind,
            dice=float(estimate.dice),
            low=float(estimate.low),
            high=float(estimate.high),
            level=float(estimate.level),
            band=thresholds.band(estimate.dice).value,
            estimator=estimate.estimator,
            segmenter=self.segmenter,
            window=self.window,
            box=text_of_box(self.box),
            content_hash=self.content,
            caveats="; ".join(estimate.caveats),
            area_mm2=area,
            wrong_mm2=wrong,
            hd95_mm=_in_mm(estimate.hd95, plane.pixel_area),
            hd_max_mm=_in_mm(estimate.hd_max, plane.pixel_area),
        )


def _in_mm(pixels: float | None, pixel_area: float) -> float:
    return pixels * float(np.sqrt(pixel_area)) if pixels is not None else NAN


def expected_wrong_area(estimate: QualityEstimate, mask: np.ndarray, pixel_area: float) -> float:
    """mm2 that are probably wrong: the error maps' sum, else (1 - dice) x area; NaN when unscored."""
    if not estimate.scored:
        return NAN
    if estimate.false_positive is not None and estimate.false_negative is not None:
        return float(estimate.false_positive.sum() + estimate.false_negative.sum()) * pixel_area
    return (1.0 - estimate.dice) * np.count_nonzero(mask) * pixel_area
