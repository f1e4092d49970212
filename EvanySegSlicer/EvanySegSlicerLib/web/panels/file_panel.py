"""Opening, and what can be taken away."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from ..files.exports import NAMES
from .parts import wide_button

TITLES = {"table": "CSV", "report": "Report", "segmentation": ".seg.nrrd", "dicom": "DICOM SEG", "scene": "Scene .mrb"}

OF_SCORES = ("table", "report")
"""What there is only once something is scored."""


class FilePanel:
    """Links that download; `save()`: into the scene's own file, called `session`, where one was named at start."""

    def __init__(self, state: State, session: str, save: Callable[[], None]) -> None:
        self.state, self.session, self.save = state, session, save
        self.above: Callable[[], None] = lambda: None
        """Builds what stands above the downloads."""
        state.update({"volume_name": "", "has_rows": False})

    def build(self) -> None:
        self.above()
        with html.Div(classes="d-flex flex-wrap ga-1"):
            if self.session:
                wide_button(
                    "mdi-content-save", f"Save {self.session}", self.save, "save-session", enabled="volume_name"
                )
            for kind, title in TITLES.items():
                v3.VBtn(
                    title,
                    prepend_icon="mdi-download",
                    size="small",
                    variant="tonal",
                    click=f"window.evanysegDownload('{kind}', '{NAMES[kind]}')",
                    id=f"export-{kind}",
                    disabled=("!has_rows" if kind in OF_SCORES else "!volume_name",),
                )

    def refresh(self) -> None:
        """What is shown is set by the application."""
