"""Learning from corrections: the line that says what is known, the button, and its undo."""

from __future__ import annotations

from trame.widgets import html
from trame_server.state import State

from ...presenters.learning.learning import LearningPresenter
from .parts import wide_button


class LearningPanel:
    """Widgets -> LearningPresenter; nothing is shown while nothing is known."""

    def __init__(self, state: State, presenter: LearningPresenter) -> None:
        self.state, self.presenter = state, presenter
        state.update({"learning_text": "", "can_learn": False, "can_unlearn": False})

    def build(self) -> None:
        with html.Div(v_if=("learning_text || can_unlearn",), classes="mt-1", id="learning"):
            html.Div("{{ learning_text }}", classes="text-caption", style="white-space: pre-line", id="learning-text")
            with html.Div(classes="d-flex flex-wrap ga-1"):
                learn = self.presenter.learn
                wide_button("mdi-school-outline", "Learn from my corrections", learn, "learn", enabled="can_learn")
                with html.Div(v_if=("can_unlearn",)):
                    wide_button("mdi-undo", "Undo learning", self.presenter.undo, "undo-learning")

    def refresh(self) -> None:
        self.state.learning_text = self.presenter.line()
        self.state.can_learn, self.state.can_unlearn = self.presenter.can_learn, self.presenter.can_undo
