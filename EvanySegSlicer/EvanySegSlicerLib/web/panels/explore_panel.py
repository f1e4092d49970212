"""For students: a synthetic error with a slider; score, interval and error map follow. The masks are never changed."""

from __future__ import annotations

from trame.widgets import html
from trame_server.state import State

from evanyseg.report.images import data_uri

from ...presenters.explore.exploring import ExploringPresenter
from ...presenters.explore.synthetic_errors import SYNTHETIC_ERRORS
from ...presenters.segmenting import SegmentingPresenter
from ...presenters.view import SliceViews
from .parts import select, slider, wide_button

IMAGES = {"explore_picture": "The copy with its error map", "explore_plot": "True against predicted Dice"}
LARGEST = 20
"""Pixels."""
HINT = "Move the slider: the error goes into a copy of the chosen segment's mask on the slice in view."


class ExplorePanel:
    """Widgets -> ExploringPresenter. The mask is taken from the chosen segment when the slider moves."""

    def __init__(
        self, state: State, presenter: ExploringPresenter, segmenting: SegmentingPresenter, views: SliceViews
    ) -> None:
        self.state, self.presenter, self.segmenting, self.views = state, presenter, segmenting, views
        presenter.on_trial = self._on_trial
        state.update({"error_kind": next(iter(SYNTHETIC_ERRORS)), "error_amount": 0, "explore_html": HINT})
        state.update({"explore_picture": "", "explore_plot": "", "reference": "", "references": []})
        state.change("error_kind", "error_amount", "reference")(self._on_change)

    def build(self) -> None:
        with html.Div(classes="d-flex ga-1"):
            select("error_kind", ("error_kinds", list(SYNTHETIC_ERRORS)), "Synthetic error", id="error-kind")
            select(
                "reference", ("references",), "Reference (true masks)", v_if=("references.length > 1",), id="reference"
            )
        slider("error_amount", "Amount (pixels)", 0, LARGEST, 1, "error-amount")
        html.Div(v_html=("explore_html",), classes="text-body-2", id="explore-text")
        with html.Div(classes="d-flex ga-1", id="explore-pictures"):
            for name, what in IMAGES.items():
                html.Img(src=(name,), v_if=(name,), alt=what, title=what, style="width: 184px; height: 184px")
        wide_button("mdi-eraser-variant", "Clear", self.presenter.clear, "explore-clear", enabled="explore_picture")

    def refresh(self) -> None:
        found = [("", "none"), *self.presenter.references()]
        self.state.references = [{"value": node_id, "title": name} for node_id, name in found]

    def _on_change(self, **state: object) -> None:
        amount = self.state.error_amount
        if self.presenter.controller.usable is None or amount is None:
            return
        view = self.views.active()
        node = view.slice_node if view is not None else None
        problem = self.presenter.choose(
            self.segmenting.segment_id, node, self.presenter.reference_of(str(self.state.reference))
        )
        if problem:
            self.state.explore_html = problem
            return
        self.presenter.set_error(str(self.state.error_kind), round(float(amount)))

    def _on_trial(self) -> None:
        bands = self.presenter.controller.session.thresholds
        self.state.explore_html = self.presenter.text(bands) or HINT
        picture, plot = self.presenter.picture(), self.presenter.plot()
        self.state.explore_picture = data_uri(picture) if picture is not None else ""
        self.state.explore_plot = data_uri(plot) if plot is not None else ""
