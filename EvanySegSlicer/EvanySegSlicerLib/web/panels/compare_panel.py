"""Segmenters side by side on the last box: their candidates, best first; a click keeps one."""

from __future__ import annotations

from trame.widgets import html
from trame_server.state import State

from evanyseg.report.images import data_uri

from ...presenters.explore.comparing import ComparingPresenter
from ...presenters.setup.model_choice import ModelChoicePresenter
from ...presenters.texts import candidate_text
from .parts import select, wide_button


class ComparePanel:
    """Widgets -> ComparingPresenter. `models`: what can be ticked."""

    def __init__(self, state: State, presenter: ComparingPresenter, models: ModelChoicePresenter) -> None:
        self.state, self.presenter, self.models = state, presenter, models
        presenter.on_candidates = self._on_candidates
        state.update({"compared": [], "compare_choices": [], "candidates": []})

    def build(self) -> None:
        select("compared", ("compare_choices",), "Segmenters", item_props="props", multiple=True, id="compared")
        with html.Div(classes="d-flex ga-1 my-1"):
            wide_button("mdi-compare", "Compare on the last box", self._on_compare, "compare")
            keep = self.presenter.keep_best
            wide_button("mdi-trophy-outline", "Keep best", keep, "keep-best", enabled="candidates.length")
        html.Div("A click on a candidate keeps it.", v_if=("candidates.length",), classes="text-caption")
        with html.Div(classes="d-flex flex-wrap ga-1", id="candidates"):  # noqa: SIM117
            with html.Div(
                v_for="one in candidates",
                key="one.number",
                click=(self._on_keep, "[one.number]"),
                title=("one.tip",),
                classes="text-caption",
                style="width: 118px; cursor: pointer",
                raw_attrs=[':data-candidate="one.number"'],
            ):
                html.Img(src=("one.picture",), style="width: 118px; height: 118px", alt=("one.title",))
                html.Div("{{ one.title }}", classes="text-truncate")
                html.Div("{{ one.band }}", style=("`background: ${one.color}; color: ${one.ink}; padding: 0 4px`",))

    def refresh(self) -> None:
        choices = self.models.choices("segmenter")
        missing = {name: self.models.missing("segmenter", name) for name, _ in choices}
        self.state.compare_choices = [
            {"title": title, "value": name, "props": {"disabled": bool(missing[name]), "subtitle": missing[name]}}
            for name, title in choices
        ]
        if not self.state.compared:
            self.state.compared = [name for name, _ in choices if not missing[name]][:1]

    def _on_compare(self) -> None:
        self.presenter.compare([str(name) for name in self.state.compared])

    def _on_keep(self, number: int) -> None:
        self.presenter.keep(int(number))

    def _on_candidates(self) -> None:
        bands = self.presenter.controller.session.thresholds
        self.state.candidates = [
            {
                "number": number,
                "picture": data_uri(self.presenter.picture(number)),
                **candidate_text(candidate.title, candidate.estimate, bands),
            }
            for number, candidate in enumerate(self.presenter.candidates)
        ]
