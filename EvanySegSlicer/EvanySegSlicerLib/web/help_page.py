"""What keys and mouse do, and what the colours mean: opened with ? or the button."""

from __future__ import annotations

from trame.widgets import html
from trame.widgets import vuetify3 as v3

SHORTCUTS = (
    ("D", "Box tool on and off"),
    ("P / E", "paint / erase on and off"),
    ("S, then + / -", "suggest next click; the ring is inside / outside"),
    ("Ctrl+Z / Ctrl+Y", "undo / redo boxes, points, strokes"),
    ("Ctrl+S", "save the scene that was named at start"),
    ("N / Shift+N", "next worst slice / previous"),
    ("A / X", "accept / flag the current slice"),
    ("M", "comment"),
    ("Esc", "drop the box, leave the tool"),
    ("Wheel", "scroll slices"),
    ("Shift + drag / right drag", "pan / zoom"),
    ("Shift + wheel", "brush size, while painting"),
    ("Ctrl + drag", "blend quality colours"),
    ("?", "this page"),
)
NOTICE = "Research software, not for clinical use."


def help_page() -> None:
    """A dialog, shown while the state's `help` is true."""
    with v3.VDialog(v_model=("help",), max_width=520), v3.VCard(title="Keys and mouse", id="help-page"):
        with v3.VTable(density="compact"), html.Tbody():
            for keys, what in SHORTCUTS:
                with html.Tr():
                    html.Td(keys)
                    html.Td(what)
        v3.VCardText(
            "A box on a slice segments and scores it; the colour says how good the mask is believed to be: "
            "blue good, yellow check, orange poor. Review starts with the slices where most area is "
            "expected to be wrong. " + NOTICE
        )
