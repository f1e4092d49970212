"""The user's main steps with the built-in models; skipped until their weights are there."""

from __future__ import annotations

import time

import pytest

from desktop import module
from desktop.user import User

pytestmark = pytest.mark.skipif(
    not all((module.WEIGHTS / f"{name}.safetensors").exists() for name in ("segmenter", "estimator")),
    reason="the built-in weights are not there yet",
)


def built_in():
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    return ModelStore.of_engine()


def test_box_propagation_and_error_map_with_the_built_in_models(host, driver, record_property):
    user = User(host, driver, built_in())
    user.draw(half=26, seconds=150)  # the first one imports torch
    assert len(user.rows) == 1, user.status()
    row = user.rows[0]
    assert row.estimator
    assert 0 <= row.low <= row.dice <= row.high <= 1
    overlap = user.mask()[30:66, 30:66].mean()
    assert overlap > 0.6, "the ball is bright and round: the mask must cover most of its middle"
    user.scroll("Red", 1)
    driver.longest_block_s = 0.0
    start = time.perf_counter()
    user.draw(half=26)
    record_property("release_to_coloured_s", round(time.perf_counter() - start, 3))
    record_property("longest_block_cpu_s", round(driver.longest_block_s, 4))
    assert len(user.rows) == 2
    user.click("errorMapCheckBox")
    user.wait("the error map")
    assert "Magenta" in user.status()


def test_cancel_inside_the_built_in_network(host, hands):
    user = User(host, hands, built_in())
    user.draw(half=26, seconds=150)
    before = len(user.rows)
    user.click("propagateBothButton")
    hands.run_for(0.05)
    if user.panel.controller.busy:
        user.click("cancelButton")
        user.wait("cancel")
        assert len(user.rows) == before
