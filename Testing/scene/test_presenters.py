"""The presenters without Qt: a real scene, a manual executor, a view that writes down what it is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles import KnownTruthEstimator, ThresholdSegmenter
from evanyseg.errors import PromptError
from evanyseg.prompts import BoxPrompt
from evanyseg.registry import ModelSpec, Registry
from EvanySegSlicerLib.scene.boot import boot
from EvanySegSlicerLib.scene.jobs import JobRunner, ManualExecutor
from EvanySegSlicerLib.scene.presenters import damage, pictures
from EvanySegSlicerLib.scene.presenters.comparing import ComparingPresenter
from EvanySegSlicerLib.scene.presenters.exploring import ExploringPresenter
from EvanySegSlicerLib.scene.presenters.models import ModelStore
from EvanySegSlicerLib.scene.presenters.reading_ahead import neighbours
from EvanySegSlicerLib.scene.presenters.review_queue import arrange, step
from EvanySegSlicerLib.scene.presenters.reviewing import ReviewingPresenter
from EvanySegSlicerLib.scene.presenters.segmenting import SegmentingPresenter, box_on, result_text
from EvanySegSlicerLib.scene.presenters.workbench import Workbench
from EvanySegSlicerLib.scene.records import ScoreRecord
from EvanySegSlicerLib.scene.review_queue import Filters
from EvanySegSlicerLib.scene.session_node import SessionNode
from EvanySegSlicerLib.scene.slice_plane import slice_plane


class View:
    """Writes down what the panel would show."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.problems: list[str] = []
        self.is_busy = False

    def status(self, text: str, problem: bool = False) -> None:
        (self.problems if problem else self.said).append(text)

    def busy(self, what: str, fraction: float) -> None:
        self.is_busy = True

    def idle(self) -> None:
        self.is_busy = False

    def updated(self, keys) -> None:
        pass


class Desk:
    """A scene with a bright block (slices 3..8, rows 20..43, columns 16..47) and presenters on it."""

    def __init__(self) -> None:
        import slicer
        import vtk
        from vtk.util.numpy_support import numpy_to_vtk

        self.core = boot()
        array = np.zeros((12, 64, 64), np.int16)
        array[3:9, 20:44, 16:48] = 400
        image = vtk.vtkImageData()
        image.SetDimensions(64, 64, 12)
        image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))
        self.volume = self.core.scene.AddNode(slicer.vtkMRMLScalarVolumeNode())
        self.volume.SetName("Block")
        self.volume.SetAndObserveImageData(image)
        segmenters, estimators = Registry("segmenter"), Registry("estimator")
        for name, threshold in (("builtin", 127), ("other", 127)):
            segmenters.register(
                ModelSpec(name, name, lambda path, device, n=name, t=threshold: ThresholdSegmenter(t, n))
            )
        estimators.register(ModelSpec("builtin", "truth", lambda path, device: KnownTruthEstimator()))
        self.view, self.executor = View(), ManualExecutor()
        self.bench = Workbench(JobRunner(lambda device: self.executor), ModelStore(segmenters, estimators), self.view)
        self.bench.bind(SessionNode.of_scene(self.core.scene))
        self.segmenting = SegmentingPresenter(self.bench)
        self.jumps: list = []
        self.reviewing = ReviewingPresenter(self.bench, self.jumps.append)

    def choose(self) -> None:
        self.bench.node.set("volume", self.volume.GetID())

    def look(self, index: int):
        """The axial view at slice `index`."""
        node = self.core.slice_node("Red")
        node.SetSliceOffset(float(index))
        return node

    def draw(self, index: int = 5, box=(10, 10, 54, 54)) -> None:
        self.segmenting.box_drawn(self.look(index), self.corners(index, box))
        self.executor.run_all()

    def corners(self, index: int, box) -> np.ndarray:
        """RAS corners of a box in voxel columns and rows."""
        x0, y0, x1, y1 = (v - 0.5 for v in box)
        return np.array([[x0, y0, index], [x1, y0, index], [x1, y1, index], [x0, y1, index]], float)

    @property
    def rows(self):
        return self.bench.review.table.records()


