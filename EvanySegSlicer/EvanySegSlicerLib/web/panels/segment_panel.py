"""Segments, the box, point and brush tools, undo, propagation, scoring of what is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from ...presenters.box_tool import BoxTool
from ...presenters.editing.painting import PaintingPresenter
from ...presenters.rubber_band import BOX, NEGATIVE, POSITIVE, RubberBand
from ...presenters.segmenting import SegmentingPresenter
from ...presenters.texts import result_text
from ...presenters.view import SliceView
from ..page import Page
from ..views.brush import ERASE, PAINT, Brush
from ..views.slice_views import PageViews
from .parts import button, select, slider, wide_button

HINTS = {BOX: "Drag a box around the object. Esc cancels.", POSITIVE: "Click where the mask should be."}
HINTS[NEGATIVE] = "Click where the mask should not be."
HINTS |= {
    PAINT: "Draw where the mask should be. Shift and the wheel change the brush.",
    ERASE: "Draw what is too much.",
}
TOOLS = (
    (BOX, "mdi-selection-drag", "Box (D)"),
    (POSITIVE, "mdi-plus-circle-outline", "Point: belongs to it"),
    (NEGATIVE, "mdi-minus-circle-outline", "Point: does not belong"),
    (PAINT, "mdi-brush", "Paint (P)"),
    (ERASE, "mdi-eraser", "Erase (E)"),
)
PLANES = ("axial", "coronal", "sagittal")
NO_MASK = "No mask yet: drag a box around an object on a slice."


class SegmentPanel:
    """Widgets -> SegmentingPresenter; the box tool is on from the start: nothing needs to be pressed before the first
    box."""

    def __init__(
        self, state: State, presenter: SegmentingPresenter, painting: PaintingPresenter, views: PageViews, page: Page
    ) -> None:
        self.state, self.presenter, self.views, self.page = state, presenter, views, page
        self.painting = painting
        self.below_result: Callable[[], None] = lambda: None
        self.brush: Brush | None = None
        """Set by the application once its views are there."""
        band = RubberBand(self._on_box, self._on_point, self.stop_tool, page.status, self._on_drag)
        self.tool = BoxTool(band, views)
        state.update({"tool": "", "segments": [], "segment_id": "", "result_html": NO_MASK, "stop_below": 0.5})
        state.update({"can_undo": False, "can_redo": False, "score_plane": PLANES[0], "window_sentence": ""})
        state.update({"brush": painting.diameter, "look_for_missing": False, "naming": False, "segment_name": ""})
        state.change("segment_id")(self._on_segment)
        state.change("brush")(self._on_brush)

    def build(self) -> None:
        with html.Div(classes="d-flex align-center ga-1"):
            select(
                "segment_id",
                ("segments",),
                "Segment",
                item_title="name",
                item_value="id",
                no_data_text="Made with the first box",
                v_if=("!naming",),
            )
            v3.VTextField(
                v_model=("segment_name",),
                v_if=("naming",),
                label="Name of the segment",
                density="compact",
                hide_details=True,
                autofocus=True,
                id="segment-name",
                change=(self._on_name, "[$event.target.value]"),
            )
            button("mdi-pencil", "Rename the segment", self._on_rename, "rename", active="naming", enabled="segment_id")
            button("mdi-plus", "New segment", self.presenter.add_segment, "add-segment")
        with html.Div(classes="d-flex align-center ga-1 mt-2"):
            for mode, icon, text in TOOLS:
                button(icon, text, partial(self.toggle, mode), f"tool-{mode}", active=f"tool === '{mode}'")
            v3.VSpacer()
            button("mdi-undo", "Undo", self.presenter.undo, "undo", enabled="can_undo")
            button("mdi-redo", "Redo", self.presenter.redo, "redo", enabled="can_redo")
        slider("brush", "Brush", 0.5, 60, 0.5, "brush-size", v_if=(f"tool === '{PAINT}' || tool === '{ERASE}'",))
        html.Div(v_html=("result_html",), classes="text-body-2 my-2", id="result", style="min-height: 3em")
        self.below_result()
        with html.Div(classes="d-flex align-center ga-1"):
            html.Span("Propagate", classes="text-body-2")
            for direction, icon in (("down", "mdi-arrow-down"), ("both", "mdi-arrow-up-down"), ("up", "mdi-arrow-up")):
                what = {"down": "to lower slices", "up": "to higher slices", "both": "both ways"}[direction]
                button(icon, f"Propagate {what}", partial(self._on_propagate, direction), f"propagate-{direction}")
            v3.VTextField(
                v_model_number=("stop_below",),
                label="Stop below Dice",
                type="number",
                min=0,
                max=1,
                step=0.05,
                density="compact",
                hide_details=True,
            )

        with html.Div(classes="d-flex align-center ga-1 mt-1"):
            wide_button("mdi-counter", "Score the slices", self._on_score, "score", enabled="segments.length")
            select("score_plane", ("planes", list(PLANES)))
        look = "Look for missing slices too"
        with html.Div(id="missing-row"):
            v3.VCheckbox(v_model=("look_for_missing",), label=look, density="compact", hide_details=True, id="missing")
        quiet = "text-caption text-medium-emphasis text-truncate mt-1"
        html.Div("{{ window_sentence }}", classes=quiet, title=("window_sentence",), id="window")

    def _on_score(self) -> None:
        self.presenter.score_existing(str(self.state.score_plane), bool(self.state.look_for_missing))

    def refresh(self) -> None:
        state = self.state
        state.segments = [{"id": i, "name": name} for i, name in self.presenter.segments()]
        state.segment_id = self.presenter.segment_id
        view = self.views.active()
        here = self.presenter.row_in_view(view.slice_node) if view is not None else None
        state.result_html = result_text(here or self.presenter.row()) or NO_MASK
        state.window_sentence = self.presenter.controller.window_sentence()
        review = self.presenter.controller.usable
        state.can_undo = review is not None and review.history.can_undo
        state.can_redo = review is not None and review.history.can_redo
        state.brush = self.painting.diameter

    # ---- tools ------------------------------------------------------------------------------------------------

    def toggle(self, mode: str) -> None:
        """A second time turns it off."""
        if self.state.tool == mode:
            self.stop_tool()
        else:
            self.start_tool(mode)

    def start_tool(self, mode: str) -> None:
        self.stop_tool()
        if mode in (PAINT, ERASE):
            if self.brush is None or not self.brush.start(mode):
                return
        else:
            self.tool.start(mode)
        self.state.tool = mode
        self.page.status(HINTS[mode])

    def stop_tool(self) -> None:
        self.tool.stop()
        if self.brush is not None:
            self.brush.stop()
        self.state.tool = ""
        self.page.status("")

    def _on_drag(self, view: SliceView) -> None:
        self.views.used(view)
        self.presenter.prefetch(view.slice_node)

    def _on_box(self, view: SliceView, corners: np.ndarray) -> None:
        self.views.used(view)
        self.presenter.box_drawn(view.slice_node, corners)

    def _on_point(self, view: SliceView, ras: np.ndarray, positive: bool) -> None:
        self.views.used(view)
        self.presenter.point_placed(view.slice_node, ras, positive)

    def _on_brush(self, brush: float | None, **state: object) -> None:
        if brush is not None and self.brush is not None and float(brush) != self.painting.diameter:
            self.brush.resize(float(brush))

    def _on_segment(self, segment_id: str, **state: object) -> None:
        if segment_id and segment_id != self.presenter.segment_id:
            self.presenter.choose_segment(segment_id)

    def _on_rename(self) -> None:
        self.state.naming = not self.state.naming
        self.state.segment_name = dict(self.presenter.segments()).get(self.presenter.segment_id, "")

    def _on_name(self, name: str) -> None:
        self.presenter.rename(str(name))
        self.state.naming = False

    def _on_propagate(self, direction: str) -> None:
        view = self.views.active()
        if view is not None:
            self.presenter.propagate(view.slice_node, direction, float(self.state.stop_below))
