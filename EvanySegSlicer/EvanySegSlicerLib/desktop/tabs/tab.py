"""What the parts of the panel have in common: connections that are undone, and the scene's coming and going."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import qt

    from ..setup.parameters import PanelParameters

CLICKED = "clicked(bool)"
CHOSEN = "currentIndexChanged(int)"

Slot = Callable[..., object]


class Tab:
    """Widgets on one side, presenters on the other. Subclasses override what concerns them."""

    def __init__(self) -> None:
        self._connections: list[tuple[qt.QObject, str, Slot]] = []

    def listen(self, widget: qt.QObject, signal: str, slot: Slot) -> None:
        """Until `close`."""
        widget.connect(signal, slot)
        self._connections.append((widget, signal, slot))

    def on_click(self, button: qt.QAbstractButton, action: Callable[[], None]) -> None:
        """`action()` when the button is clicked."""
        self.listen(button, CLICKED, lambda checked=False: action())

    def bind(self, parameters: PanelParameters) -> None:
        """Show what the scene's session says."""

    def leave(self) -> None:
        """The scene goes: hold nothing of it."""

    def refresh(self) -> None:
        """Rows or masks changed."""

    def close(self) -> None:
        """The widget is about to go."""
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)
        self._connections = []
