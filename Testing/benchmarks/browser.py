"""The page as somebody in front of it has it: from letting go of the mouse to the coloured frame in the browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .timing import Figure, figure

if TYPE_CHECKING:
    from web.browser import Reviewer

FIRST_MS, NEXT_MS, FRAMES, START_S, MEGABYTES = 600.0, 350.0, 8.0, 12.0, 1200.0
SLICES_ON = 4
"""Beyond the neighbours that are encoded meanwhile."""
BOXES = ((-0.16, 0.0), (0.16, 0.0))
"""Middle of the first and of the next box, in the view's widths from its middle; far enough apart that the next mask
cannot lie under the first one's colour."""
HALF = 45
"""Screen pixels: half a box's side."""
WHEEL_S, WHEEL_MS = 4.0, 60
"""How long the wheel is turned, and how often: more often than frames are wanted."""
PROBE = Path(__file__).with_name("browser_probe.js")
"""In the page: when the button was let go, when each frame of a view was there, and how many pixels of a rectangle
have other colours than before."""


def run(runs: int) -> list[Figure]:
    """The real server with the brain template, the real page in headless Chromium on the same machine."""
    from web.browser import chromium_path, open_browser

    path = chromium_path()
    assert path is not None
    with open_browser(path) as browser:
        starts = [_start(browser) for _ in range(max(1, min(3, runs)))]
        first, again, scrolled, memory = _session(browser, runs)
    note = f"{runs} drags"
    return [
        figure("page: start of the server -> first pictures in the browser", starts, "s", START_S),
        figure("page: first box on a slice, release -> coloured frame", first, target=FIRST_MS, note=note),
        figure("page: next box on that slice, release -> coloured frame", again, target=NEXT_MS, note=note),
        figure("page: scrolling with the wheel, frames of the view", scrolled, "/s", FRAMES, at_least=True),
        figure("page: peak memory of the server", [memory], "MB", MEGABYTES),
    ]


def _start(browser: Any) -> float:
    """Seconds from the process's start until all four views show their pictures; the browser runs already."""
    from web.browser import Reviewer
    from web.running import Server

    began = time.perf_counter()
    with Server() as server, Reviewer(browser, server):
        return time.perf_counter() - began


def _session(browser: Any, runs: int) -> tuple[list[float], list[float], list[float], float]:
    """Milliseconds of first and next boxes, frames a second of scrolling, and the server's peak memory in MB."""
    from web.browser import Reviewer
    from web.running import Server

    first, again, scrolled = [], [], []
    with Server() as server, Reviewer(browser, server) as reviewer:
        reviewer.page.evaluate(PROBE.read_text(encoding="utf-8"))
        _release(reviewer, BOXES[0])  # the models are loaded with the first box
        for _ in range(runs):
            _wheel(reviewer, SLICES_ON)
            first.append(_release(reviewer, BOXES[0]))
            again.append(_release(reviewer, BOXES[1]))
        for _ in range(max(1, runs // 2)):
            scrolled.append(_frames(reviewer))
        return first, again, scrolled, server.peak_megabytes()


def _release(reviewer: Reviewer, middle: tuple[float, float]) -> float:
    """Milliseconds by the browser's clock from the button's release until a frame with the new colours is decoded."""
    place = reviewer.place("Red")
    x, y = (
        place[at] + place[side] * (0.5 + part) for at, side, part in zip("xy", ("width", "height"), middle, strict=True)
    )
    reviewer.still()
    inner = [x - place["x"], y - place["y"], HALF - 8]  # without the yellow line
    reviewer.page.evaluate("([x, y, half]) => evanysegProbe.watch(0, x, y, half)", inner)
    mouse = reviewer.page.mouse
    mouse.move(x - HALF, y - HALF)
    mouse.down()
    mouse.move(x, y, steps=4)
    mouse.move(x + HALF, y + HALF, steps=4)
    reviewer.page.wait_for_timeout(300)  # people let go when the box is right
    mouse.up()
    reviewer.page.wait_for_function("evanysegProbe.colored > 0", timeout=30_000)
    found = float(reviewer.page.evaluate("evanysegProbe.colored - evanysegProbe.released"))
    reviewer.wait_idle()
    return found


def _wheel(reviewer: Reviewer, slices: int) -> None:
    place = reviewer.place("Red")
    reviewer.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    for _ in range(slices):
        reviewer.page.mouse.wheel(0, 100)
        reviewer.page.wait_for_timeout(150)


def _frames(reviewer: Reviewer) -> float:
    """Different pictures of the view a second while the wheel is turned there and back."""
    place = reviewer.place("Red")
    reviewer.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    reviewer.page.evaluate("evanysegProbe.count(0)")
    began, turned = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < WHEEL_S:
        reviewer.page.mouse.wheel(0, 100 if now < WHEEL_S / 2 else -100)
        turned += 1
        reviewer.page.wait_for_timeout(max(0.0, turned * WHEEL_MS - 1000 * (time.perf_counter() - began)))
    return float(reviewer.page.evaluate("evanysegProbe.frames")) / (time.perf_counter() - began)
