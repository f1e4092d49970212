"""The page: a panel on the left, four views on the right, a status line below."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html
from trame.widgets import vuetify3 as v3

from .files.incoming import IMAGE
from .help_page import NOTICE, help_page
from .page import Panel

if TYPE_CHECKING:
    from trame_server import Server
    from trame_slicer.core import LayoutManager

KEYS = ("d", "p", "e", "s", "+", "-", "ctrl+z", "ctrl+y", "ctrl+s", "n", "shift+n", "a", "x", "m", "?")

SCRIPT = Path(__file__).with_name("static") / "page.js"

STYLE = """
html { overflow: hidden; }
.v-expansion-panel-text__wrapper { padding: 2px 10px 6px; }
.v-expansion-panel-title { min-height: 30px !important; padding: 2px 10px; }
.filters .v-field { --v-field-padding-start: 6px; --v-field-padding-end: 0px; }
.filters .v-field, .filters .v-field-label { font-size: 0.8rem; }
#missing-row .v-selection-control { min-height: 26px; }
"""


def build(server: Server, views: LayoutManager, shown: Panel, sections: Sequence[tuple[str, str, Panel]]) -> VAppLayout:
    """shown: what is always at the top; sections: (id, title, panel), from top to bottom."""
    server.state.update(
        {"trame__title": "EvanySegSlicer", "open_sections": [name for name, _t, _p in sections[:3]], "help": False}
    )
    with VAppLayout(server, theme="dark") as layout:
        client.Style(STYLE)
        client.Script(SCRIPT.read_text(encoding="utf-8").replace("KEYS", json.dumps(KEYS)))
        with v3.VNavigationDrawer(permanent=True, width=400, location="left"):
            with html.Div(classes="d-flex align-center px-3 py-1"):
                html.Span("EvanySegSlicer", classes="font-weight-bold mr-2")
                html.Span(
                    "{{ volume_name || 'No volume' }}",
                    classes="text-caption text-medium-emphasis text-truncate",
                    id="volume-name",
                )
                v3.VSpacer()
                pick = f"window.document.getElementById('file-{IMAGE}').click()"
                with v3.VBtn(icon=True, size="small", variant="text", click=pick, id="open", aria_label="Open a file"):
                    v3.VIcon("mdi-folder-open-outline")
                    v3.VTooltip("Open a file or a scene", activator="parent", location="bottom")
                v3.VBtn(icon="mdi-help-circle-outline", size="small", variant="text", click="help = true", id="help")
            shown.build()
            with v3.VExpansionPanels(v_model=("open_sections",), multiple=True, variant="accordion"):
                for name, title, panel in sections:
                    with v3.VExpansionPanel(title=title, value=name, id=f"section-{name}", eager=True):  # noqa: SIM117
                        with v3.VExpansionPanelText():
                            panel.build()
        with v3.VMain(), html.Div(classes="d-flex", style="height: calc(100vh - 32px)"):
            views.initialize_layout_grid(layout)
        with v3.VFooter(app=True, height=32, classes="px-3 text-body-2"):
            html.Span(
                "{{ status_text }}",
                id="status",
                title=("status_text",),
                classes=("status_problem ? 'text-red-lighten-2 font-weight-bold text-truncate' : 'text-truncate'",),
            )
            v3.VSpacer()
            with html.Div(v_if=("busy",), classes="d-flex align-center ga-2", id="busy"):
                html.Span("{{ busy_what }}", classes="text-truncate")
                v3.VProgressLinear(model_value=("busy_percent",), style="width: 120px", height=6, color="amber")
                v3.VBtn("Cancel", size="x-small", click=server.controller.cancel, id="cancel")
            quiet = "text-caption text-medium-emphasis ml-3 text-no-wrap flex-shrink-0"
            html.Span(NOTICE, classes=quiet, v_if=("!busy",))
        help_page()
    return layout
