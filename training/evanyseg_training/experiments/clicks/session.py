"""One object being segmented click by click: a person who makes no mistakes, and a segmenter that answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Segmenter
from evanyseg.results import Candidates, Embedding

FROM_POINT, FROM_BOX = "point", "box"
STARTS = (FROM_POINT, FROM_BOX)
"""The paper's protocol (the first click at the object's center, all clicks given together), and the viewer's (a box as
a person draws it, each click refines the last answer)."""


@dataclass
class Session:
    """What was prompted so far, and the segmenter's answer to it. `mask_input`: what that answer refined."""

    segmenter: Segmenter
    embedding: Embedding
    truth: np.ndarray
    box: BoxPrompt | None = None
    points: list[PointPrompt] = field(default_factory=list)
    mask_input: np.ndarray | None = None
    refining: bool = False
    _answer: Candidates | None = None

    @property
    def answer(self) -> Candidates:
        if self._answer is None:
            self._answer = self.segmenter.segment(self.embedding, self.box, self.points, self.mask_input)
        return self._answer

    @property
    def mask(self) -> np.ndarray:
        """The mask that the segmenter itself prefers."""
        return np.asarray(self.answer.masks[self.answer.best])

    @property
    def dice(self) -> float:
        return float(dice(self.mask, self.truth))

    def point(self, x: float, y: float) -> PointPrompt:
        """A click there with the sign that is right."""
        return PointPrompt(x, y, bool(self.truth[int(y), int(x)]))

    def wrong(self, x: float, y: float) -> bool:
        """Whether the mask has that pixel wrong."""
        return bool(self.mask[int(y), int(x)] != self.truth[int(y), int(x)])

    def after(self, point: PointPrompt) -> Session:
        """One more click."""
        low = self.answer.low_resolution_logits[self.answer.best] if self.refining else None
        return Session(self.segmenter, self.embedding, self.truth, self.box, [*self.points, point], low, self.refining)


def begin(segmenter: Segmenter, embedding: Embedding, truth: np.ndarray, start: str, box: BoxPrompt) -> Session:
    """`box`: the one that a person drew; used from a box only."""
    if start == FROM_BOX:
        return Session(segmenter, embedding, truth, box, refining=True)
    return Session(segmenter, embedding, truth, points=[PointPrompt(*center(truth))])


def center(mask: np.ndarray) -> tuple[float, float]:
    """(x, y) of the pixel that lies deepest in the mask, the image's edge counting as its border; of several the middle
    one."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    rows, cols = np.nonzero(depth == depth.max())
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (cols - cols.mean()) ** 2))
    return float(cols[nearest]) + 0.5, float(rows[nearest]) + 0.5
