"""Suggest next click, through presenters alone: the map and its place in the scene, answers, and what is refused."""

import numpy as np
import pytest

from evanyseg.errors import EvanySegError
from evanyseg.pipeline.gain_codes import RIM, RING
from evanyseg.prompts import BoxPrompt
from EvanySegSlicerLib.scene.headless.offscreen import require_opengl
from EvanySegSlicerLib.scene.overlay.code_volume import DERIVED
from EvanySegSlicerLib.scene.overlay.gain_map import NAME
from scene.test_front_end import FrontEnd

try:
    require_opengl()
except EvanySegError as problem:
    pytest.skip(str(problem), allow_module_level=True)

BOX = (10, 10, 54, 54)


@pytest.fixture
def front(app):
    one = FrontEnd(app)
    yield one
    one.close()


def node_named(front, name=NAME):
    scene = front.app.scene
    found = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    return [node for node in found if (node.GetName() or "").startswith(name)]


def foregrounds(front):
    scene, kind = front.app.scene, "vtkMRMLSliceCompositeNode"
    views = [scene.GetNthNodeByClass(n, kind) for n in range(scene.GetNumberOfNodesByClass(kind))]
    return [(view.GetForegroundVolumeID(), view.GetForegroundOpacity()) for view in views]


def ask(front, index=5):
    view = front.views.of["Red"]
    view.slice_node.SetSliceOffset(float(index))
    front.presenters.next_click.toggle(view.slice_node)
    front.executor.run_all()


def codes_of(front):
    from vtk.util.numpy_support import vtk_to_numpy

    (node,) = [n for n in node_named(front) if n.GetClassName() == "vtkMRMLScalarVolumeNode"]
    image = node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])[0]


