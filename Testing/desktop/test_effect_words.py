"""What the Segment Editor effect says of a box: never 'Segmenting...' for ever, always the reason."""

from __future__ import annotations

import pytest

from desktop import module, phantoms
from desktop.test_effect import NAME, Editor
from desktop.user import User
from doubles import ThresholdSegmenter
from evanyseg.errors import EvanySegError
from scene.headless import add_transform


class Failing(ThresholdSegmenter):
    """Fails on the worker, after everything was accepted."""

    def segment(self, *given, **named):
        raise EvanySegError("The network has lost its weights.")


def at_work(host, hands, segmenter=None) -> Editor:
    editor = Editor(host, hands, module.double_models(segmenter))
    editor.widget.setActiveEffectByName(NAME)
    return editor


@pytest.fixture
def closing():
    opened: list[Editor] = []
    yield opened.append
    for editor in opened:
        editor.widget.shut()
        editor.widget.close()


def test_a_job_that_fails_later_is_said_in_the_effect(host, hands, closing):
    editor = at_work(host, hands, Failing())
    closing(editor)
    editor.draw()
    assert editor.said == editor.user.status() == "The network has lost its weights."
    assert not editor.mask().any()


def test_a_volume_that_cannot_be_used_is_said_with_its_reason(host, hands, closing):
    editor = at_work(host, hands)
    closing(editor)
    editor.user.volume.SetAndObserveTransformNodeID(add_transform(host.core).GetID())
    editor.draw()
    assert "non-linear transform" in editor.said
    assert editor.user.rows == []


def test_a_box_while_the_panel_works_is_refused_in_words(host, hands, closing):
    from desktop.test_many_slices import SlowSegmenter

    slow = SlowSegmenter(blocks=60)
    editor = at_work(host, hands, slow)
    closing(editor)
    volume, segmentation = editor.user.volume, editor.segmentation
    controller = editor.user.panel.controller
    review = controller.require()
    assert (review.volume, review.segmentation) == (volume, segmentation)
    plane = review.reader.plane(2, 6)
    controller.work(lambda review: review.jobs.box(editor.segment_id, plane, box(plane)))
    hands.wait_until(slow.entered.is_set, what="the network to begin")
    hands.drag(host.view("Red"), *editor.user.corners("Red", 20))
    assert "One thing at a time" in editor.said
    editor.user.wait("the panel's mask")
    assert "One thing at a time" in editor.said, "what the panel's job says is not the effect's"


def box(plane):
    from evanyseg.prompts import BoxPrompt

    return BoxPrompt(20, 20, plane.shape[1] - 20, plane.shape[0] - 20)


def test_a_choice_kept_under_its_former_name_is_read(host, hands):
    from EvanySegSlicerLib.scene.nodes.session_node import SessionNode

    SessionNode.of_scene(host.scene).node.SetParameter("judgeMissing", "False")
    user = User(host, hands, volume=phantoms.add_volume(host.scene, phantoms.ball()))
    assert not user.ui.missingCheckBox.checked
