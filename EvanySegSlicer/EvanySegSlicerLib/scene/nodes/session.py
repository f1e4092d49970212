"""What a review is about, as plain values: every front end reads and writes these, and keeps no others."""

from __future__ import annotations

from dataclasses import dataclass

from evanyseg.bands import BandThresholds

NODE_ROLES = ("volume", "segmentation", "score_table", "overlay_volume")
"""Fields that hold a node's id."""

Value = str | int | float | bool


@dataclass
class Session:
    """Ids of nodes are empty when there is none. queue_*: where the reviewer is; displaced: what the overlay pushed
    aside (JSON), to be put back when it goes. reviewer: the name that decisions are signed with. learned: which learned
    estimators are in charge (see `learned.versions`); learn_every: corrections after which it learns by itself (0:
    never), learned_at: how many there were when it last did. auto_score: score edited slices again by itself."""

    volume: str = ""
    segmentation: str = ""
    score_table: str = ""
    overlay_volume: str = ""
    segmenter: str = "builtin"
    estimator: str = "builtin"
    device: str = "auto"
    preset: str = ""
    good: float = 0.9
    check: float = 0.7
    continuous: bool = False
    order: str = "wrong area"
    min_area_mm2: float = 0.0
    allow_cropped: bool = False
    queue_segment: str = ""
    queue_axis: int = -1
    queue_index: int = -1
    queue_geometry: str = ""
    displaced: str = ""
    reviewer: str = ""
    learned: str = ""
    learn_every: int = 0
    learned_at: int = 0
    auto_score: bool = False

    @property
    def thresholds(self) -> BandThresholds:
        return BandThresholds(self.good, self.check)
