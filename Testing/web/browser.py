"""A reviewer in front of the page: moves the mouse, presses keys, reads what is shown."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from web.running import Server

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--no-first-run", "--disable-domain-reliability",
    "--disable-client-side-phishing-detection", "--metrics-recording-only",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
)  # fmt: skip
SIZE = {"width": 1366, "height": 768}
PATIENCE_MS = 180_000
"""A machine may be busy with other things: a test fails because something does not happen, not because it is late."""
VIEWS = ("Red", "ThreeD", "Green", "Yellow")
"""In the order in which the page shows them."""


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def open_browser(path: str) -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(QUIET))
        yield browser
        browser.close()


def unlike(one: np.ndarray, other: np.ndarray) -> int:
    """How many pixels differ by more than compression does."""
    return int((np.abs(one.astype(int) - other).max(axis=2) > 24).sum())


class Reviewer:
    """One browser context with one page of the server. `errors`: what the page's scripts threw."""

    def __init__(self, browser, server: Server) -> None:
        self.browser, self.server = browser, server
        self.errors: list[str] = []
        self.outside: list[str] = []

    def __enter__(self) -> Reviewer:
        self.context = self.browser.new_context(viewport=SIZE, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._on_request)
        self.open()
        return self

    def __exit__(self, *what: object) -> None:
        self.context.close()

    def open(self) -> None:
        self._go()
        self._wait_for_views()

    def reload(self) -> None:
        """As with F5: the door lets the page in again by itself."""
        self.page.reload(wait_until="commit")
        self.page.wait_for_selector("#said", state="detached")
        self._wait_for_views()

    def _wait_for_views(self) -> None:
        self.page.wait_for_selector("#volume-name:not(:has-text('No volume'))", timeout=PATIENCE_MS)
        self.wait_idle()
        self.page.wait_for_function(
            "[...document.querySelectorAll('main img')].filter(i => i.naturalWidth > 50).length >= 4",
            timeout=PATIENCE_MS,
        )

    def _go(self) -> None:
        """After a reload the page may still be on its own way from the door to the session: then once more."""
        from playwright.sync_api import Error

        for last in (False, False, True):
            try:
                self.page.goto(self.server.address)
                return
            except Error as error:
                if last or "interrupted by another navigation" not in str(error):
                    raise
                self.page.wait_for_load_state()

    def _on_request(self, request) -> None:
        if not request.url.startswith((self.server.origin, "data:", "blob:", "ws://127.0.0.1")):
            self.outside.append(request.url)

    # ---- reading ----------------------------------------------------------------------------------------------

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def rows(self) -> list[list[str]]:
        """The table's cells, as far as they are on the screen."""
        return self.page.eval_on_selector_all(
            "#table [data-key]", "rows => rows.map(r => [...r.children].map(c => c.innerText))"
        )

    def wait_idle(self) -> None:
        self.page.wait_for_selector("#busy", state="detached", timeout=PATIENCE_MS)

    def wait_rows(self, count: int) -> None:
        self.page.wait_for_function(
            "n => document.querySelectorAll('#table [data-key]').length === n", arg=count, timeout=PATIENCE_MS
        )

    def place(self, view: str) -> dict[str, float]:
        """x, y, width, height of a view on the screen."""
        return self.page.locator("main img").nth(VIEWS.index(view)).bounding_box()

    def picture(self, view: str = "Red") -> np.ndarray:
        """What a view shows: uint8 RGB [H, W, 3]."""
        from PIL import Image

        found = Image.open(io.BytesIO(self.page.screenshot(clip=self.place(view)))).convert("RGB")
        return np.asarray(found)

    def still(self, view: str = "Red") -> np.ndarray:
        """The picture once it no longer changes (frames are sharpened a moment after the last change)."""
        last = self.picture(view)
        for _ in range(40):
            self.page.wait_for_timeout(250)
            now = self.picture(view)
            if np.array_equal(now, last):
                return now
            last = now
        raise AssertionError(f"{view} never came to rest")

    def changed(self, before: np.ndarray, view: str = "Red", pixels: int = 50) -> np.ndarray:
        """The picture at rest, once more than so many pixels are others than `before`."""
        for _ in range(80):
            if unlike(self.picture(view), before) > pixels:
                return self.still(view)
            self.page.wait_for_timeout(250)
        raise AssertionError(f"{view} stayed as it was")

    def back(self, before: np.ndarray, view: str = "Red") -> None:
        """Waits until a view shows what it showed before: on a busy machine frames are sharpened late."""
        for _ in range(60):
            if unlike(self.picture(view), before) < 20:
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(f"{view} shows something else than before")

    def count_frames(self) -> None:
        """Begin to count the axial view's frames: `frames()`."""
        self.page.evaluate(
            "() => { window.framesSeen = 0; document.querySelector('main img')"
            ".addEventListener('load', () => { window.framesSeen += 1; }); }"
        )

    def frames(self) -> int:
        return int(self.page.evaluate("window.framesSeen"))

    def wheel(self, by: int = 100) -> None:
        """One turn over the axial view."""
        place = self.place("Red")
        self.page.mouse.move(place["x"] + 100, place["y"] + 100)
        self.page.mouse.wheel(0, by)
        self.page.wait_for_timeout(80)

    # ---- acting -----------------------------------------------------------------------------------------------

    def drag(self, view: str, half_width: float, half_height: float | None = None) -> None:
        """A box around the view's middle, half sides in screen pixels, with the left button."""
        box = self.place(view)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        half_height = half_width if half_height is None else half_height
        mouse = self.page.mouse
        mouse.move(x - half_width, y - half_height)
        mouse.down()
        mouse.move(x, y, steps=3)
        mouse.move(x + half_width, y + half_height, steps=3)
        mouse.up()

    def click_in(self, view: str, dx: float = 0, dy: float = 0) -> None:
        """With the left button, in screen pixels from the view's middle."""
        box = self.place(view)
        self.page.mouse.click(box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def take(self, tool: str) -> None:
        """box, positive, negative, paint or erase, unless it is taken up already."""
        taken = f"#tool-{tool}.bg-amber"
        if not self.page.locator(taken).count():
            self.page.click(f"#tool-{tool}")
        self.page.wait_for_selector(taken, state="attached")

    def export(self, kind: str, folder: Path) -> Path:
        with self.page.expect_download(timeout=PATIENCE_MS) as waiting:
            self.page.click(f"#export-{kind}")
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def stroke(self, view: str, *points: tuple[float, float]) -> None:
        """With the left button through points, in screen pixels from the view's middle."""
        box = self.place(view)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(x + points[0][0], y + points[0][1])
        mouse.down()
        for dx, dy in points:
            mouse.move(x + dx, y + dy, steps=4)
        mouse.up()

    def wait_for_row(self, words: str) -> None:
        """Until the first row says so."""
        self.page.wait_for_function(
            "w => document.querySelector('#table [data-key]')?.innerText.includes(w)", arg=words, timeout=PATIENCE_MS
        )
