"""Files and words of the user."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer


def save_path(title: str, name: str) -> Path | None:
    """Where to save; None when the user changed his mind."""
    return _path(qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, name))


def open_path(title: str) -> Path | None:
    """What to open; None when the user changed his mind."""
    return _path(qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, ""))


def folder_path(title: str) -> Path | None:
    """A folder to write into; None when the user changed his mind."""
    return _path(qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title))


def ask_text(title: str, label: str, secret: bool = False) -> str | None:
    """A line of text, hidden while it is typed if `secret`; None when the user changed his mind (PySide tells that from
    an empty line; PythonQt, which answers with the text alone, does not: ask before anything is done with it)."""
    echo = qt.QLineEdit.Password if secret else qt.QLineEdit.Normal
    answer = qt.QInputDialog.getText(slicer.util.mainWindow(), title, label, echo, "")
    if isinstance(answer, tuple):
        return answer[0] if answer[1] else None
    return answer


def _path(answer: str | tuple[str, ...]) -> Path | None:
    """PySide and newer PythonQt answer (path, filter)."""
    text = answer[0] if isinstance(answer, tuple) else answer
    return Path(text) if text else None
