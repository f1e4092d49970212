"""A real scene with presenters on it, a manual executor, and a view that writes down what it is told."""

from __future__ import annotations

import numpy as np
import pytest

from doubles import ThresholdSegmenter
from doubles.review import RecordingView, double_models
from EvanySegSlicerLib.presenters.review_controller import ReviewController
from EvanySegSlicerLib.presenters.reviewing import ReviewingPresenter
from EvanySegSlicerLib.presenters.segmenting import SegmentingPresenter
from EvanySegSlicerLib.scene.headless.boot import boot
from EvanySegSlicerLib.scene.jobs.runner import JobRunner, ManualExecutor
from EvanySegSlicerLib.scene.nodes.session_node import SessionNode


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
        self.view, self.executor = RecordingView(), ManualExecutor()
        models = double_models(others=[ThresholdSegmenter(name="other")])
        self.controller = ReviewController(JobRunner(lambda device: self.executor), models, self.view)
        self.controller.bind(SessionNode.of_scene(self.core.scene))
        self.segmenting = SegmentingPresenter(self.controller)
        self.jumps: list = []
        self.reviewing = ReviewingPresenter(self.controller, self.jumps.append)

    def choose(self) -> None:
        self.controller.node.set("volume", self.volume.GetID())

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
        return self.controller.review.table.records()


@pytest.fixture
def desk():
    one = Desk()
    one.core.slice_node("Red").SetOrientation("Axial")
    yield one
    one.controller.bind(None)
    one.core.close()
