"""Where the next click would tell most: the expected information gain of one slice in its foreground, with a ring
around the place. Derived: one call takes it out again."""

from __future__ import annotations

from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.gain_codes import gain_codes, gain_table
from evanyseg.pipeline.next_click import NextClick

from ..nodes.session_node import SessionNode
from .slice_map import SliceMap

NAME = "EvanySeg next click (expected information gain)"


class GainMapOverlay(SliceMap):
    """Shows one slice's map before everything else; `remove` puts back what was in the foreground."""

    def __init__(self, session: SessionNode, opacity: float = 0.8) -> None:
        super().__init__(session, NAME, gain_table(), opacity)

    def show(self, plane: SlicePlane, click: NextClick) -> None:
        """`click`: made on `plane`, its map over every pixel."""
        self.show_codes(plane, gain_codes(click, plane.spacing))