@pytest.fixture
def desk():
    one = Desk()
    one.core.slice_node("Red").SetOrientation("Axial")
    yield one
    one.bench.bind(None)
    one.core.close()


def test_nothing_runs_before_it_is_asked_for(desk):
    assert not desk.bench.busy
    assert desk.executor.waiting.__len__() == 0
    desk.draw()
    assert desk.view.problems == ["Choose a volume first."]


def test_box_to_row_in_steps(desk):
    desk.choose()
    desk.segmenting.box_drawn(desk.look(5), desk.corners(5, (10, 10, 54, 54)))
    assert desk.bench.busy
    assert desk.view.is_busy
    desk.executor.run_next()  # the models
    assert desk.bench.busy
    desk.executor.run_next()  # the box
    assert not desk.bench.busy
    assert not desk.view.is_busy
    (row,) = desk.rows
    assert row.band == "good"
    assert desk.segmenting.row() == row
    assert "GOOD" in result_text(row)


def test_a_scene_that_goes_between_the_steps(desk):
    desk.choose()
    desk.segmenting.box_drawn(desk.look(5), desk.corners(5, (10, 10, 54, 54)))
    desk.bench.bind(None)
    desk.executor.run_all()
    assert not desk.bench.busy
    assert desk.bench.review is None


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
    compare = ComparingPresenter(desk.bench, lambda: told.append(1))
    row = desk.segmenting.row()
    compare.compare(["builtin", "other"], desk.segmenting.segment_id, desk.segmenting.last_plane, row.box_prompt)
    desk.executor.run_all()
    assert told
    assert len(compare.candidates) == 3, "equal masks of two segmenters are shown once"
    worst = compare.candidates[-1]
    compare.keep(2)
    desk.executor.run_all()
    assert (desk.bench.review.store.mask(row.segment_id, compare.plane) == worst.mask).all()
    desk.segmenting.undo()
    assert desk.rows[0].dice == pytest.approx(row.dice)
    compare.keep(99)
    assert "Compare first" in desk.view.problems[-1]


def test_explore_judges_only_the_newest_position(desk):
    desk.choose()
    desk.draw()
    explore = ExploringPresenter(desk.bench)
    assert explore.choose(desk.segmenting.segment_id, desk.look(5), None) == ""
    for pixels in (1, 2, 3, 4):
        explore.set_damage("Erode", pixels)
    desk.executor.run_all()
    assert [trial.pixels for trial in explore.trials] == [1, 4]
    assert explore.trials[1].estimate.dice < explore.trials[0].estimate.dice
    assert explore.plot() is None, "no reference, no plot"
    assert "no mask" in explore.choose(desk.segmenting.segment_id, desk.look(0), None)


def test_a_turned_view_still_gives_an_upright_pixel_box(desk):
    desk.choose()
    plane = desk.bench.require().reader.plane(2, 5)
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-10, -5], [10, -5], [10, 5], [-10, 5]]) @ turn.T + [32, 32]
    box = box_on(plane, np.c_[corners, np.full(4, 5.0)])
    assert box.width == pytest.approx(20 * np.cos(angle) + 10 * np.sin(angle), abs=1e-6)
    with pytest.raises(PromptError):
        box_on(plane, np.c_[corners + 200, np.full(4, 5.0)])


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
    shown = arrange(rows, order, Filters())
    assert sorted(r.index for r in shown) == list(range(len(rows)))
    open_rows = {r.key for r in rows if not r.decision}
    seen, current = [], None
    for _ in range(len(open_rows)):
        current = step(shown, current)
        seen.append(current)
    assert set(seen) == open_rows


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(damage.DAMAGES)), st.integers(0, 30), st.integers(4, 20))
def test_damage_never_touches_the_original_and_none_is_none(name, pixels, radius):
    rows, cols = np.ogrid[:48, :48]
    mask = (rows - 24) ** 2 + (cols - 24) ** 2 <= radius**2
    kept = mask.copy()
    damaged = damage.DAMAGES[name](mask, pixels)
    assert (mask == kept).all()
    assert damaged.shape == mask.shape
    if pixels == 0:
        assert (damaged == mask).all()
    elif name == "Erode":
        assert not (damaged & ~mask).any()
    elif name in ("Dilate", "Leak"):
        assert not (mask & ~damaged).any()


