"""Opening, and what can be taken away."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from ..files.exports import NAMES

TITLES = {"table": "CSV", "report": "Report", "segmentation": ".seg.nrrd", "dicom": "DICOM SEG", "scene": "Scene .mrb"}


class FilePanel:
    """Links that download."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.above: Callable[[], None] = lambda: None
        """Builds what stands above the downloads."""
        state.update({"volume_name": "", "has_rows": False})

    def build(self) -> None:
        self.above()
        with html.Div(classes="d-flex flex-wrap ga-1"):
            for kind, title in TITLES.items():
                v3.VBtn(
                    title,
                    prepend_icon="mdi-download",
                    size="small",
                    variant="tonal",
                    click=f"window.evanysegDownload('{kind}', '{NAMES[kind]}')",
                    id=f"export-{kind}",
                    disabled=("!has_rows",),
                )

    def refresh(self) -> None:
        """What is shown is set by the application."""
