"""From letting go of the mouse to the coloured slice, in the stand-in for desktop Slicer."""

from __future__ import annotations

import time
from collections.abc import Callable

from .timing import Figure, figure


def run(runs: int) -> list[Figure]:
    """Real drags on a slice view of the brain template, with the built-in models and the panel's own event loop."""
    from desktop.make_pictures import brain
    from desktop.slicer_standin.driver import Driver
    from desktop.slicer_standin.host import Host
    from desktop.user import User
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    with Host() as host:
        user = User(host, Driver(), ModelStore.of_engine(), brain(host.scene))
        user.draw()  # the models are loaded with the first box
        fresh, again = [], []
        for _ in range(runs):
            user.scroll("Red", 4)  # beyond the neighbours that were encoded meanwhile
            user.wait()
            fresh.append(_release(user, 26.0))
            user.wait()
            again.append(_release(user, 24.0))
            user.wait()
    note = f"{runs} drags"
    return [
        figure("desktop: first box on a slice, release -> coloured", fresh, target=200, note=note),
        figure("desktop: next box on that slice, release -> coloured", again, target=120, note=note),
    ]


def _release(user: object, half: float) -> float:
    """Milliseconds from the release of a drag until its view has been drawn with the new rows' colors. The other views
    are drawn after it."""
    from desktop.user import User

    assert isinstance(user, User)
    state: Callable[[], list[tuple]] = lambda: sorted((*r.key, r.content_hash) for r in user.rows)
    before = state()
    view, corners = user.host.view("Red"), user.corners("Red", half)
    user.driver.drag(view, *corners, release=False)
    began = time.perf_counter()
    user.driver.release(view, corners[1])
    user.driver.wait_until(
        lambda: not user.panel.controller.busy and state() != before and not view.outdated, 60, "the mask"
    )
    return 1000 * (view.drawn_at - began)
