"""The real server as a process, the real page in Debian's Chromium, real pointer events."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.browser import Reviewer, chromium_path, open_browser
from web.running import Server, write_phantom

MISSING = [name for name in ("trame_slicer", "playwright", "slicer") if importlib.util.find_spec(name) is None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    reason = f"needs {', '.join(MISSING)}: pip install 'evanyseg-slicer[test]'" if MISSING else ""
    for item in items:
        if here in item.path.parents and reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bright ball of radius 14 in a dark 64 x 64 x 40 volume of 1 mm voxels, with noise."""
    return write_phantom(tmp_path_factory.mktemp("phantom") / "ball.nii.gz")


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with open_browser(path) as found:
        yield found


@pytest.fixture(scope="module")
def server(phantom: Path) -> Iterator[Server]:
    with Server("--volume", phantom) as running:
        yield running


@pytest.fixture
def reviewer(server: Server, browser) -> Iterator[Reviewer]:
    """Somebody in front of the module's page."""
    with Reviewer(browser, server) as found:
        yield found
