"""A whole front end without a window: what a web page or the desktop does, through `presenters.front_end` alone."""

import numpy as np
import pytest

from doubles import KnownTruthEstimator, ThresholdSegmenter
from doubles.review import RecordingView, double_models
from evanyseg.errors import EvanySegError
from EvanySegSlicerLib.presenters.front_end import Presenters
from EvanySegSlicerLib.presenters.rubber_band import BOX, RubberBand
from EvanySegSlicerLib.scene.headless.offscreen import require_opengl
from EvanySegSlicerLib.scene.jobs.runner import JobRunner, ManualExecutor
from EvanySegSlicerLib.scene.nodes.session_node import SessionNode
from EvanySegSlicerLib.scene.overlay.bands_segmentation import find_bands
from scene.headless import add_volume

try:
    require_opengl()
except EvanySegError as problem:
    pytest.skip(str(problem), allow_module_level=True)


class FrontEnd:
    """Three slice views, a status line, a worker that runs when told."""

    def __init__(self, app) -> None:
        from doubles.views import HeadlessViews

        array = np.zeros((12, 64, 64), np.int16)
        array[3:9, 20:44, 16:48] = 400
        self.app, self.volume = app, add_volume(app, array)
        app.show(self.volume)
        self.view, self.views, self.executor = RecordingView(), HeadlessViews(app), ManualExecutor()
        models = double_models(estimator=KnownTruthEstimator(), others=[ThresholdSegmenter(name="other")])
        self.presenters = Presenters(JobRunner(lambda device: self.executor), models, self.view, self.views)
        self.presenters.bind(SessionNode.of_scene(app.scene))
        self.presenters.controller.node.set("volume", self.volume.GetID())

    def draw(self, index: int, box) -> None:
        view = self.views.of["Red"]
        view.slice_node.SetSliceOffset(float(index))
        x0, y0, x1, y1 = (v - 0.5 for v in box)
        corners = np.array([[x0, y0, index], [x1, y0, index], [x1, y1, index], [x0, y1, index]], float)
        self.presenters.segmenting.box_drawn(view.slice_node, corners)
        self.executor.run_all()

    @property
    def rows(self):
        return self.presenters.controller.review.table.records()

    def close(self) -> None:
        self.presenters.leave()
        self.views.close()


@pytest.fixture
def front(app):
    one = FrontEnd(app)
    yield one
    one.close()


def test_words_that_were_cut_come_back_when_the_view_grows(front):
    front.presenters.display.set_on(True)
    front.draw(5, (10, 10, 54, 54))
    (row,) = front.rows
    red = front.views.of["Red"]
    window = red.renderer.GetRenderWindow()

    def said(width: int) -> str:
        window.SetSize(width, 300)
        red.slice_node.SetDimensions(width, 300, 1)  # as a front end does when its view has another size
        front.presenters.display.refresh()
        return next(line for line in red.words if line.startswith("Segment"))

    whole, cut = said(900), said(250)
    assert f"{row.dice:.2f} GOOD" in whole
    assert len(cut) < len(whole)
    assert said(900) == whole


def test_a_box_is_scored_shown_and_said(front):
    front.presenters.display.set_on(True)
    front.draw(5, (10, 10, 54, 54))
    front.presenters.display.refresh()
    (row,) = front.rows
    assert row.band == "good"
    red = front.views.of["Red"]
    assert any(f"{row.dice:.2f} GOOD" in line for line in red.words)
    assert any(line.startswith("poor, below") for line in red.words), "the legend"
    assert not any("poor, below" in line for line in front.views.of["Green"].words), "one legend is enough"
    assert front.presenters.controller.review.overlay.shown
    red.slice_node.SetSliceOffset(0.0)
    assert not any("GOOD" in line for line in red.words), "nothing is scored there"
    front.presenters.display.set_on(False)
    assert red.words == []
    assert not front.presenters.controller.review.overlay.shown


def test_reviewing_brings_the_views_to_the_slice(front):
    front.draw(4, (10, 10, 54, 54))
    front.draw(6, (10, 10, 30, 30))
    front.presenters.reviewing.next()
    assert front.presenters.reviewing.current_row().index == 6, "the worst one"
    assert front.views.of["Red"].slice_node.GetSliceOffset() == pytest.approx(6)
    front.presenters.reviewing.flag()
    assert front.presenters.reviewing.current_row().decision == "flagged"
    front.presenters.reviewing.flag()
    assert front.presenters.reviewing.current_row().decision == "", "a second time takes it back"


