"""Files chosen by the user."""

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


def _path(answer: str | tuple[str, ...]) -> Path | None:
    """PySide and newer PythonQt answer (path, filter)."""
    text = answer[0] if isinstance(answer, tuple) else answer
    return Path(text) if text else None
