"""How the views are drawn, so that two processor cores without a GPU are enough."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from trame_slicer.rca_view import register_rca_factories
from trame_slicer.views import ScheduledRenderStrategy

from .gutter import slice_gutter, view_gutter

if TYPE_CHECKING:
    from trame_server import Server
    from trame_slicer.core import ViewManager

SHARP, LIGHT = 90, 50
"""JPEG qualities of frames. On this computer every frame is sharp at once, which saves drawing it a second time; over a
network frames are light while something moves, and sharpened afterwards."""
FRAMES, FRAMES_BESIDE = 30.0, 10.0
"""The most frames a second of the view under the pointer, and of the others."""
BESIDE_S = 0.03
"""How much later views are drawn that the pointer is not on: one change often concerns all of them, and the one that is
looked at goes first."""


def register_views(manager: ViewManager, server: Server, local: bool) -> None:
    """Before views are made. local: the browser runs on this computer."""
    quality = SHARP if local else LIGHT
    register_rca_factories(
        manager, server, slice_gutter, view_gutter,
        target_fps=FRAMES, blur_fps=FRAMES_BESIDE, interactive_quality=quality,
    )  # fmt: skip


def draw_quickly(manager: ViewManager) -> None:
    """Once views are made: no multisampling, with which the software renderer takes ten times as long (60 ms for a
    slice instead of 5), and the view under the pointer first."""
    for view in manager.get_views():
        view.render_window().SetMultiSamples(0)
        view.set_scheduled_render(_LookedAtFirst(view._scheduled_render))
    for view in manager.get_threed_views():
        view.first_renderer().UseFXAAOn()  # edges of surfaces


class _LookedAtFirst(ScheduledRenderStrategy):
    """trame-slicer's own strategy, at once for the view under the pointer and a little later for the others."""

    def __init__(self, own: ScheduledRenderStrategy) -> None:
        super().__init__()
        self._own = own
        self._waiting: asyncio.TimerHandle | None = None

    def schedule_render(self) -> None:
        if self._waiting is not None:
            return
        if self._own._scheduler.target_fps >= FRAMES:
            self._own.schedule_render()
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # the server does not run yet
            self._own.schedule_render()
            return
        self._waiting = loop.call_later(BESIDE_S, self._now)

    def _now(self) -> None:
        self._waiting = None
        self._own.schedule_render()