def test_pictures_are_of_the_size_asked_for(tmp_path):
    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:40] = True
    crop = pictures.outlined_crop(image, mask, BoxPrompt(20, 10, 40, 30), 64)
    assert crop.shape == (64, 64, 3)
    assert (crop == np.array(pictures.OUTLINE, np.uint8)).all(axis=-1).any() or crop.max() > 150
    assert pictures.scatter([(0.5, 0.6), (float("nan"), 0.2), (1.0, 1.0)], 80).shape == (80, 80, 3)
    path = pictures.write_png(crop, tmp_path / "a.png")
    assert path.read_bytes()[:4] == b"\x89PNG"


@pytest.fixture
def unlike(desk):
    """The desk with no two slices alike: what is alike is encoded once."""
    from vtk.util.numpy_support import vtk_to_numpy

    scalars = desk.volume.GetImageData().GetPointData().GetScalars()
    vtk_to_numpy(scalars).reshape(12, 64, 64)[:, 0, 0] = np.arange(12)
    scalars.Modified()
    desk.choose()
    desk.draw(5)
    return desk


def segmenter_of(desk: Desk) -> ThresholdSegmenter:
    found = desk.bench.review.flow.segmenter
    assert isinstance(found, ThresholdSegmenter)
    return found


def test_the_slice_further_on_is_encoded_first(unlike):
    assert segmenter_of(unlike).embedded == 3
    planes = [(3, 5, [2, 4]), (5, 3, [6, 4]), (0, 3, [1]), (11, 3, [10]), (5, None, [6, 4])]
    volume = unlike.bench.review.reader.snapshot()
    at = lambda index: slice_plane(volume.ijk_to_ras, volume.dims, 2, index)
    for index, before, expected in planes:
        found = neighbours(at(index), at(before) if before is not None else None, volume)
        assert [p.index for p in found] == expected


def test_the_user_never_waits_behind_a_slice_read_ahead(unlike):
    made = segmenter_of(unlike).embedded
    assert made == 3
    unlike.segmenting.look_ahead(unlike.look(8))
    unlike.segmenting.look_ahead(unlike.look(9))  # another one is wanted: the first is not encoded any more
    unlike.executor.run_all()
    assert segmenter_of(unlike).embedded == made + 1
    unlike.segmenting.look_ahead(unlike.look(8))
    unlike.segmenting.box_drawn(unlike.look(1), unlike.corners(1, (10, 10, 54, 54)))
    unlike.executor.run_next()  # what was read ahead: it gives way
    assert segmenter_of(unlike).embedded == made + 1
    unlike.executor.run_all()
    assert len(unlike.rows) == 2


def test_what_is_read_ahead_is_not_read_twice(unlike):
    made = segmenter_of(unlike).embedded
    unlike.segmenting.look_ahead(unlike.look(8))
    unlike.segmenting.look_ahead(unlike.look(8))
    unlike.segmenting.box_drawn(unlike.look(8), unlike.corners(8, (10, 10, 54, 54)))
    unlike.executor.run_next()
    assert segmenter_of(unlike).embedded == made + 1
    unlike.executor.run_next()
    assert segmenter_of(unlike).embedded == made + 1
    assert len(unlike.rows) == 2
