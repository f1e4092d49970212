"""What lies over a view: its slider, a button that fits it, and the letters that say which side is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_slicer.app.logic.slice_view_logic import connect_slice_view_slider_to_state
from trame_slicer.app.ui.slider import Slider

from ...scene.nodes.matrices import matrix_array

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode
    from trame_server import Server
    from trame_slicer.views import AbstractView, SliceView

OVER = "position: absolute; background: transparent; pointer-events: none; color: #ffd54f; text-shadow: 0 0 3px black;"
SLIDER_HEIGHT = 28
"""Pixels at the bottom of a slice view."""
SIDES = {
    "left": "left: 4px; top: 50%;",
    "right": "right: 4px; top: 50%;",
    "top": "left: 50%; top: 58px;",
    "bottom": "left: 50%; bottom: 34px;",
}


def view_gutter(server: Server, view_id: str, view: AbstractView) -> None:
    """Top right: show everything."""
    with html.Div(style="position: absolute; top: 0; right: 0;"):  # noqa: SIM117
        with v3.VBtn(icon=True, size="x-small", variant="text", click=view.reset_view, aria_label="Fit the view"):
            v3.VIcon("mdi-fit-to-page-outline", color="white")
            v3.VTooltip("Fit the view", activator="parent", location="left")


def slice_gutter(server: Server, view_id: str, view: SliceView) -> None:
    """Also: the slice's place on a slider, and anatomical letters."""
    view_gutter(server, view_id, view)
    with html.Div(style="position: absolute; bottom: 0; left: 0; width: 100%;"):
        Slider(typed_state=connect_slice_view_slider_to_state(server, view), theme="dark", dense=True)
    name = f"letters_{view_id}"
    server.state[name] = dict.fromkeys(SIDES, "")
    for side, where in SIDES.items():
        html.Div(f"{{{{ {name}.{side} }}}}", style=OVER + where, classes="text-caption font-weight-bold")

    def renew(_view: SliceView) -> None:
        server.state[name] = letters(view.get_view_node())

    view.modified.connect(renew)
    renew(view)
    view._evanyseg_renew = renew  # signals hold their listeners weakly


def letters(node: vtkMRMLSliceNode) -> dict[str, str]:
    """Which side of the patient lies where on the screen: 'R', or 'RA' where the view is turned between axes."""
    to_ras = matrix_array(node.GetSliceToRAS())
    return {
        "right": _letters(to_ras[:3, 0]),
        "left": _letters(-to_ras[:3, 0]),
        "top": _letters(to_ras[:3, 1]),
        "bottom": _letters(-to_ras[:3, 1]),
    }


def _letters(direction: np.ndarray) -> str:
    direction = direction / np.linalg.norm(direction)
    named = [(abs(d), pair[int(d > 0)]) for d, pair in zip(direction, ("LR", "PA", "IS"), strict=True) if abs(d) > 0.3]
    return "".join(letter for _, letter in sorted(named, reverse=True))
