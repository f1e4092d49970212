"""The page's device list: a server is asked about once, and then runs the models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evanyseg.remote.known import KnownServers
from web.browser import Reviewer
from web.test_panels import open_sections

pytest.importorskip("uvicorn")
from engine.served import TOKEN, Served, served


@pytest.fixture(scope="module")
def there() -> Iterator[Served]:
    with served(tokens=(TOKEN,)) as server:
        yield server


def choose_device(reviewer: Reviewer, title: str) -> None:
    reviewer.page.click(".v-input:has(#choose-device)")
    reviewer.page.click(f".v-overlay .v-list-item:has-text('{title}')")


def test_a_server_is_asked_about_and_then_runs_the_models(reviewer: Reviewer, there: Served) -> None:
    page = reviewer.page
    open_sections(reviewer, "settings", "segment")
    choose_device(reviewer, "Add a server...")
    page.wait_for_selector("#server-address")
    assert page.locator("#server-agree").is_disabled()
    page.fill("#server-address", there.address)
    page.wait_for_selector(f"#server-question:has-text('to {there.address}?')")
    assert page.locator("#server-token").get_attribute("type") == "password"
    page.fill("#server-token", TOKEN)
    assert KnownServers().all() == []
    assert len(there.service.sessions) == 0
    page.click("#server-agree")
    page.wait_for_selector(f".v-input:has(#choose-device):has-text('server {there.address}')")
    assert KnownServers().get(there.address).agreed
    reviewer.take("box")
    reviewer.drag("Red", 130, 90)
    page.wait_for_selector("#undo:not([disabled])", timeout=30_000)
    reviewer.wait_idle()
    assert len(there.service.sessions) == 1
    choose_device(reviewer, "Forget this server")
    page.wait_for_selector(".v-input:has(#choose-device):has-text('auto')")
    assert KnownServers().all() == []
    assert reviewer.errors == []
