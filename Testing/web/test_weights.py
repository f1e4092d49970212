"""Weights fetched from the page: asked for first, from a server on the loopback; boxes are drawn meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.weight_server import CONTENT, WeightServer
from web.browser import Reviewer
from web.running import Server

HALF = 125


@pytest.fixture(scope="module")
def mirror() -> Iterator[WeightServer]:
    with WeightServer(CONTENT) as running:
        yield running


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache") / "weights"


@pytest.fixture(scope="module")
def server(phantom: Path, mirror: WeightServer, cache: Path) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVANYSEG_CACHE", str(cache))
        patch.setenv("EVANYSEG_MIRROR", mirror.url)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        with Server("--volume", phantom, module="web.more_models") as running:
            yield running


def ask(reviewer: Reviewer) -> None:
    """The question about the double's weights is on the screen."""
    title = reviewer.page.locator("#section-settings > button")
    if title.get_attribute("aria-expanded") != "true":
        title.click()
    reviewer.page.click("#section-settings .v-field:has(#absent-weights)")
    reviewer.page.click(".v-overlay .v-list-item:has-text('Fetched (a double)')")
    reviewer.page.click("#ask-weights")
    reviewer.page.wait_for_selector("#weights-question")


def test_nothing_is_fetched_before_it_is_agreed_to(reviewer: Reviewer, mirror: WeightServer, cache: Path) -> None:
    ask(reviewer)
    asked = reviewer.text("#weights-question")
    for word in ("fetched.bin", "1 MB", mirror.url, str(cache), "Apache License 2.0", "nobody"):
        assert word in asked
    reviewer.page.click("#weights-no")
    reviewer.page.wait_for_selector("#weights-question", state="hidden")
    assert not mirror.does.requests
    assert not cache.exists()


def test_a_server_that_refuses_is_named_and_the_session_goes_on(
    reviewer: Reviewer, mirror: WeightServer, cache: Path
) -> None:
    mirror.does.faults[:] = [404]
    ask(reviewer)
    reviewer.page.click("#weights-agree")
    reviewer.page.wait_for_selector("#status:has-text('the server answered 404')")
    assert not (cache / "fetched.bin").exists()
    mirror.does.faults.clear()


def test_a_download_is_stopped_and_goes_on_while_boxes_are_drawn(
    reviewer: Reviewer, mirror: WeightServer, cache: Path
) -> None:
    mirror.does.delay = 0.7  # eleven pieces
    ask(reviewer)
    reviewer.page.click("#weights-agree")
    reviewer.page.wait_for_selector("#fetching")
    reviewer.page.wait_for_selector(".v-overlay__scrim", state="hidden")  # the question fades out over the views
    reviewer.drag("Red", HALF)
    reviewer.wait_rows(1)
    assert reviewer.page.locator("#fetching").count() == 1, "the box did not wait for it"
    reviewer.page.wait_for_function(
        "parseFloat(document.querySelector('#fetching [role=progressbar]').getAttribute('aria-valuenow')) > 20",
    )
    reviewer.page.click("#stop-fetching")
    reviewer.page.wait_for_selector("#status:has-text('was stopped; what arrived is kept')")
    assert (cache / "fetched.bin.part").stat().st_size > 0

    mirror.does.delay = 0.0
    ask(reviewer)
    reviewer.page.click("#weights-agree")
    reviewer.page.wait_for_selector("#status:has-text('Fetched (a double) is ready to use')")
    assert "range" in mirror.does.requests[-1][1], "the rest only"
    assert (cache / "fetched.bin").read_bytes() == CONTENT

    reviewer.page.click("#section-settings .v-field:has(#choose-segmenter)")
    reviewer.page.click(".v-overlay .v-list-item:has-text('Fetched (a double)')")
    reviewer.page.wait_for_function("document.getElementById('model-note').innerText.includes('A double')")
    reviewer.wait_idle()
    assert not reviewer.errors
    assert not reviewer.outside
