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


def wide_button(
    icon: str, text: str, action: Callable[[], object], name: str, enabled: str = "", active: str = ""
) -> v3.VBtn:
    """A button with words. active: an expression over the page's state while which it stands out."""
    more: dict[str, object] = {"disabled": (f"!({enabled})",)} if enabled else {}
    if active:
        more["color"] = (f"{active} ? 'amber' : undefined",)
    return v3.VBtn(text, prepend_icon=icon, size="small", variant="tonal", click=action, id=name, **more)


def select(model: str, items: tuple[object, ...], label: str = "", **more: object) -> v3.VSelect:
    """A choice. model: the state's name; items: the state's name of what can be chosen, and what it begins with."""
    words = {"label": label} if label else {}
    return v3.VSelect(v_model=(model,), items=items, density="compact", hide_details=True, **words, **more)


def slider(model: str, label: str, low: float, high: float, step: float, name: str, **more: object) -> v3.VSlider:
    """A number between two. model: the state's name; name: the widget's id."""
    return v3.VSlider(
        v_model_number=(model,), label=label, min=low, max=high, step=step, density="compact", hide_details=True,
        thumb_label=True, id=name, **more,
    )  # fmt: skip
