"""Slow tests run on request only (`pytest --run-slow`); no test leaves the working directory changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run tests marked slow (full-size networks)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow"):
        return
    skip = pytest.mark.skip(reason="full-size networks: run with --run-slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _working_directory(request: pytest.FixtureRequest) -> Iterator[None]:
    """VTK's archive code changes into folders that are removed later: processes started afterwards would fail."""
    home = request.config.invocation_params.dir
    yield
    if not Path(home).samefile(_here()):
        os.chdir(home)


@pytest.fixture(autouse=True, scope="session")
def _references(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the corrected slices of whoever runs it, or the servers that he knows."""
    before = {name: os.environ.get(name) for name in ("EVANYSEG_REFERENCES", "EVANYSEG_SETTINGS")}
    for name in before:
        os.environ[name] = str(tmp_path_factory.mktemp(name.lower()))
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(os.sep)
