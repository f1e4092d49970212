"""Small widgets that several panels use."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import vuetify3 as v3


def button(
    icon: str, text: str, action: Callable[[], object], name: str, active: str = "", enabled: str = ""
) -> v3.VBtn:
    """An icon button with a tooltip. name: its id; active, enabled: expressions over the page's state."""
    more: dict[str, object] = {"disabled": (f"!({enabled})",)} if enabled else {}
    if active:
        more |= {"color": (f"{active} ? 'amber' : undefined",), "variant": (f"{active} ? 'flat' : 'text'",)}
    else:
        more["variant"] = "text"
    with v3.VBtn(icon=True, size="small", click=action, id=name, aria_label=text, **more) as made:
        v3.VIcon(icon)
        v3.VTooltip(text, activator="parent", location="bottom")
    return made


def wide_button(icon: str, text: str, action: Callable[[], object], name: str, enabled: str = "") -> v3.VBtn:
    """A button with words."""
    more: dict[str, object] = {"disabled": (f"!({enabled})",)} if enabled else {}
    return v3.VBtn(text, prepend_icon=icon, size="small", variant="tonal", click=action, id=name, **more)
