"""Fixtures of the desktop tests: a fresh stand-in for each test; an exception in a Qt slot fails the test."""

from __future__ import annotations

import importlib.util
import sys
import traceback

import pytest

MISSING = [name for name in ("PySide6", "slicer") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if MISSING else []


@pytest.fixture(autouse=True)
def slot_errors():
    """PySide6 prints exceptions of slots and goes on: collect them, fail at the end.

    A test that expects one takes the list and empties it.
    """
    errors: list[str] = []
    before = sys.excepthook
    sys.excepthook = lambda *error: errors.append("".join(traceback.format_exception(*error)))
    yield errors
    sys.excepthook = before
    assert not errors, "exceptions in slots:\n" + "\n".join(errors)


@pytest.fixture
def host():
    from desktop import api_list
    from desktop.slicer_standin import strict
    from desktop.slicer_standin.host import Host

    with Host() as running:
        yield running
    unlisted = {f".{name}" for name in strict.USED} - api_list.listed_members()
    strict.USED.clear()
    assert not unlisted, f"names of Qt that the module used and API.md does not list: {sorted(unlisted)}"


@pytest.fixture(params=["free", "hold_gil"])
def driver(request):
    """Hands on the mouse, once in a free event loop and once in one that keeps the GIL as desktop Slicer does."""
    from desktop.slicer_standin.driver import HELD_EXEC, Driver

    if request.param == "hold_gil" and HELD_EXEC is None:
        pytest.skip("the GIL-holding loop needs Linux")
    return Driver(hold_gil=request.param == "hold_gil")


@pytest.fixture
def hands():
    """Hands on the mouse in a free event loop, where the mode does not matter."""
    from desktop.slicer_standin.driver import Driver

    return Driver()
