"""Models, device and intensity window; bands and colours; what edits and corrections trigger."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from ...presenters.setup.model_choice import KINDS, ModelChoicePresenter
from ...presenters.setup.servers import ADD, FORGET
from ...presenters.setup.settings import OPTIONS, SettingsPresenter
from ...presenters.texts import bands_text
from .parts import select
from .server_row import ServerRow

TITLES = {"segmenter": "Segmenter", "estimator": "Estimator", "device": "Device", "preset": "Intensity window"}
WORDS = {
    "auto_score": "Score edited slices again by itself",
    "allow_cropped": "Score masks that the volume shows in part",
    "learn_every": "Learn after so many corrections (0: never)",
    "min_area_mm2": "List masks from, mm²",
    "reviewer": "Reviewer's name",
}


class SettingsPanel:
    """Widgets -> ModelChoicePresenter, SettingsPresenter. All of it is kept in the scene."""

    def __init__(self, state: State, models: ModelChoicePresenter, settings: SettingsPresenter) -> None:
        self.state, self.models, self.settings = state, models, settings
        self.server_row = ServerRow(state, models.servers)
        self.below_models: Callable[[], None] = lambda: None
        """Builds what belongs to the models and is a panel of its own."""
        state.update({"model_note": "", "good": 0.9, "check": 0.7, "continuous": False, "bands_html": ""})
        for kind in KINDS:
            state.update({f"chosen_{kind}": "", f"choices_{kind}": []})
            state.change(f"chosen_{kind}")(partial(self._on_choice, kind))
        for name in OPTIONS:
            state.update({f"option_{name}": ""})
            state.change(f"option_{name}")(partial(self._on_option, name))
        state.change("good", "check")(self._on_bands)
        state.change("continuous")(self._on_colors)

    def build(self) -> None:
        for kind in KINDS:
            select(
                f"chosen_{kind}",
                (f"choices_{kind}",),
                TITLES[kind],
                item_props="props",
                classes="mb-1",
                id=f"choose-{kind}",
            )
            if kind == "device":
                self.server_row.build()
        html.Div("{{ model_note }}", classes="text-caption", style="white-space: pre-line", id="model-note")
        self.below_models()
        with html.Div(classes="d-flex ga-1 my-1"):
            self._number("good", "Good from Dice", 0.01, "band-good")
            self._number("check", "Check from Dice", 0.01, "band-check")
        html.Div(v_html=("bands_html",), classes="text-caption", id="bands")
        self._switch("continuous", "Colours as a ramp", "continuous")
        for name, default in OPTIONS.items():
            if isinstance(default, bool):
                self._switch(f"option_{name}", WORDS[name], name.replace("_", "-"))
            elif isinstance(default, str):
                v3.VTextField(v_model=(f"option_{name}",), label=WORDS[name], **self._plain(name))
            else:
                self._number(f"option_{name}", WORDS[name], 1, name.replace("_", "-"))

    def _plain(self, name: str) -> dict[str, object]:
        return {"density": "compact", "hide_details": True, "id": name.replace("_", "-"), "classes": "mb-1"}

    def _number(self, name: str, label: str, step: float, widget_id: str) -> None:
        v3.VTextField(v_model_number=(name,), label=label, type="number", min=0, step=step, **self._plain(widget_id))

    def _switch(self, name: str, label: str, widget_id: str) -> None:
        v3.VCheckbox(v_model=(name,), label=label, **self._plain(widget_id))

    # ---- state ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        state, session = self.state, self.settings.controller.session
        for kind in KINDS:
            missing = {name: self.models.missing(kind, name) for name, _ in self.models.choices(kind)}
            state[f"choices_{kind}"] = [
                {"title": title, "value": name, "props": {"disabled": bool(missing[name]), "subtitle": missing[name]}}
                for name, title in self.models.choices(kind)
            ]
            state[f"chosen_{kind}"] = self.models.chosen(kind)
        state.model_note = self.models.note()
        state.good, state.check, state.continuous = session.good, session.check, session.continuous
        state.bands_html = bands_text(session.thresholds)
        for name in OPTIONS:
            state[f"option_{name}"] = self.settings.option(name)

    def _on_choice(self, kind: str, **state: object) -> None:
        name = self.state[f"chosen_{kind}"]
        if name is not None and name != self.models.chosen(kind) and name in dict(self.models.choices(kind)):
            if name in (ADD, FORGET):
                self.server_row.start() if name == ADD else self.models.servers.forget()
                self.refresh()
                return
            self.models.choose(kind, str(name))
            self.settings.controller.open()  # another window is another review
            self.refresh()

    def _on_option(self, name: str, **state: object) -> None:
        value = self.state[f"option_{name}"]
        if (value is not None and value != "") or isinstance(OPTIONS[name], str):
            self.settings.set_option(name, value)

    def _on_bands(self, **state: object) -> None:
        good, check = self.state.good, self.state.check
        session = self.settings.controller.session
        numbers = isinstance(good, int | float) and isinstance(check, int | float)  # not while somebody types
        if numbers and (good, check) != (session.good, session.check):
            self.settings.set_bands(float(good), float(check))

    def _on_colors(self, **state: object) -> None:
        wanted = bool(self.state.continuous)
        if wanted != self.settings.controller.session.continuous:
            self.settings.set_continuous(wanted)
            self.settings.controller.view.updated([])
