"""From the open page to a coloured, scored, reviewed and exported slice, with mouse and keys."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from evanyseg.bands import BAND_COLORS, QualityBand
from web.browser import Reviewer

HALF = 125
"""Screen pixels: a box a little larger than the phantom's ball in the axial view."""


def draw_one(reviewer: Reviewer) -> None:
    """A scored box, unless an earlier test drew it: the server is shared by this module."""
    if not reviewer.rows():
        reviewer.drag("Red", HALF)
        reviewer.wait_rows(1)
    reviewer.wait_idle()


def test_a_box_gives_a_mask_a_color_an_annotation_and_a_row(reviewer: Reviewer) -> None:
    before = reviewer.still()
    draw_one(reviewer)
    after = reviewer.still()

    [row] = reviewer.rows()
    assert row[0] == "Segment_1"
    assert row[1] == "axial 20"
    dice, band = float(row[2]), row[4]
    assert band in ("GOOD", "CHECK", "POOR")
    assert f"{dice:.2f}" in reviewer.text("#result")
    assert band in reviewer.text("#result")

    changed = np.abs(after.astype(int) - before).max(axis=2) > 24
    height, width = changed.shape
    middle = (slice(height // 2 - 60, height // 2 + 60), slice(width // 2 - 60, width // 2 + 60))
    assert changed[middle].mean() > 0.95, "the ball is coloured"
    assert not changed[height // 2 - 20 : height // 2 + 20, :40].any(), "the ground beside it is as it was"
    wanted = 0.65 * before[middle].mean(axis=(0, 1)) + 0.35 * 255 * np.array(BAND_COLORS[QualityBand(band.lower())])
    assert np.abs(after[middle].mean(axis=(0, 1)) - wanted).max() < 20, "in its band's colour"

    corner = after[: height // 8, : width // 2]
    white = (corner.min(axis=2) > 200).sum()
    assert white > 100, "words in the corner"
    square = np.abs(corner - 255 * np.array(BAND_COLORS[QualityBand(band.lower())])).max(axis=2) < 40
    assert square.sum() > 50, "beside a square in the band's colour"
    assert not reviewer.errors
    assert not reviewer.outside, "the page fetches nothing from elsewhere"


def test_n_goes_to_the_worst_slice_and_the_views_follow_a_click(reviewer: Reviewer) -> None:
    draw_one(reviewer)
    place = reviewer.place("Red")
    reviewer.page.mouse.move(place["x"] + 100, place["y"] + 100)
    reviewer.page.mouse.wheel(0, 300)
    scrolled = reviewer.still()
    reviewer.page.click("#table [data-key]")
    reviewer.page.wait_for_selector("#accept:not([disabled])")
    assert not np.array_equal(reviewer.still(), scrolled)
    assert "axial 20" in reviewer.text("#result")


def test_accept_flag_and_comment_by_keys_and_buttons(reviewer: Reviewer) -> None:
    draw_one(reviewer)
    state = lambda: reviewer.rows()[0][5]
    reviewer.press("n")
    reviewer.page.wait_for_selector("#accept:not([disabled])")
    reviewer.press("a")
    reviewer.page.wait_for_function("document.querySelector('#table [data-key]').innerText.includes('accepted')")
    assert "1 of 1 reviewed" in reviewer.text("#counts")
    reviewer.page.click("#flag")
    reviewer.page.wait_for_function("document.querySelector('#table [data-key]').innerText.includes('flagged')")
    reviewer.press("m")
    reviewer.page.keyboard.type("an edge")
    assert state() == "flagged", "letters typed into the comment are no shortcuts"
    reviewer.press("Enter")
    reviewer.page.wait_for_function("document.querySelector('#table [data-key]').title.includes('an edge')")
    reviewer.page.click("#undo-decision")
    reviewer.page.wait_for_function("!document.querySelector('#table [data-key]').title.includes('an edge')")


def test_what_is_exported_can_be_read_elsewhere(reviewer: Reviewer, tmp_path: Path, phantom: Path) -> None:
    from evanyseg.io.read import read_image, read_segmentation

    draw_one(reviewer)
    with reviewer.export("table", tmp_path).open(encoding="utf-8-sig") as lines:
        [row] = list(csv.DictReader(lines))
    assert row["plane"] == "axial"
    assert float(row["dice"]) == pytest.approx(float(reviewer.rows()[0][2]), abs=0.006)

    found = read_segmentation(reviewer.export("segmentation", tmp_path)).on_grid_of(read_image(phantom))
    [segment] = found.segments
    mask = found.mask(segment)
    assert sorted(set(np.nonzero(mask)[0])) == [int(row["index"])]
    assert 500 < mask.sum() < 750, "the ball's middle slice has 616 voxels"

    with zipfile.ZipFile(reviewer.export("scene", tmp_path)) as scene:
        assert any(name.endswith(".mrml") for name in scene.namelist())
    assert "Segment_1" in reviewer.export("report", tmp_path).read_text(encoding="utf-8")
