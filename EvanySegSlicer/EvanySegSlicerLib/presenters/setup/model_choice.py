"""Which models work, on which device, through which intensity preset: kept in the scene's session. No Qt."""

from __future__ import annotations

from evanyseg.device import CHOICES, SERVER
from evanyseg.pipeline.intensity import PRESETS
from evanyseg.weights.store import WeightStore

from ..review_controller import ReviewController
from .model_store import BY_FILE
from .servers import ServersPresenter

KINDS = ("segmenter", "estimator", "device", "preset")


class ModelChoicePresenter:
    """What can be chosen of each of `KINDS`, and what is."""

    def __init__(self, controller: ReviewController, weights: WeightStore | None = None) -> None:
        """weights: where downloaded ones are, None for the usual folder."""
        self.controller = controller
        self.servers = ServersPresenter(controller, controller.models.servers)
        self.weights = weights or WeightStore.default()

    def choices(self, kind: str) -> list[tuple[str, str]]:
        """(name, title) in the order to show."""
        if kind == "device":
            return [*((name, name) for name in CHOICES), *self.servers.choices()]
        if kind == "preset":
            return [("", "automatic"), *((name, name) for name in PRESETS)]
        return self.controller.models.titles(kind)

    def missing(self, kind: str, name: str) -> str:
        """What a model lacks here, in a few words; '' when it can be used, for what is no model, and where a server
        runs them (it says what it lacks when it is asked)."""
        if kind in ("device", "preset") or (self.on_server and name != BY_FILE):
            return ""
        return self.controller.models.missing(kind, name, self.weights)

    def chosen(self, kind: str) -> str:
        """The session's; may be a name that `choices` lacks (a scene made elsewhere)."""
        session = self.controller.session
        return {
            "segmenter": session.segmenter,
            "estimator": session.estimator,
            "device": session.device,
            "preset": session.preset,
        }[kind]

    def choose(self, kind: str, name: str) -> None:
        """Takes effect with the next action."""
        if self.controller.node is None or name == self.chosen(kind):
            return
        if self.controller.busy:
            self.controller.view.status("Takes effect with the next box; what is running goes on.")
        self.controller.node.set(kind, name)

    @property
    def on_server(self) -> bool:
        """Whether the models run elsewhere: nothing has to be installed for them."""
        return self.controller.session.device.startswith(SERVER)

    def needs_torch(self) -> str:
        """Title of the first chosen model that runs on PyTorch alone; '' when neither does, or not on this computer."""
        if self.on_server:
            return ""
        return self.controller.models.needs_torch(self.chosen("segmenter"), self.chosen("estimator"))

    def note(self) -> str:
        """Licence and note of the chosen models, and the intensity window of the open volume, a line each."""
        lines = []
        for kind in ("segmenter", "estimator"):
            name = self.chosen(kind)
            if name in dict(self.choices(kind)):
                lines.append(self.controller.models.note(kind, name))
        lines.append(self.controller.window_sentence())
        return "\n".join(line for line in dict.fromkeys(lines) if line)
