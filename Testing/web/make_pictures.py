"""Makes docs/web.md's pictures again: the page on the brain template that nilearn ships, with the built-in models.

    python Testing/web/make_pictures.py [FOLDER]        default: docs/pictures

Every picture is the whole page (1366 x 768) in headless Chromium, after real clicks and drags.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "EvanySegSlicer"), str(ROOT / "Testing")]

from web.browser import Reviewer, chromium_path, open_browser  # noqa: E402
from web.running import Server  # noqa: E402

QUALITY = 82
BRAIN = (-228, -285, 228, 268)
"""Screen pixels from the axial view's middle: left, top, right, bottom of the brain."""
SLICES = (14, -28, 7)
"""Turns of the wheel between the boxes."""


def shot(reviewer: Reviewer, path: Path) -> None:
    from PIL import Image

    for view in ("Red", "ThreeD"):
        reviewer.still(view)
    reviewer.page.mouse.move(700, 752)  # over the status line: no tooltip
    reviewer.page.wait_for_timeout(600)
    picture = Image.open(io.BytesIO(reviewer.page.screenshot())).convert("RGB")
    picture.save(path, "WEBP", quality=QUALITY, method=6)  # a sixth of a PNG's size: a clone has little room
    print(path)


def box(reviewer: Reviewer, left: float, top: float, right: float, bottom: float) -> None:
    """On the axial view, in screen pixels from its middle."""
    place = reviewer.place("Red")
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    mouse = reviewer.page.mouse
    mouse.move(x + left, y + top)
    mouse.down()
    mouse.move(x, y, steps=3)
    mouse.move(x + right, y + bottom, steps=3)
    mouse.up()
    reviewer.page.wait_for_timeout(400)
    reviewer.wait_idle()


def rename(reviewer: Reviewer, name: str) -> None:
    reviewer.page.click("#rename")
    reviewer.page.fill("#segment-name", name)
    reviewer.press("Enter")
    reviewer.page.wait_for_selector("#segment-name", state="detached")


def make(folder: Path) -> None:
    path = chromium_path()
    if path is None:
        raise SystemExit("There is no Chromium here; on Debian: apt-get install chromium.")
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser(path) as browser, Server() as server, Reviewer(browser, server) as reviewer:
        box(reviewer, *BRAIN)
        rename(reviewer, "Brain")
        reviewer.page.wait_for_selector("#table [data-key]:has-text('Brain')")
        reviewer.page.click("#add-segment")
        reviewer.page.wait_for_timeout(300)
        box(reviewer, -75, -110, 78, 72)
        rename(reviewer, "Ventricles")
        shot(reviewer, folder / "web-1-scored.webp")

        reviewer.page.fill("input[type=number] >> nth=0", "0.3")
        reviewer.page.click("#propagate-both")
        reviewer.page.wait_for_selector("#status:has-text('propagated')", timeout=300_000)
        reviewer.wait_idle()
        reviewer.press("n")
        reviewer.page.wait_for_selector("#accept:not([disabled])")
        reviewer.press("x")
        reviewer.page.wait_for_selector("#table [data-key]:has-text('flagged')")
        reviewer.press("n")
        reviewer.page.wait_for_selector("#result:has-text('axial 97')")
        reviewer.page.click("#show-bands")
        reviewer.page.wait_for_selector("#show-bands.bg-amber")
        shot(reviewer, folder / "web-2-review.webp")
        reviewer.page.click("#show-bands")

        reviewer.page.click("#show-map")
        reviewer.page.wait_for_selector("#status:has-text('Magenta')", timeout=60_000)
        shot(reviewer, folder / "web-3-error-map.webp")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
