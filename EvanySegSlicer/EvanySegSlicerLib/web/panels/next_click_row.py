"""Suggest next click, and the two answers: a row of the segment section."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trame.widgets import html
from trame_server.state import State

from ...presenters.showing.next_click import NextClickPresenter
from ...presenters.view import SliceViews
from .parts import button, wide_button


class NextClickRow:
    """Widgets -> NextClickPresenter. `render()`: draw all views again."""

    def __init__(
        self, state: State, presenter: NextClickPresenter, views: SliceViews, render: Callable[[], None]
    ) -> None:
        self.state, self.presenter, self.views, self.render = state, presenter, views, render
        self._told, presenter.changed = presenter.changed, self._on_changed
        state.update({"asked": False})

    def build(self) -> None:
        with html.Div(classes="d-flex align-center ga-1 mb-2"):
            wide_button("mdi-crosshairs-question", "Next click", self.toggle, "next-click", active="asked")
            for positive, icon, text, name in (
                (True, "mdi-plus", "The ring lies in the object (+)", "inside"),
                (False, "mdi-minus", "The ring does not lie in the object (-)", "outside"),
            ):
                button(icon, text, partial(self.presenter.answer, positive), f"next-click-{name}", enabled="asked")

    def toggle(self) -> None:
        view = self.views.active()
        if view is not None:
            self.presenter.toggle(view.slice_node)
        self.state.asked = self.presenter.asked is not None

    def refresh(self) -> None:
        self.presenter.refresh()
        self.state.asked = self.presenter.asked is not None

    def _on_changed(self) -> None:
        self._told()
        self.state.asked = self.presenter.asked is not None
        self.render()
