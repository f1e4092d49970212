"""Propagate and score existing segmentations: results, progress, cancel; in both kinds of event loop."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from desktop import module, phantoms
from desktop.user import User
from doubles import KnownTruthEstimator, ThresholdSegmenter
from evanyseg.protocols import never_cancel, raise_if_cancelled


class SlowSegmenter(ThresholdSegmenter):
    """Takes `blocks` x 10 ms a slice and asks after each block, as the networks' hooks do."""

    def __init__(self, blocks: int = 100) -> None:
        super().__init__(name="slow")
        self.blocks = blocks
        self.entered = threading.Event()
        self.done = 0
        self.threads: set[int] = set()

    def embed(self, image, should_cancel=never_cancel):
        self.entered.set()
        self.threads.add(threading.get_ident())
        for _ in range(self.blocks):
            raise_if_cancelled(should_cancel)
            time.sleep(0.01)
            self.done += 1
        return super().embed(image, should_cancel)


@pytest.fixture
def user(host, driver):
    return User(host, driver)


def add_segmentation(user, damage=None, name="Ball"):
    """A finished segmentation of the ball, one segment; `damage(array [K, J, I])` changes it first."""
    import slicer

    array = phantoms.ball(seed=0) > 250
    if damage is not None:
        damage(array)
    node = user.host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Given")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(user.volume)
    segment_id = node.GetSegmentation().AddEmptySegment("", name)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), node, segment_id, user.volume)
    user.ui.segmentationSelector.setCurrentNode(node)
    user.driver.settle()
    return node


def test_propagate_both_ways_until_the_object_ends(user):
    user.draw(half=26)
    user.click("propagateBothButton")
    user.wait("propagation", 60)
    assert {row.index for row in user.rows} == set(range(2, 11)), user.status()
    assert all(row.dice > 0.9 for row in user.rows)
    assert "slices propagated" in user.status()
    user.click("undoButton")
    assert {row.index for row in user.rows if user.mask(row).any()} == {6}, "one undo step for all of them"


def test_propagate_stops_where_quality_falls(host, hands):
    def truth(image):
        found = image[..., 0] > 127
        # the estimator believes less and less in small objects: the ends of the ball
        return found if found.sum() > 900 else np.zeros_like(found)

    user = User(host, hands, module.double_models(estimator=KnownTruthEstimator(truth)))
    user.draw(half=26)
    user.click("propagateUpButton")
    user.wait("propagation", 60)
    kept = {row.index for row in user.rows}
    assert min(kept) == 6
    assert 6 < max(kept) < 10
    assert all(user.mask(row).sum() > 900 for row in user.rows)


def test_propagating_nothing_is_said(user):
    user.click("propagateUpButton")
    user.wait()
    assert "draw a box first" in user.status()


def test_score_every_slice_of_a_given_segmentation_and_only_changed_ones_again(host, hands):
    truth_teller = KnownTruthEstimator()
    user = User(host, hands, module.double_models(estimator=truth_teller))

    def damage(array):
        array[4, :, :48] = False  # half of one slice is missing

    add_segmentation(user, damage)
    user.click("missingCheckBox")
    user.click("scoreButton")
    user.wait("scores", 60)
    assert {row.index for row in user.rows} == set(range(2, 11)), user.status()
    worst = min(user.rows, key=lambda row: row.dice)
    assert worst.index == 4
    assert worst.band == "poor"
    scored = truth_teller.scored
    user.click("scoreButton")
    user.wait("scores", 60)
    assert truth_teller.scored == scored
    assert "0 slices scored" in user.status()


def test_a_segmentation_that_leaves_the_volume_is_refused_and_scored_when_allowed(user):
    import vtk

    node = add_segmentation(user)

    up = vtk.vtkMatrix4x4()
    up.SetElement(2, 3, 12.0)  # four slices
    transform = user.host.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "up")
    transform.SetMatrixTransformToParent(up)
    node.SetAndObserveTransformNodeID(transform.GetID())
    user.click("missingCheckBox")
    user.click("scoreButton")
    user.wait("the answer", 60)
    assert "of 'Ball' lies outside 'Phantom'; it was not scored" in user.status()
    assert user.ui.statusLabel.styleSheet, "shown as a problem"
    assert not user.rows
    user.click("allowCroppedCheckBox")
    user.click("scoreButton")
    user.wait("scores", 60)
    assert {row.index for row in user.rows} == set(range(6, 12))
    assert all("of the mask outside the image" in row.caveats for row in user.rows)
    assert user.panel.controller.session.allow_cropped, "kept in the scene, for every front end"


