"""Painting and erasing with the pointer: slices turn stale, come back with a score, and can be undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evanyseg.io.read import read_image, read_segmentation
from web.browser import Reviewer

HALF = 125
"""Screen pixels: a box a little larger than the phantom's ball in the axial view."""


def mask_of(reviewer: Reviewer, phantom: Path, folder: Path) -> np.ndarray:
    """bool [K, J, I] of the only segment, as it is exported now."""
    found = read_segmentation(reviewer.export("segmentation", folder)).on_grid_of(read_image(phantom))
    [segment] = found.segments
    return found.mask(segment)


@pytest.fixture
def scored(reviewer: Reviewer) -> Reviewer:
    """With one scored slice, unless an earlier test drew it: the server is shared by this module."""
    reviewer.take("box")
    if not reviewer.rows():
        reviewer.drag("Red", HALF)
        reviewer.wait_rows(1)
    reviewer.wait_idle()
    return reviewer


def test_a_painted_slice_turns_stale_and_is_scored_again(scored: Reviewer, phantom: Path, tmp_path: Path) -> None:
    before, seen = mask_of(scored, phantom, tmp_path), scored.still()
    scored.press("p")
    scored.page.wait_for_selector("#tool-paint.bg-amber")
    scored.page.wait_for_selector("#brush-size")
    scored.stroke("Red", (-60, -60), (60, 60))
    scored.stroke("Red", (-100, -160), (100, -160))
    scored.wait_for_row("stale")
    painted = mask_of(scored, phantom, tmp_path)
    assert (painted & ~before).sum() > 20, "the second stroke lies above the ball"
    assert not (before & ~painted).any()
    assert sorted(set(np.nonzero(painted & ~before)[0])) == [20], "on the slice in view alone"
    assert not np.array_equal(scored.still(), seen)

    scored.page.click("#rescore")
    scored.page.wait_for_function("!document.querySelector('#table [data-key]').innerText.includes('stale')")
    scored.wait_idle()
    [row] = scored.rows()
    assert 0 < float(row[2]) < 1

    scored.press("Control+z")
    scored.page.wait_for_selector("#redo:not([disabled])")
    assert np.array_equal(mask_of(scored, phantom, tmp_path), before), "one stroke, one step"
    scored.press("Control+y")
    scored.page.wait_for_selector("#redo[disabled]")
    assert np.array_equal(mask_of(scored, phantom, tmp_path), painted)
    scored.press("p")
    scored.page.wait_for_selector("#brush-size", state="detached")
    assert not scored.errors


def test_the_eraser_takes_away_and_boxes_share_the_undo(scored: Reviewer, phantom: Path, tmp_path: Path) -> None:
    before = mask_of(scored, phantom, tmp_path)
    scored.press("e")
    scored.page.wait_for_selector("#tool-erase.bg-amber")
    scored.stroke("Red", (-80, 0), (80, 0))
    scored.wait_for_row("stale")
    erased = mask_of(scored, phantom, tmp_path)
    assert (before & ~erased).sum() > 20
    assert not (erased & ~before).any()
    scored.press("d")
    scored.page.wait_for_selector("#tool-box.bg-amber")
    scored.drag("Red", HALF)
    scored.page.wait_for_function("!document.querySelector('#table [data-key]').innerText.includes('stale')")
    scored.wait_idle()
    scored.press("Control+z")
    scored.wait_for_row("stale")
    assert np.array_equal(mask_of(scored, phantom, tmp_path), erased), "the box is taken back, the stroke is not"
    scored.press("Control+z")
    scored.page.wait_for_function("!document.querySelector('#table [data-key]').innerText.includes('stale')")
    assert np.array_equal(mask_of(scored, phantom, tmp_path), before)


def test_the_brush_is_not_saved_with_the_scene(scored: Reviewer, tmp_path: Path) -> None:
    import zipfile

    scored.take("paint")
    scored.stroke("Red", (-10, 0), (10, 0))
    with zipfile.ZipFile(scored.export("scene", tmp_path)) as archive:
        [scene] = [name for name in archive.namelist() if name.endswith(".mrml")]
        text = archive.read(scene).decode()
    assert "EvanySegSlicer" in text
    for word in ("Brush", "Feedback", "PagePaint"):
        assert word not in text
