"""The module's keys: active only while the module is shown and no text field has the focus.

No key of slice views or of the Segment Editor is used: b f, shift+move, space, esc, 0-9, q w z y i (see `TAKEN`).
"""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer

KEYS = {
    "draw": "D",
    "suggest": "S",
    "inside": "+",
    "outside": "-",
    "next": "N",
    "previous": "Shift+N",
    "accept": "A",
    "flag": "X",
    "comment": "M",
}
TAKEN = ("B", "F", "Q", "W", "Z", "Y", "I", "Space", "Esc", *"0123456789")
"""Used by Slicer's slice views and Segment Editor while they have the focus."""

TEXT_FIELDS = ("QLineEdit", "QTextEdit", "QPlainTextEdit", "QSpinBox", "QDoubleSpinBox", "ctkDoubleSpinBox")


class Shortcuts:
    """QShortcuts on the main window, made on enter and taken away on exit."""

    def __init__(self, actions: dict[str, Callable[[], None]]) -> None:
        """actions: a function for each name of `KEYS`."""
        self._actions = actions
        self._made: list[tuple[qt.QShortcut, Callable[[], None]]] = []

    def install(self) -> None:
        window = slicer.util.mainWindow()
        if window is None or self._made:
            return
        for name, key in KEYS.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            action = self._actions[name]
            shortcut.connect("activated()", action)
            self._made.append((shortcut, action))
        slicer.app.connect("focusObjectChanged(QObject*)", self._on_focus)

    def uninstall(self) -> None:
        if not self._made:
            return
        slicer.app.disconnect("focusObjectChanged(QObject*)", self._on_focus)
        for shortcut, action in self._made:
            shortcut.disconnect("activated()", action)
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._made = []

    def _on_focus(self, focused: qt.QObject | None) -> None:
        """Letters belong to a text field while somebody types there."""
        typing = focused is not None and focused.className() in TEXT_FIELDS
        for shortcut, _action in self._made:
            shortcut.setEnabled(not typing)
