"""What PythonQt refuses and PySide6 allows: refused for the module's own code; answers are given as PythonQt does.

Only callers in `CALLERS` are held to it: the stand-in itself, Qt's Python internals and Slicer's own scripts are not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import PySide6.QtCore  # noqa: F401  (finds the next one)
from shibokensupport.signature import get_signature

OURS = frozenset({"EvanySegSlicer", "EvanySegSlicerLib", "SegmentEditorEvanySegLib"})
CALLERS = set(OURS)
"""Top-level names of modules that are held to PythonQt's rules; modules that the host loads are added."""

USED: set[str] = set()
"""Names of Qt members that the module itself has read, called or set."""

PROPERTIES_THERE = ("sizeHint", "minimumSizeHint", "inputMethodHints")
"""Properties in PythonQt, functions here (Qt calls them as virtual functions)."""

LISTS = (list, tuple)
_NO_LISTS = (type({}.keys()), type({}.values()), type({}.items()), set, frozenset, range, map, filter, zip, np.ndarray)
_MODELS = ("setModel", "setSelectionModel", "setItemDelegate", "setValidator", "setCompleter")


def strict_caller(depth: int = 2) -> str:
    """Top-level name of the module of the function `depth` frames up, where it is one of `CALLERS`; else empty."""
    try:
        name = sys._getframe(depth).f_globals.get("__name__", "").split(".", 1)[0]
    except ValueError:  # Qt itself calls, no Python function above
        return ""
    return name if name in CALLERS else ""


def refuse_arguments(what: str, arguments: tuple, keywords: dict[str, Any], function: Any = None) -> None:
    """TypeError for arguments that PythonQt does not convert, or not into what is meant. `function`: of PySide6, for
    its signature."""
    if keywords:
        raise TypeError(f"{what}: PythonQt takes no keyword arguments, got {', '.join(keywords)}")
    for number, value in enumerate(arguments):
        if isinstance(value, np.generic) and not isinstance(value, (float, str)):
            raise TypeError(f"{what}: {value!r} is a numpy scalar, which PythonQt does not take for a number")
        if isinstance(value, (*_NO_LISTS, Iterator)):
            raise TypeError(f"{what}: {type(value).__name__} is neither a list nor a tuple")
        if isinstance(value, LISTS):
            refuse_arguments(f"{what}, in a list", tuple(value), {})
        elif value is None and _is_text(function, number, len(arguments)):
            raise TypeError(f"{what}: None for a text, which PythonQt shows as the word 'None'")


def _is_text(function: Any, number: int, count: int) -> bool:
    """Whether some overload that takes `count` arguments has a text there, and none of them takes None."""
    found = get_signature(function) if function is not None else None
    overloads = found if isinstance(found, list) else [found] if found is not None else []
    kinds = []
    for overload in overloads:
        names = [p for p in overload.parameters.values() if p.name != "self" and p.kind is not p.KEYWORD_ONLY]
        needed = sum(p.default is p.empty for p in names)
        if needed <= count <= len(names):
            kinds.append(names[number].annotation)
    return str in kinds and all(kind in (str, int, float, bool) for kind in kinds)


def answer(value: Any) -> Any:
    """A value as PythonQt hands it out: lists are tuples."""
    return tuple(value) if isinstance(value, list) else value


class Bound:
    """A method of a Qt object, called as PythonQt lets it be called."""

    inline = 0
    """How often an object is referred to that was made within the call."""

    def __init__(self, method: Callable[..., Any], owner: str, name: str) -> None:
        self._method, self._name = method, name
        self._what = f"{owner}.{name}"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if self._name in _MODELS and arguments:
            references = sys.getrefcount(arguments[0])
            if self._method is None:
                Bound.inline = references
                return None
            if references <= Bound.inline:
                raise TypeError(f"{self._what}: nobody in Python holds this object, PythonQt would delete it")
        refuse_arguments(self._what, arguments, keywords, self._method)
        return answer(self._method(*arguments))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)

    def __eq__(self, other: object) -> bool:
        return self._method == (other._method if isinstance(other, Bound) else other)

    def __hash__(self) -> int:
        return hash(self._method)


Bound(None, "", _MODELS[0])(object())  # type: ignore[arg-type]  # to count
