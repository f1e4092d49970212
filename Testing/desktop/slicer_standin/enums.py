"""Qt's enums as PythonQt gives them: equal to their numbers; and `qt.Qt` without what PythonQt does not have there."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

from PySide6 import QtCore

from .strict import strict_caller

NOT_THERE = ("SHIFT", "CTRL", "ALT", "META", "UNICODE_ACCEL")
"""Words of `Qt::Modifier`, which newer Qt adds up otherwise; use `qt.QKeySequence('Shift+N')`."""


def _equal(self: enum.Enum, other: object) -> Any:
    if isinstance(other, int) and not isinstance(other, enum.Enum):
        return self.value == other
    return self is other


def _number(self: enum.Enum) -> int:
    return int(self.value)


def adapt_enums(classes: Iterable[type]) -> None:
    """The enums of these classes."""
    for cls in classes:
        for value in vars(cls).values():
            if isinstance(value, type) and issubclass(value, enum.Enum):
                value.__eq__ = _equal
                value.__int__ = value.__index__ = _number
                value.__bool__ = truth_of_enum


def truth_of_enum(self: enum.Enum) -> bool:
    if strict_caller():
        raise TypeError(f"truth of {self}: in PythonQt enums are numbers, those of value 0 are false; compare it")
    return bool(self.value) if isinstance(self, enum.Flag) else True


class QtNamespace:
    """`qt.Qt`."""

    def __getattr__(self, name: str) -> Any:
        if name in NOT_THERE:
            raise AttributeError(f"PythonQt's Qt has no attribute '{name}'")
        return getattr(QtCore.Qt, name)
