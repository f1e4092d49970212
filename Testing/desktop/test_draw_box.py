"""Draw box: drag on a slice view -> mask, score, row, colours, corner annotation; in both kinds of event loop."""

from __future__ import annotations

import pytest
from PySide6 import QtCore

from desktop.user import User


@pytest.fixture
def user(host, driver):
    return User(host, driver)


def test_drag_gives_a_scored_and_colored_mask(user):
    user.click("drawBoxButton")
    assert user.ui.drawBoxButton.checked
    user.driver.drag(user.host.view("Red"), *user.corners("Red", 26))
    user.wait("the mask")
    assert len(user.rows) == 1, user.status()
    row = user.rows[0]
    assert (row.plane, row.band) == ("axial", "good")
    assert row.dice > 0.97
    assert 1300 < user.mask().sum() < 1650
    assert "GOOD" in user.ui.resultLabel.text
    # blue inside the object, the volume's grey outside it
    picture = user.picture()
    inside = picture.pixelColor(picture.width() // 2, picture.height() // 2)
    outside = picture.pixelColor(picture.width() // 2, picture.height() // 2 - 190)
    assert inside.blue() > inside.red() + 30
    assert abs(outside.blue() - outside.red()) < 12


@pytest.fixture
def one(host, hands):
    """A user in the free loop, for what does not depend on threads."""
    return User(host, hands)


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_every_view_gives_the_slice_it_shows(one, view):
    one.draw(view, half=24)
    row = one.rows[0]
    assert row.plane == {"Red": "axial", "Green": "coronal", "Yellow": "sagittal"}[view]
    offset = one.host.view(view).mrmlSliceNode().GetSliceOffset()
    plane = one.review.reader.plane(row.axis, row.index)
    assert abs(abs(plane.position_mm) - abs(offset)) <= plane.thickness / 2 + 1e-6
    assert row.dice > 0.9


def test_the_mask_lies_where_the_box_was_drawn(one):
    """A box around the right half of the object gives a mask that stays in it."""
    one.draw(half=14, center=(14, 0))
    mask = one.mask()
    cols = mask.any(axis=0).nonzero()[0]
    # 96 pixels of 1 mm: the view's middle is column 48, the box spans 0..28 mm to its right
    assert 47 <= cols.min() <= 49
    assert one.rows[0].dice < 0.9


def test_a_corner_can_be_dragged_in_any_direction(one):
    one.click("drawBoxButton")
    start, end = one.corners("Red", 26)
    one.driver.drag(one.host.view("Red"), end, start)
    one.wait()
    assert one.rows[0].dice > 0.97


def test_another_box_replaces_the_slice_in_one_undo_step(one):
    one.draw(half=26)
    first = one.mask().copy()
    one.draw(half=12)
    second = one.mask().copy()
    assert second.sum() < first.sum()
    assert len(one.rows) == 1
    one.click("undoButton")
    assert (one.mask() == first).all()
    assert one.rows[0].dice > 0.97, "the score came back with the mask"
    one.click("redoButton")
    assert (one.mask() == second).all()
    one.click("undoButton")
    one.click("undoButton")
    assert not one.review.store.mask(
        one.rows[0].segment_id if one.rows else one.panel.presenters.segmenting.segment_id,
        one.review.reader.plane(2, 6),
    ).any()
    one.click("undoButton")
    assert "Nothing to undo" in one.status()


def test_other_segments_keep_their_voxels(one):
    one.draw(half=26)
    before = one.mask().copy()
    first = one.rows[0]
    one.click("addSegmentButton")
    assert one.ui.segmentSelector.count == 2
    one.draw(half=20)
    assert len(one.rows) == 2
    assert (one.mask(first) == before).all()
    assert {row.segment_id for row in one.rows} == set(one.review.store.ids())


def test_points_refine_where_the_segmenter_can(one):
    one.draw(half=26)
    before = one.mask().sum()
    one.click("positivePointButton")
    assert not one.ui.drawBoxButton.checked
    view = one.host.view("Red")
    corner, _ = one.corners("Red", 0, center=(35, 35))
    one.driver.press(view, corner)
    one.driver.release(view, corner)
    one.wait()
    assert one.mask().sum() == before + 25
    one.click("negativePointButton")
    middle, _ = one.corners("Red", 0)
    one.driver.press(view, middle)
    one.driver.release(view, middle)
    one.wait()
    assert one.mask().sum() == before
    assert not one.mask()[48, 48]


def test_points_are_refused_by_a_segmenter_without_them(host, hands):
    from desktop import module
    from doubles import ThresholdSegmenter

    boxes_only = ThresholdSegmenter(name="boxes-only")
    boxes_only.supports_points = False
    user = User(host, hands, module.double_models(boxes_only))
    user.draw()
    before = user.mask().copy()
    user.click("positivePointButton")
    middle, _ = user.corners("Red", 0, center=(35, 35))
    user.driver.press(host.view("Red"), middle)
    user.driver.release(host.view("Red"), middle)
    user.wait()
    assert "takes boxes only" in user.status()
    assert (user.mask() == before).all()


def test_escape_drops_the_drag_then_leaves_the_tool(one):
    one.click("drawBoxButton")
    view = one.host.view("Red")
    actors = view.renderWindow().GetRenderers().GetItemAsObject(0).GetViewProps()
    before = actors.GetNumberOfItems()
    one.driver.drag(view, *one.corners("Red", 26), release=False)
    assert actors.GetNumberOfItems() == before + 1
    one.driver.key(view, QtCore.Qt.Key.Key_Escape)
    assert actors.GetNumberOfItems() == before, "the rectangle is gone"
    one.driver.release(view, one.corners("Red", 26)[1])
    one.driver.settle()
    assert one.rows == []
    assert one.ui.drawBoxButton.checked
    one.driver.key(view, QtCore.Qt.Key.Key_Escape)
    assert not one.ui.drawBoxButton.checked
    assert not one.panel.segment_tab.tool.on


def test_key_d_draws(one):
    one.driver.key(one.host.view("Red"), QtCore.Qt.Key.Key_D)
    assert one.ui.drawBoxButton.checked
    one.driver.key(one.host.view("Red"), QtCore.Qt.Key.Key_D)
    assert not one.ui.drawBoxButton.checked


def test_a_slip_is_not_a_box(one):
    one.click("drawBoxButton")
    x, y = one.corners("Red", 0)[0]
    one.driver.drag(one.host.view("Red"), (x, y), (x + 2, y + 40))
    one.driver.settle()
    assert "too small" in one.status()
    assert one.rows == []


def test_double_click_draws_nothing_and_breaks_nothing(one):
    one.click("drawBoxButton")
    one.driver.double_click(one.host.view("Red"), one.corners("Red", 0)[0])
    one.driver.settle()
    assert one.rows == []
    one.draw(half=26)
    assert len(one.rows) == 1


def test_modifiers_stay_with_the_view(one):
    """Shift+drag pans and ctrl+drag blends, also while drawing."""
    one.click("drawBoxButton")
    view = one.host.view("Red")
    one.driver.press(view, one.corners("Red", 10)[0], keys=QtCore.Qt.KeyboardModifier.ShiftModifier)
    assert not one.panel.segment_tab.tool.band.dragging
    one.driver.release(view, one.corners("Red", 10)[1])
    assert one.rows == []


def test_panning_keeps_the_box_on_the_object_and_scrolling_drops_it(one):
    one.click("drawBoxButton")
    view = one.host.view("Red")
    band = one.panel.segment_tab.tool.band
    one.driver.drag(view, *one.corners("Red", 26), release=False)
    node = view.mrmlSliceNode()
    origin = node.GetXYZOrigin()
    node.SetXYZOrigin(origin[0] + 10, origin[1], origin[2])
    assert band.dragging
    one.scroll("Red", 1)
    assert not band.dragging
    one.driver.release(view, one.corners("Red", 26)[1])
    one.driver.settle()
    assert one.rows == []


def test_a_box_outside_the_image_is_refused_in_a_sentence(one):
    one.click("drawBoxButton")
    view = one.host.view("Red")
    one.driver.drag(view, (2, 2), (30, 30))
    one.wait()
    assert "outside the image" in one.status()
    assert one.rows == []


def test_without_a_volume_the_user_is_told(host, hands):
    from desktop import module

    widget = module.enter(host)
    hands.click(widget.panel.ui.drawBoxButton)
    hands.drag(host.view("Red"), (100, 100), (200, 200))
    hands.settle()
    assert "Choose a volume" in widget.panel.ui.statusLabel.text


def test_the_corner_annotation_says_what_the_color_means(one):
    one.draw(half=12, center=(10, 0))
    texts = annotation_texts(one.host.view("Red"))
    row = one.rows[0]
    assert any(row.band.upper() in text and f"{row.dice:.2f}" in text for text in texts), texts
    one.scroll("Red", 3)
    assert not any(f"{row.dice:.2f}" in text for text in annotation_texts(one.host.view("Red")))


def annotation_texts(view):
    """Texts of the 2D text actors in a view."""
    props = view.renderWindow().GetRenderers().GetItemAsObject(0).GetViewProps()
    found = [props.GetItemAsObject(n) for n in range(props.GetNumberOfItems())]
    return [prop.GetInput() for prop in found if prop.IsA("vtkTextActor")]


def test_unticking_colors_puts_back_what_was_there(one):
    composite = one.host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    before = composite.GetForegroundVolumeID()
    one.draw()
    assert composite.GetForegroundVolumeID() != before
    one.click("overlayCheckBox")
    assert composite.GetForegroundVolumeID() == before
    assert annotation_texts(one.host.view("Red")) == []
    one.click("overlayCheckBox")
    assert composite.GetForegroundVolumeID() != before


@pytest.fixture
def counted(host, hands):
    """A user who has drawn one box, and the segmenter, which has encoded that slice and its neighbours."""
    from desktop import module
    from doubles import ThresholdSegmenter

    segmenter = ThresholdSegmenter()
    user = User(host, hands, module.double_models(segmenter))
    user.draw()
    user.driver.wait_until(lambda: segmenter.embedded == 3, what="the neighbours")
    return user, segmenter


def test_drawing_reads_the_slice_while_the_mouse_moves(counted, host):
    """The second box on a fresh slice finds its embedding made on press, not on release."""
    user, segmenter = counted
    user.scroll("Red", 4)
    made = segmenter.embedded
    user.driver.drag(host.view("Red"), *user.corners("Red", 20), release=False)
    user.driver.wait_until(lambda: segmenter.embedded == made + 1, what="the embedding")
    user.driver.release(host.view("Red"), user.corners("Red", 20)[1])
    user.wait()
    assert len(user.rows) == 2
    user.driver.wait_until(lambda: segmenter.embedded == made + 3, what="that slice's neighbours")


def test_the_neighbors_are_encoded_while_nothing_else_runs(counted):
    user, segmenter = counted
    user.scroll("Red", 1)
    user.draw()
    user.driver.wait_until(lambda: segmenter.embedded == 4, what="the next one")
    assert len(user.rows) == 2


def test_the_panel_speaks_of_the_slice_in_view(one):
    one.draw(half=26)
    one.scroll("Red", 1)
    one.draw(half=12, center=(10, 0))
    assert "axial 7" in one.ui.resultLabel.text
    assert "POOR" in one.ui.resultLabel.text
    one.scroll("Red", -1)
    assert "axial 6" in one.ui.resultLabel.text
    assert "GOOD" in one.ui.resultLabel.text