def test_models_bands_and_colors_are_kept_in_the_session(front):
    presenters, session = front.presenters, lambda: front.presenters.controller.session
    assert [name for name, _title in presenters.models.choices("segmenter")] == ["builtin", "other"]
    presenters.models.choose("segmenter", "other")
    assert presenters.models.chosen("segmenter") == session().segmenter == "other"
    assert presenters.models.note().split("\n")[0] == "A double", "the other one has none"
    assert [line[:20] for line in presenters.models.note().split("\n")[1:]] in ([], ["Shown by percentile "])
    front.draw(5, (10, 10, 30, 30))
    assert front.rows[0].segmenter == "other"
    dice = front.rows[0].dice
    presenters.settings.set_bands(round(dice - 0.05, 2), round(dice - 0.1, 2))
    assert front.rows[0].band == "good"
    presenters.settings.set_bands(0.3, 0.6)
    assert "0 < check < good" in front.view.problems[-1]
    assert session().thresholds.good == round(dice - 0.05, 2), "an impossible pair is not taken"
    presenters.settings.set_continuous(True)
    assert session().continuous


def test_segments_are_listed_added_and_chosen(front):
    segmenting = front.presenters.segmenting
    assert segmenting.segments() == []
    segmenting.add_segment()
    segmenting.add_segment()
    (first, _), (second, _) = segmenting.segments()
    assert segmenting.segment_id == second
    segmenting.choose_segment(first)
    front.draw(5, (10, 10, 54, 54))
    assert {row.segment_id for row in front.rows} == {first}


def test_what_is_derived_is_made_on_demand_and_gone_when_the_front_end_leaves(front):
    presenters, scene = front.presenters, front.app.scene
    assert not presenters.display.show_bands_3d()
    assert "quality overlay first" in front.view.problems[-1]
    front.draw(5, (10, 10, 30, 30))
    presenters.display.set_on(True)
    assert presenters.display.show_bands_3d()
    assert find_bands(scene) is not None
    presenters.display.hide_bands_3d()
    assert find_bands(scene) is None
    before = front.views.of["Red"].words
    presenters.error_map.set_on(True, front.views.active().slice_node)
    front.executor.run_all()
    assert presenters.error_map.shown
    assert "probably missing" in " ".join(front.views.of["Red"].words), "the legend is the map's"
    presenters.leave()
    names = [scene.GetNthNode(n).GetName() or "" for n in range(scene.GetNumberOfNodes())]
    assert before
    assert front.views.of["Red"].words == []
    assert not [name for name in names if name.startswith(("EvanySeg quality", "EvanySeg error map"))]


def test_segments_with_a_poor_slice_get_slicers_own_status(front):
    import slicer

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    front.draw(5, (10, 10, 26, 26))
    assert front.rows[0].band == "poor"
    review = front.presenters.controller.review
    segment = review.segmentation.GetSegmentation().GetSegment(front.rows[0].segment_id)
    front.presenters.display.flag_segments()
    assert logic.GetSegmentStatus(segment) == logic.Flagged
    review.decisions.accept(front.rows[0].key)
    front.presenters.display.flag_segments()
    assert logic.GetSegmentStatus(segment) == logic.InProgress, "somebody has accepted it"


class Mouse:
    """What a VTK interactor tells of a mouse."""

    def __init__(self) -> None:
        self.at = (0, 0)

    def GetEventPosition(self):
        return self.at

    def GetShiftKey(self):
        return 0

    GetControlKey = GetAltKey = GetShiftKey


def test_the_box_tool_works_on_any_view_that_keeps_the_protocol(front):
    view, mouse, drawn = front.views.of["Red"], Mouse(), []
    band = RubberBand(lambda where, corners: drawn.append((where, corners)))
    assert band.mode == BOX
    actors = view.renderer.GetViewProps().GetNumberOfItems()
    for event, at in (("LeftButtonPressEvent", (40, 60)), ("MouseMoveEvent", (140, 160))):
        mouse.at = at
        assert band.process(mouse, event, view)
    assert view.renderer.GetViewProps().GetNumberOfItems() == actors + 1
    assert band.process(mouse, "LeftButtonReleaseEvent", view)
    assert view.renderer.GetViewProps().GetNumberOfItems() == actors
    ((where, corners),) = drawn
    assert where is view
    assert corners.shape == (4, 3)
