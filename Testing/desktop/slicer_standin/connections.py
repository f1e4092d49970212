"""Who is connected to what. PythonQt keeps the object of a connected method alive until it is disconnected or the
sender is destroyed; PySide6 does not, so the register does, and knows what was left behind."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import shiboken6

from .strict import CALLERS

_LEFT: dict[int, tuple[str, list[tuple[str, Callable[..., Any]]]]] = {}
"""C++ address of the sender -> (its class and name, its (signal, slot))."""


def remember(sender: Any, signature: str, slot: Callable[..., Any]) -> None:
    """Keep the slot, and with it its object."""
    address = shiboken6.getCppPointer(sender)[0]
    if address not in _LEFT:
        name = sender.objectName
        _LEFT[address] = (f"{type(sender).__name__} {name() if callable(name) else name}".strip(), [])
        sender.destroyed.connect(lambda: _LEFT.pop(address, None))
    _LEFT[address][1].append((signature, slot))


def forget(sender: Any, signature: str, slot: Callable[..., Any]) -> None:
    kept = _LEFT.get(shiboken6.getCppPointer(sender)[0])
    if kept is not None and (signature, slot) in kept[1]:
        kept[1].remove((signature, slot))


def left() -> list[str]:
    """'QTimer: timeout() -> Panel._on_timer' for every slot of the module that is still connected and keeps an object
    (a method, or a function that holds variables)."""
    found = []
    for sender, slots in _LEFT.values():
        for signature, slot in slots:
            module = getattr(slot, "__module__", "") or ""
            plain = isinstance(slot, FunctionType) and slot.__closure__ is None
            if module.split(".", 1)[0] in CALLERS and not plain:
                found.append(f"{sender}: {signature} -> {getattr(slot, '__qualname__', slot)}")
    return found


def clear() -> None:
    """A new application begins."""
    _LEFT.clear()
