"""What the views show: error map, 3D, bands, points; and propagation, which can be watched and stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from EvanySegSlicerLib.scene.overlay.error_map import FALSE_NEGATIVE_COLOR, FALSE_POSITIVE_COLOR
from web.browser import Reviewer
from web.running import Server, write_pillar

HALF = 125
"""Screen pixels: a box a little larger than the pillar in the axial view."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server("--volume", write_pillar(tmp_path_factory.mktemp("pillar") / "pillar.nii.gz")) as running:
        yield running


@pytest.fixture
def scored(reviewer: Reviewer) -> Reviewer:
    """With a scored slice, unless an earlier test drew it: the server is shared by this module."""
    if not reviewer.rows():
        reviewer.drag("Red", HALF)
        reviewer.wait_rows(1)
    reviewer.wait_idle()
    return reviewer


def near(picture: np.ndarray, color: tuple[float, float, float], how: float = 90) -> int:
    """How many pixels have about the colour's hue: what lies below shines through."""
    wanted = 255 * np.array(color)
    return int((np.abs(picture.astype(float) - wanted).sum(axis=2) < how).sum())


def test_3d_shows_where_the_volume_lies(reviewer: Reviewer) -> None:
    picture = reviewer.still("ThreeD").astype(float)
    ground = np.median(picture.reshape(-1, 3), axis=0)
    assert (np.abs(picture - ground).max(axis=2) > 40).sum() > 200, "its outline"


def test_the_error_map_names_its_colors_and_goes_with_one_click(scored: Reviewer) -> None:
    before = scored.still()
    scored.page.click("#show-map")
    scored.page.wait_for_selector("#map-legend")
    scored.page.wait_for_function("document.getElementById('status').innerText.includes('Magenta')")
    shown = scored.still()
    legend = scored.text("#map-legend")
    assert "magenta" in legend
    assert "cyan" in legend
    added = [near(shown, c) - near(before, c) for c in (FALSE_POSITIVE_COLOR, FALSE_NEGATIVE_COLOR)]
    assert max(added) > 60, "beside the legend's squares the map itself"
    scored.page.click("#show-map")
    scored.page.wait_for_selector("#map-legend", state="detached")
    scored.back(before)


def test_points_add_and_take_away(scored: Reviewer) -> None:
    first = scored.still()
    scored.take("negative")
    scored.click_in("Red", 60, 60)
    second = scored.changed(first)
    scored.wait_idle()
    scored.take("positive")
    scored.click_in("Red", 60, 60)
    scored.changed(second)
    scored.wait_idle()
    for _ in range(2):
        scored.press("Control+z")
    scored.page.wait_for_selector("#redo:not([disabled])")
    scored.take("box")


def test_propagation_tells_how_far_it_is_and_can_be_stopped(scored: Reviewer) -> None:
    rows, empty = len(scored.rows()), scored.still("ThreeD")
    scored.page.click("#propagate-both")
    scored.page.wait_for_function(
        "parseFloat(document.querySelector('#busy [role=progressbar]')?.getAttribute('aria-valuenow')) > 2",
    )
    scored.page.click("#cancel")
    scored.wait_idle()
    assert "Cancelled" in scored.text("#status")
    assert len(scored.rows()) == rows, "all of it or nothing"

    scored.page.click("#propagate-both")
    scored.page.wait_for_function("document.querySelectorAll('#table [data-key]').length > 30")
    scored.wait_idle()
    assert re.search(r"\d+ slices propagated", scored.text("#status"))
    assert scored.page.locator("#summaries tbody tr").count() == 1
    assert scored.page.inner_text("#summaries tbody tr").startswith("Segment_1")
    scored.changed(empty, "ThreeD", pixels=500)  # the pillar stands there


def test_bands_in_3d_have_their_colors(scored: Reviewer) -> None:
    from evanyseg.bands import BAND_COLORS, QualityBand

    before = scored.still("ThreeD")
    scored.page.click("#show-bands")
    shown = scored.changed(before, "ThreeD")
    blue = 255 * np.array(BAND_COLORS[QualityBand.GOOD])
    hue = lambda picture: (
        np.abs(picture / np.maximum(picture.sum(axis=2, keepdims=True), 1) - blue / blue.sum()).max(axis=2) < 0.08
    )
    assert hue(shown).sum() > 300 + hue(before).sum()
    scored.page.click("#show-bands")
    assert hue(scored.changed(shown, "ThreeD")).sum() < 50 + hue(before).sum()


def test_keys_go_from_slice_to_slice_and_a_page_tells_them(scored: Reviewer) -> None:
    scored.press("n")
    scored.page.wait_for_selector("#accept:not([disabled])")
    first = scored.text("#result")
    scored.press("a")
    scored.press("n")
    scored.page.wait_for_function("t => document.getElementById('result').innerText !== t", arg=first)
    scored.press("Shift+N")
    scored.page.wait_for_function("t => document.getElementById('result').innerText === t", arg=first)
    scored.press("?")
    scored.page.wait_for_selector("#help-page")
    told = scored.text("#help-page")
    for word in ("N / Shift+N", "A / X", "M", "P / E", "Ctrl+Z"):
        assert word in told
    scored.press("Escape")
    scored.page.wait_for_selector("#help-page", state="hidden")


def test_the_intensity_window_is_said(reviewer: Reviewer) -> None:
    assert re.search(r"\d", reviewer.text("#window"))
    assert not reviewer.errors


def test_the_next_click_is_suggested_answered_and_taken_away(scored: Reviewer) -> None:
    before = scored.still()
    scored.page.click("#next-click")
    scored.page.wait_for_function("document.getElementById('status').innerText.includes('Does the ring lie in')")
    assert "of 0.69 nats expected" in scored.text("#status")
    shown = scored.changed(before)
    white = (shown.astype(int) > 235).all(axis=2).sum() - (before.astype(int) > 235).all(axis=2).sum()
    assert white > 20, "the ring"
    assert scored.page.is_enabled("#next-click-inside")
    asked = scored.text("#status")
    scored.press("+")
    scored.page.wait_for_function(
        "was => document.getElementById('status').innerText.includes('nats expected') "
        "&& document.getElementById('status').innerText !== was",
        arg=asked,
    )
    scored.wait_idle()
    scored.press("s")
    scored.page.wait_for_selector("#next-click-inside[disabled]")
    scored.page.click("#undo")
    scored.page.wait_for_selector("#redo:not([disabled])")
    scored.wait_idle()
    scored.back(before)
