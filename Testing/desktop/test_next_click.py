"""Suggest next click in the panel: button, keys, map and marker in the view, answers; in both kinds of event loop."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6 import QtCore

from desktop import module
from desktop.test_many_slices import SlowSegmenter
from desktop.user import User
from doubles import ThresholdSegmenter
from EvanySegSlicerLib.scene.nodes.matrices import matrix_array

KEY = QtCore.Qt.Key
DERIVED_NAME = "EvanySeg next click"


@pytest.fixture
def user(host, driver):
    return User(host, driver)


@pytest.fixture
def one(host, hands):
    """A user in the free loop, for what does not depend on threads."""
    return User(host, hands)


def presenter(user):
    return user.panel.presenters.next_click


def maps(user):
    scene = user.host.scene
    names = [scene.GetNthNode(n).GetName() or "" for n in range(scene.GetNumberOfNodes())]
    return [name for name in names if name.startswith(DERIVED_NAME)]


def place(user, asked, view="Red"):
    """Pixel of the view where the ring's middle is."""
    (ras,) = asked.job.plane.to_ras([asked.click.x, asked.click.y])
    target = user.host.view(view)
    xy = np.linalg.inv(matrix_array(target.mrmlSliceNode().GetXYToRAS())) @ [*ras, 1.0]
    return xy[0], target.size.height() - xy[1]


def test_the_button_shows_the_map_and_again_takes_it_away(user):
    user.draw(half=26)
    assert not user.ui.insideButton.enabled
    user.click("nextClickButton")
    user.wait("the map")
    assert user.ui.nextClickButton.checked, user.status()
    assert user.ui.insideButton.enabled
    assert user.ui.outsideButton.enabled
    assert "Does the ring lie in" in user.status()
    assert "of 0.69 nats expected" in user.status()
    assert len(maps(user)) == 3
    user.click("nextClickButton")
    assert not user.ui.nextClickButton.checked
    assert not user.ui.insideButton.enabled
    assert maps(user) == []
    assert user.status() == ""


def test_keys_ask_and_answer_and_the_mask_follows(user):
    user.draw(half=26)
    view, before = user.host.view("Red"), user.mask().copy()
    user.driver.key(view, KEY.Key_S)
    user.wait("the map")
    asked = presenter(user).asked
    assert asked is not None, user.status()
    user.driver.key(view, KEY.Key_Plus)
    user.wait("the mask and the next map")
    added = user.mask() & ~before
    assert added.sum() == 25, "the double adds 5 x 5 pixels"
    assert added[int(asked.click.y), int(asked.click.x)]
    assert len(user.rows) == 1
    again = presenter(user).asked
    assert [p.positive for p in again.job.points] == [True]
    assert "Does the ring lie in" in user.status()
    user.driver.key(view, KEY.Key_Minus)
    user.wait("the mask and the next map")
    assert [p.positive for p in presenter(user).asked.job.points] == [True, False]
    user.driver.key(view, KEY.Key_S)
    assert maps(user) == []


def test_undo_takes_the_mask_and_the_question_back(one):
    one.draw(half=26)
    before = one.mask().copy()
    one.click("nextClickButton")
    one.wait()
    one.click("insideButton")
    one.wait()
    assert one.mask().sum() == before.sum() + 25
    one.click("undoButton")
    assert (one.mask() == before).all()
    assert maps(one) == []
    assert not one.ui.nextClickButton.checked


def test_colors_and_ring_are_in_the_view_where_they_belong(one):
    one.draw(half=26)
    one.ui.overlayCheckBox.click()
    one.driver.settle()
    plain = one.picture()
    one.click("nextClickButton")
    one.wait()
    asked, picture = presenter(one).asked, one.picture()
    x, y = place(one, asked)
    middle = picture.pixelColor(round(x), round(y))
    assert min(middle.red(), middle.green(), middle.blue()) > 150, "the ring's white middle"
    # one mask in three is the whole box: its corners are yellow-green, the object that all agree on is as before
    corner = one.corners("Red", 0, center=(22, -22))[0]
    colored, object_ = picture.pixelColor(*map(round, corner)), (picture.width() // 2, picture.height() // 2)
    assert colored.green() > colored.blue() + 40
    assert picture.pixelColor(*object_) == plain.pixelColor(*object_)
    outside = picture.width() // 2, picture.height() // 2 - 190
    assert picture.pixelColor(*outside) == plain.pixelColor(*outside)
    words = [line for view in one.panel.presenters.views.all() for line in legend(view)]
    assert any("nats" in line for line in words)


def legend(view):
    props = view.renderer.GetViewProps()
    found = [props.GetItemAsObject(n) for n in range(props.GetNumberOfItems())]
    return [actor.GetInput() for actor in found if actor.IsA("vtkTextActor")]


def test_another_box_takes_the_old_question_away(one):
    one.draw(half=26)
    one.click("nextClickButton")
    one.wait()
    one.draw(half=12)
    assert maps(one) == []
    assert not one.ui.nextClickButton.checked
    assert not one.ui.insideButton.enabled


def test_a_segmenter_without_points_is_refused_in_a_sentence(host, hands):
    boxes_only = ThresholdSegmenter(name="boxes-only")
    boxes_only.supports_points = False
    user = User(host, hands, module.double_models(boxes_only))
    user.draw()
    user.click("nextClickButton")
    user.wait()
    assert "boxes-only cannot say where to click next: it was trained with boxes only" in user.status()
    assert user.ui.statusLabel.styleSheet, "shown as a problem"
    assert not user.ui.nextClickButton.checked
    assert maps(user) == []


def test_without_a_mask_it_is_said_what_to_do(one):
    one.click("nextClickButton")
    assert "draw a box first" in one.status()
    assert not one.ui.nextClickButton.checked
    one.driver.key(one.host.view("Red"), KEY.Key_Plus)
    assert "Press Suggest next click first" in one.status()


def test_a_slow_network_blocks_nothing_and_is_cancelled(host, driver):
    slow = SlowSegmenter(blocks=1)
    user = User(host, driver, module.double_models(slow))
    user.draw(half=26)
    user.panel.controller._loaded.pipeline.cache.clear()  # the slice has to be encoded again
    slow.blocks, slow.done = 1000, 0
    slow.entered.clear()
    user.click("nextClickButton")
    user.driver.wait_until(slow.entered.is_set, what="the network to begin")
    assert not user.ui.busyWidget.isHidden()
    user.driver.run_for(0.2)  # the event loop turns while the network works
    assert 0 < slow.done < 1000
    user.click("cancelButton")
    user.wait("cancel")
    assert slow.done < 1000
    assert "Cancelled" in user.status()
    assert maps(user) == []
    assert not user.ui.nextClickButton.checked
    slow.blocks = 1
    user.click("nextClickButton")
    user.wait("the map")
    assert len(maps(user)) == 3


def test_closing_the_scene_while_a_question_is_shown(one):
    one.draw(half=26)
    one.click("nextClickButton")
    one.wait()
    one.host.close_scene()
    one.driver.settle()
    assert presenter(one).asked is None
    assert not one.ui.nextClickButton.checked
