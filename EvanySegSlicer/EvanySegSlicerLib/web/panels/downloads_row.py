"""Weights that are not here: which, what is asked before one is fetched, and how far it is. Part of the settings."""

from __future__ import annotations

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from ...presenters.setup.downloads import DownloadsPresenter
from .parts import select, wide_button


class DownloadsRow:
    """Widgets -> DownloadsPresenter. Nothing is fetched before the dialog's Agree is pressed."""

    def __init__(self, state: State, presenter: DownloadsPresenter) -> None:
        self.state, self.presenter = state, presenter
        presenter.changed = self.refresh
        state.update({"absent_weights": [], "wanted_weights": "", "weights_question": ""})
        state.update({"fetching": "", "fetching_percent": 0})

    def build(self) -> None:
        with html.Div(v_if=("absent_weights.length && !fetching",), classes="d-flex align-center ga-1 mb-1"):
            label = "Weights that are not here"
            select("wanted_weights", ("absent_weights",), label, item_props="props", id="absent-weights")
            wide_button("mdi-download", "Download...", self._on_ask, "ask-weights", enabled="wanted_weights")
        with html.Div(v_if=("fetching",), classes="d-flex align-center ga-1 mb-1 text-caption", id="fetching"):
            html.Span("{{ fetching }}", classes="text-truncate")
            v3.VProgressLinear(model_value=("fetching_percent",), height=6, color="amber")
            v3.VBtn("Stop", size="x-small", click=self.presenter.cancel, id="stop-fetching")
        shown = "weights_question !== ''"
        with v3.VDialog(model_value=(shown,), max_width=640, persistent=True, __properties=["persistent"]):  # noqa: SIM117
            with v3.VCard(title="Download these weights?", id="weights-question"):
                v3.VCardText("{{ weights_question }}", style="white-space: pre-wrap; overflow-wrap: anywhere")
                with v3.VCardActions():
                    v3.VSpacer()
                    v3.VBtn("No", click=self._on_no, id="weights-no")
                    v3.VBtn("Agree and download", color="amber", click=self._on_agreed, id="weights-agree")

    def refresh(self) -> None:
        state, presenter = self.state, self.presenter
        state.absent_weights = [
            {"value": f.name, "title": f.title, "props": {"subtitle": _size(f.size)}} for f in presenter.absent()
        ]
        if state.wanted_weights not in [one["value"] for one in state.absent_weights]:
            state.wanted_weights = ""
        state.fetching = presenter.what if presenter.fetching is not None else ""
        state.fetching_percent = round(100 * presenter.fraction)

    def _on_ask(self) -> None:
        self.state.weights_question = self.presenter.question(str(self.state.wanted_weights))

    def _on_no(self) -> None:
        self.state.weights_question = ""

    def _on_agreed(self) -> None:
        self.state.weights_question = ""
        self.presenter.fetch(str(self.state.wanted_weights))


def _size(size: int | None) -> str:
    return f"{size / 2**20:.0f} MB" if size else "size not published"
