"""The presenters without Qt: a real scene, a manual executor, a view that writes down what it is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evanyseg.errors import PromptError
from evanyseg.geometry.boxes import box_around
from evanyseg.prompts import BoxPrompt
from evanyseg.scoring.summary import WorstRun
from EvanySegSlicerLib.presenters.explore import images
from EvanySegSlicerLib.presenters.explore.comparing import ComparingPresenter
from EvanySegSlicerLib.presenters.explore.exploring import ExploringPresenter
from EvanySegSlicerLib.presenters.explore.synthetic_errors import SYNTHETIC_ERRORS
from EvanySegSlicerLib.presenters.texts import result_text, run_text
from EvanySegSlicerLib.scene.nodes.matrices import vtk_matrix
from EvanySegSlicerLib.scene.png import write_png
from EvanySegSlicerLib.scene.review.queue import Filters, next_open, ranked
from EvanySegSlicerLib.scene.table.records import ScoreRecord
from scene.desk import desk
from scene.headless import add_segmentation

__all__ = ["desk"]  # a fixture


def test_nothing_runs_before_it_is_asked_for(desk):
    assert not desk.controller.busy
    assert desk.executor.waiting.__len__() == 0
    desk.draw()
    assert desk.view.problems == ["Choose a volume first."]


def test_box_to_row_in_steps(desk):
    desk.choose()
    desk.segmenting.box_drawn(desk.look(5), desk.corners(5, (10, 10, 54, 54)))
    assert desk.controller.busy
    assert desk.view.is_busy
    desk.executor.run_next()  # the models
    assert desk.controller.busy
    desk.executor.run_next()  # the box
    assert not desk.controller.busy
    assert not desk.view.is_busy
    (row,) = desk.rows
    assert row.band == "good"
    assert desk.segmenting.row() == row
    assert "GOOD" in result_text(row)


def test_a_scene_that_goes_between_the_steps(desk):
    desk.choose()
    desk.segmenting.box_drawn(desk.look(5), desk.corners(5, (10, 10, 54, 54)))
    desk.controller.bind(None)
    desk.executor.run_all()
    assert not desk.controller.busy
    assert desk.controller.review is None


def test_refusals_are_sentences(desk):
    desk.choose()
    desk.draw(box=(-30, -30, -5, -5))
    assert "outside the image" in desk.view.problems[-1]
    desk.segmenting.propagate(desk.look(5), "up", 0.5)
    desk.executor.run_all()
    assert "draw a box first" in desk.view.problems[-1]
    desk.segmenting.score_existing("upside-down")
    desk.executor.run_all()
    assert "not one of axial" in desk.view.problems[-1]
    desk.segmenting.undo()
    assert "Nothing to undo" in desk.view.said[-1]


def test_review_walks_decides_and_comes_back(desk):
    desk.choose()
    for index, box in ((5, (10, 10, 54, 54)), (6, (10, 10, 30, 40)), (7, (10, 10, 26, 30))):
        desk.draw(index, box)
    desk.reviewing.set_order("dice")
    desk.reviewing.next()
    first = desk.reviewing.current
    assert first == min(desk.rows, key=lambda row: row.dice).key
    assert len(desk.jumps) == 1
    desk.reviewing.flag()
    desk.reviewing.comment("  spills  ")
    row = desk.reviewing.current_row()
    assert (row.decision, row.comment) == ("flagged", "spills")
    desk.reviewing.next()
    assert desk.reviewing.current != first
    desk.reviewing.previous()
    assert desk.reviewing.current == first
    desk.reviewing.undo()
    desk.reviewing.undo()
    assert desk.reviewing.current_row().decision == ""
    assert desk.reviewing.counts() == "0 of 3 reviewed, 2 poor"


def test_compare_keeps_one_candidate_as_one_undo_step(desk):
    desk.choose()
    desk.draw()
    told = []
    row = desk.segmenting.row()
    compare = ComparingPresenter(desk.controller, desk.segmenting)
    compare.on_candidates = lambda: told.append(1)
    compare.compare(["builtin", "other"])
    desk.executor.run_all()
    assert told
    assert len(compare.candidates) == 3, "equal masks of two segmenters are shown once"
    worst = compare.candidates[-1]
    compare.keep(2)
    desk.executor.run_all()
    assert (desk.controller.review.store.mask(row.segment_id, compare.plane) == worst.mask).all()
    desk.segmenting.undo()
    assert desk.rows[0].dice == pytest.approx(row.dice)
    compare.keep(99)
    assert "Compare first" in desk.view.problems[-1]


def test_a_kept_candidate_goes_to_the_segment_of_the_box_whichever_is_chosen_by_then(desk):
    desk.choose()
    desk.draw()
    drawn = desk.segmenting.segment_id
    desk.segmenting.add_segment()
    assert desk.segmenting.segment_id != drawn
    compare = ComparingPresenter(desk.controller, desk.segmenting)
    compare.compare(["builtin"])
    desk.executor.run_all()
    compare.keep(2)
    desk.executor.run_all()
    store = desk.controller.review.store
    assert (store.mask(drawn, compare.plane) == compare.candidates[2].mask).all()
    assert not store.mask(desk.segmenting.segment_id, compare.plane).any()


def test_explore_scores_only_the_newest_position(desk):
    desk.choose()
    desk.draw()
    explore = ExploringPresenter(desk.controller)
    assert explore.choose(desk.segmenting.segment_id, desk.look(5), None) == ""
    for pixels in (1, 2, 3, 4):
        explore.set_error("Erode", pixels)
    desk.executor.run_all()
    assert [trial.pixels for trial in explore.trials] == [1, 4]
    assert explore.trials[1].estimate.dice < explore.trials[0].estimate.dice
    assert explore.plot() is None, "no reference, no plot"
    assert "no mask" in explore.choose(desk.segmenting.segment_id, desk.look(0), None)


def reference_of(desk, *names, above=None):
    """A second segmentation with the block in each of the segments, under a translation if given."""
    mask = np.zeros((12, 64, 64), bool)
    mask[3:9, 20:44, 16:48] = True
    node, ids = add_segmentation(desk.core, desk.volume, {str(number): mask for number in range(len(names))})
    for segment_id, name in zip(ids.values(), names, strict=True):
        node.GetSegmentation().GetSegment(segment_id).SetName(name)
    if above is not None:
        matrix = np.eye(4)
        matrix[:3, 3] = above
        transform = desk.core.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
        transform.SetMatrixTransformToParent(vtk_matrix(matrix))
        node.SetAndObserveTransformNodeID(transform.GetID())
    return node


def test_explore_takes_a_reference_that_is_clear_and_whole_only(desk):
    desk.choose()
    desk.draw()
    explore = ExploringPresenter(desk.controller)
    (segment_id,) = desk.controller.review.store.ids()
    name = desk.controller.review.store.name(segment_id)
    choose = lambda reference: explore.choose(segment_id, desk.look(5), reference)
    assert choose(reference_of(desk, name)) == ""
    assert choose(reference_of(desk, "Another name")) == "", "its only segment"
    assert "no segment named" in choose(reference_of(desk, "One", "Two"))
    assert f"2 segments named '{name}'" in choose(reference_of(desk, name, name, "Two"))
    assert "lies outside 'Block'" in choose(reference_of(desk, name, above=(40, 0, 0)))
    assert choose(reference_of(desk, name, above=(0, 0, 1))) == "", "moved, but all of it within the volume"


def test_a_turned_view_still_gives_an_upright_pixel_box(desk):
    desk.choose()
    plane = desk.controller.require().reader.plane(2, 5)
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-10, -5], [10, -5], [10, 5], [-10, 5]]) @ turn.T + [32, 32]
    box = box_around(plane, np.c_[corners, np.full(4, 5.0)])
    assert box.width == pytest.approx(20 * np.cos(angle) + 10 * np.sin(angle), abs=1e-6)
    with pytest.raises(PromptError):
        box_around(plane, np.c_[corners + 200, np.full(4, 5.0)])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 900), st.sampled_from(["", "accepted", "flagged"])), max_size=12),
    st.sampled_from(["wrong area", "dice", "slice"]),
)
def test_stepping_visits_every_open_row_once(items, order):
    rows = [
        ScoreRecord("S", "S", "axial", 2, n, dice=d, wrong_mm2=a * (1 - d), area_mm2=a, decision=decision)
        for n, (d, a, decision) in enumerate(items)
    ]
    shown = ranked(rows, order, Filters())
    assert sorted(r.index for r in shown) == list(range(len(rows)))
    open_rows = {r.key for r in rows if not r.decision}
    seen, current = [], None
    for _ in range(len(open_rows)):
        current = next_open(shown, current)
        seen.append(current)
    assert set(seen) == open_rows


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(SYNTHETIC_ERRORS)), st.integers(0, 30), st.integers(4, 20))
def test_a_synthetic_error_never_touches_the_original_and_none_is_none(name, pixels, radius):
    rows, cols = np.ogrid[:48, :48]
    mask = (rows - 24) ** 2 + (cols - 24) ** 2 <= radius**2
    kept = mask.copy()
    changed = SYNTHETIC_ERRORS[name](mask, pixels)
    assert (mask == kept).all()
    assert changed.shape == mask.shape
    if pixels == 0:
        assert (changed == mask).all()
    elif name == "Erode":
        assert not (changed & ~mask).any()
    elif name in ("Dilate", "Leak"):
        assert not (mask & ~changed).any()


def test_a_run_of_slices_in_words():
    assert run_text(None) == ""
    assert run_text(WorstRun(12, 12, 1.0, 0.5)) == "12"
    assert run_text(WorstRun(12, 17, 1.0, 0.5)) == "12-17"


def test_pictures_are_of_the_size_asked_for(tmp_path):
    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:40] = True
    crop = images.outlined_crop(image, mask, BoxPrompt(20, 10, 40, 30), 64)
    assert crop.shape == (64, 64, 3)
    assert (crop == np.array(images.OUTLINE, np.uint8)).all(axis=-1).any() or crop.max() > 150
    assert images.scatter([(0.5, 0.6), (float("nan"), 0.2), (1.0, 1.0)], 80).shape == (80, 80, 3)
    path = write_png(crop, tmp_path / "a.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