def test_the_map_lies_on_the_slice_with_a_ring_where_most_is_to_learn(front):
    front.draw(5, BOX)
    ask(front)
    click = front.presenters.next_click.asked.click
    codes = codes_of(front)
    assert codes.shape == (64, 64)
    inside = np.zeros((64, 64), bool)
    mask = front.presenters.controller.review.store.mask(front.rows[0].segment_id, plane(front))
    box = front.rows[0].box_prompt
    inside[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
    marker = np.isin(codes, (RING, RIM))
    assert marker.any()
    assert (codes[inside & ~mask & ~marker] > 0).all(), "one of the double's masks is the whole box"
    assert not codes[~inside & ~marker].any()
    assert not codes[mask & np.roll(mask, 3, axis=1) & np.roll(mask, -3, axis=1) & ~marker].any(), "all of them agree"
    rows, cols = np.nonzero(marker)
    assert abs(rows.mean() - (click.y - 0.5)) < 0.6
    assert abs(cols.mean() - (click.x - 0.5)) < 0.6
    assert inside[int(click.y), int(click.x)]
    assert not mask[int(click.y), int(click.x)]
    assert "0.64 of 0.69 nats" in front.view.last
    assert "The masks say −" in front.view.last


def plane(front, index=5):
    return front.presenters.controller.review.reader.plane(2, index)


def test_it_is_derived_and_one_call_takes_it_out_and_puts_everything_back(front):
    front.presenters.display.set_on(True)
    front.draw(5, BOX)
    front.presenters.display.refresh()
    before = foregrounds(front)
    ask(front)
    nodes = node_named(front)
    assert len(nodes) == 3, "volume, display, colors"
    assert all(node.GetAttribute(DERIVED) == "1" and not node.GetSaveWithScene() for node in nodes)
    assert all(volume == nodes[0].GetID() for volume, _ in foregrounds(front))
    assert any("nats" in line for line in front.views.of["Red"].words), "the legend is the map's"
    front.presenters.next_click.remove()
    assert node_named(front) == []
    assert foregrounds(front) == before
    assert any("poor, below" in line for line in front.views.of["Red"].words)


def test_the_legend_is_there_without_the_quality_overlay_too(front):
    front.draw(5, BOX)
    assert front.views.of["Red"].words == []
    ask(front)
    words = front.views.of["Red"].words
    assert any("nats" in line for line in words)
    assert not any("GOOD" in line for line in words), "the scores were not asked for"
    ask(front)
    assert front.views.of["Red"].words == []


def test_the_error_map_gives_way_and_comes_back(front):
    front.presenters.display.set_on(True)
    front.draw(5, (10, 10, 30, 30))
    front.presenters.display.refresh()
    before, node = foregrounds(front), front.views.active().slice_node
    error_map = front.presenters.error_map
    error_map.set_on(True, node)
    front.executor.run_all()
    assert error_map.shown
    ask(front)
    assert not error_map.shown
    error_map.show(node)  # as the front end does a moment after masks changed
    front.executor.run_all()
    assert not error_map.shown, "the question is not covered"
    told = []
    front.view.updated = told.append
    front.presenters.next_click.remove()
    assert told == [[]], "the front end shows again what it follows"
    error_map.show(node)
    front.executor.run_all()
    assert error_map.shown
    error_map.set_on(False, node)
    assert foregrounds(front) == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_maps_put_back_what_was_there_in_whatever_order_they_go(front, order):
    from evanyseg.pipeline.gain_codes import gain_table
    from EvanySegSlicerLib.scene.overlay.slice_map import SliceMap

    front.presenters.display.set_on(True)
    front.draw(5, (10, 10, 30, 30))
    front.presenters.display.refresh()
    before = foregrounds(front)
    maps = [SliceMap(front.presenters.controller.node, name, gain_table()) for name in ("one", "two")]
    for one in maps:
        one.show_codes(plane(front), np.ones((64, 64), np.uint8))
    assert foregrounds(front)[0][0] == maps[1].node.GetID()
    maps[order[0]].remove()
    left = maps[order[1]]
    assert foregrounds(front)[0][0] == left.node.GetID()
    left.remove()
    assert foregrounds(front) == before


def test_an_answer_is_one_more_point_and_asks_again(front):
    front.draw(5, BOX)
    ask(front)
    asked = front.presenters.next_click.asked
    before = front.presenters.controller.review.store.mask(front.rows[0].segment_id, plane(front)).copy()
    front.presenters.next_click.answer(True)
    front.executor.run_all()
    after = front.presenters.controller.review.store.mask(front.rows[0].segment_id, plane(front))
    added = after & ~before
    assert added.sum() == 25, "the double adds 5 x 5 pixels at a positive point"
    assert added[int(asked.click.y), int(asked.click.x)]
    again = front.presenters.next_click.asked
    assert again is not None
    assert [(p.x, p.y, p.positive) for p in again.job.points] == [(asked.click.x, asked.click.y, True)]
    assert max(abs(again.click.x - asked.click.x), abs(again.click.y - asked.click.y)) > 1
    front.presenters.next_click.answer(False)
    front.executor.run_all()
    assert [p.positive for p in front.presenters.next_click.asked.job.points] == [True, False]
    assert front.presenters.segmenting.last == front.rows[0].key


def test_undo_takes_a_question_about_another_mask_away(front):
    front.draw(5, BOX)
    ask(front)
    front.presenters.next_click.answer(True)
    front.executor.run_all()
    assert node_named(front)
    front.presenters.segmenting.undo()
    front.presenters.next_click.refresh()
    assert front.presenters.next_click.asked is None
    assert node_named(front) == []


def test_a_mask_without_a_prompt_is_asked_about_by_its_own_box(front):
    front.presenters.segmenting.add_segment()
    review = front.presenters.controller.review
    (segment_id,) = review.store.ids()
    mask = np.zeros((64, 64), bool)
    mask[20:40, 25:40] = True
    review.store.write(segment_id, plane(front), mask)
    held = review.store.mask(segment_id, plane(front))
    ask(front)
    job = front.presenters.next_click.asked.job
    assert (job.box, job.points, job.mask_input) == (BoxPrompt.of_mask(held), (), None)
    front.presenters.next_click.answer(False)
    front.executor.run_all()
    assert front.rows[0].box_prompt == BoxPrompt.of_mask(held), "segmented anew from that box"


def test_what_cannot_be_asked_is_said(front):
    presenter = front.presenters.next_click
    presenter.answer(True)
    assert "Press Suggest next click first" in front.view.problems[-1]
    ask(front)
    assert "no mask to ask about yet" in front.view.problems[-1]
    front.presenters.segmenting.add_segment()
    ask(front)
    assert "has no mask on this slice; draw a box first" in front.view.problems[-1]
    front.presenters.controller.models.pipeline("builtin", "builtin", "cpu").segmenter.supports_points = False
    front.draw(5, BOX)
    ask(front)
    assert "cannot say where to click next: it was trained with boxes only" in front.view.problems[-1]
    assert presenter.asked is None
    assert node_named(front) == []


def test_a_mask_that_changed_meanwhile_is_not_shown_an_old_map(front):
    front.draw(5, BOX)
    view = front.views.of["Red"]
    front.presenters.next_click.toggle(view.slice_node)
    review = front.presenters.controller.review
    review.store.write(front.rows[0].segment_id, plane(front), np.zeros((64, 64), bool))
    front.executor.run_all()
    assert "The mask was changed meanwhile" in front.view.problems[-1]
    assert node_named(front) == []


def test_a_cancelled_question_leaves_nothing(front):
    front.draw(5, BOX)
    view = front.views.of["Red"]
    front.presenters.next_click.toggle(view.slice_node)
    assert front.presenters.controller.cancel()
    front.executor.run_all()
    assert "Cancelled" in front.view.last
    assert front.presenters.next_click.asked is None
    assert node_named(front) == []
    ask(front)
    assert node_named(front), "it can be asked again"


def test_leaving_takes_it_out_of_the_scene(front):
    front.draw(5, BOX)
    ask(front)
    front.presenters.leave()
    assert node_named(front) == []
    assert front.views.of["Red"].words == []