@pytest.mark.parametrize(("axis", "name"), [(0, "axial"), (1, "coronal"), (2, "sagittal")])
def test_scores_along_any_axis(host, hands, axis, name):
    user = User(host, hands)
    add_segmentation(user)
    user.choose("axisSelector", axis)
    user.click("missingCheckBox")
    user.click("scoreButton")
    user.wait("scores", 60)
    assert {row.plane for row in user.rows} == {name}


def test_missing_slices_are_found_and_shown_as_such(host, hands):
    user = User(host, hands)

    def damage(array):
        array[6] = False

    add_segmentation(user, damage)
    user.click("scoreButton")
    user.wait("scores and missing slices", 60)
    missing = [row for row in user.rows if row.kind == "missing"]
    assert 6 in {row.index for row in missing}, user.status()
    user.tab("reviewTab")
    assert "missing?" in user.ui.countsLabel.text
    shown = user.ui.reviewTable.model()
    assert "Missing?" in {shown.index(n, 4).data() for n in range(shown.rowCount())}


def test_cancel_stops_a_slow_network_at_its_next_block(host, driver):
    """In milliseconds: `dev.py bench responsive`."""
    slow = SlowSegmenter(blocks=1000)
    user = User(host, driver, module.double_models(slow))
    user.draw(wait=False)
    driver.wait_until(slow.entered.is_set, what="the network to begin")
    driver.run_for(0.1)
    assert user.ui.busyWidget.isVisible()
    user.click("cancelButton")
    blocks = slow.done
    user.wait("cancel")
    assert slow.done <= blocks + 1
    assert not user.ui.busyWidget.isVisible()
    assert user.rows == []
    assert "nothing was changed" in user.status()
    slow.blocks = 1
    user.draw()
    assert len(user.rows) == 1, "and the next box works"


def test_cancel_in_the_middle_of_propagation_changes_nothing(host, driver):
    slow = SlowSegmenter(blocks=1)
    user = User(host, driver, module.double_models(slow))
    user.draw()
    before = user.mask().copy()
    slow.blocks = 40
    user.click("propagateBothButton")
    driver.run_for(0.15)
    user.click("cancelButton")
    user.wait("cancel")
    assert len(user.rows) == 1
    assert (user.mask() == before).all()


def test_a_second_action_while_one_runs_is_refused_in_a_sentence(host, driver):
    slow = SlowSegmenter(blocks=60)
    user = User(host, driver, module.double_models(slow))
    user.draw(wait=False)
    driver.wait_until(slow.entered.is_set, what="the network to begin")
    user.click("scoreButton")
    assert "One thing at a time" in user.status()
    user.click("undoButton")
    user.wait("the mask", 30)
    assert len(user.rows) == 1


def test_the_window_stays_alive_while_a_job_runs(host, driver):
    """Networks run beside the user's thread, in both kinds of loop, and his timers go on meanwhile (how long they ever
    wait: `dev.py bench responsive`)."""
    slow = SlowSegmenter(blocks=30)
    user = User(host, driver, module.double_models(slow))
    beats = driver.beats
    user.draw(half=26)
    assert slow.threads
    assert threading.get_ident() not in slow.threads
    assert driver.beats - beats > 10


def test_progress_is_shown(host, hands):
    slow = SlowSegmenter(blocks=1)
    user = User(host, hands, module.double_models(slow))
    user.draw()
    slow.blocks = 10
    seen = []
    before = user.panel.busy
    user.panel.busy = lambda what, fraction: (seen.append((fraction, what)), before(what, fraction))
    user.click("propagateBothButton")
    user.wait("propagation", 60)
    fractions = [fraction for fraction, _ in seen]
    assert len(set(fractions)) >= 4
    assert fractions == sorted(fractions)
    assert any("slice" in what for _, what in seen)
