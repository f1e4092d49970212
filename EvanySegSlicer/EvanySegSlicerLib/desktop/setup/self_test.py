"""Checks that run inside desktop Slicer (Reload and Test, or ctest): a made volume, no network, no installed package.

The two small models here are complete: one segments by brightness, the other knows by brightness what is right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import slicer

from evanyseg.models import ModelSpec, Registry
from evanyseg.overlap import dice
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import QualityEstimator, Segmenter, ShouldCancel, never_cancel
from evanyseg.quality.cases import CaseEstimator
from evanyseg.results import Candidates, Caveat, Embedding, QualityCase, QualityEstimate

from ...presenters.setup.model_store import ModelStore
from ...scene.review.open_review import OpenReview, open_review

if TYPE_CHECKING:
    from slicer import qMRMLSliceWidget, vtkMRMLScalarVolumeNode


class BrightnessSegmenter:
    """Everything brighter than half of the range inside the box."""

    name, device, supports_points, supports_boxes = "brightness", "cpu", False, True

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        return Embedding(self.name, image.shape[:2], image[..., 0], image[..., 0].nbytes)

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        mask = embedding.features > 127
        if box is not None:
            inside = np.zeros_like(mask)
            inside[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)] = True
            mask = mask & inside
        logits = np.where(mask, 9.0, -9.0).astype(np.float32)[None]
        return Candidates(logits, np.array([np.nan]), np.array([np.nan]), logits)


class BrightnessEstimator(CaseEstimator):
    """Dice with everything that is brighter than half of the range."""

    name, device, level = "brightness", "cpu", 0.9

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        for case in cases:
            yield self._score(case.image, case.mask)

    def _score(self, image: np.ndarray, mask: np.ndarray) -> QualityEstimate:
        truth = image[..., 0] > 127
        if not truth.any() and not mask.any():
            return QualityEstimate.unscored(self.name, Caveat.EMPTY_MASK)
        value = dice(truth, mask)
        return QualityEstimate(value, max(0.0, value - 0.1), min(1.0, value + 0.1), self.level, self.name)


def _volume() -> vtkMRMLScalarVolumeNode:
    """12 slices of 64 x 64 pixels, a bright block on slices 3..8."""
    array = np.zeros((12, 64, 64), np.int16)
    array[3:9, 20:44, 16:48] = 400
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Self test")
    slicer.util.updateVolumeFromArray(node, array)
    node.SetSpacing(1.0, 1.0, 3.0)
    node.CreateDefaultDisplayNodes()
    return node


def _review() -> OpenReview:
    opened = open_review(_volume(), pipeline=SlicePipeline(BrightnessEstimator(), BrightnessSegmenter()))
    opened.overlay.show()
    return opened


def box_to_colored_slice() -> None:
    """A box gives exactly the block, the row says good, the overlay is there and goes again."""
    opened = _review()
    review = opened.review
    segment_id = review.store.add("Block")
    plane = review.reader.plane(2, 5)
    done = review.segment_box(segment_id, plane, BoxPrompt(10, 10, 54, 54))
    assert done.ok, done.message
    assert review.store.mask(segment_id, plane).sum() == 24 * 32
    (row,) = review.table.records()
    assert row.band == "good", row
    # by id, not by name: while the module is shown, its panel has an overlay of its own
    overlay = opened.overlay.node
    assert overlay is not None
    node_id = overlay.GetID()
    opened.overlay.remove()
    assert slicer.mrmlScene.GetNodeByID(node_id) is None


def review_and_undo() -> None:
    """A poor box, a decision, undo and redo of masks with their scores."""
    review = _review().review
    segment_id = review.store.add("Block")
    plane = review.reader.plane(2, 5)
    review.segment_box(segment_id, plane, BoxPrompt(10, 10, 54, 54))
    review.segment_box(segment_id, plane, BoxPrompt(10, 10, 30, 30))
    (row,) = review.table.records()
    assert row.band != "good", row
    review.decisions.flag(row.key)
    assert review.table.records()[0].decision == "flagged"
    review.undo()
    assert review.table.records()[0].dice > 0.99
    review.redo()
    assert review.table.records()[0].dice < 0.9


def score_an_existing_segmentation() -> None:
    """Propagation fills the block, a slice with an error is found by scoring."""
    review = _review().review
    segment_id = review.store.add("Block")
    plane = review.reader.plane(2, 5)
    review.segment_box(segment_id, plane, BoxPrompt(10, 10, 54, 54))
    review.propagate(segment_id, plane, "both")
    assert {row.index for row in review.table.records()} == set(range(3, 9))
    halved = review.reader.plane(2, 7)
    mask = review.store.mask(segment_id, halved).copy()
    mask[:, :32] = False
    review.store.write(segment_id, halved, mask, review.volume)
    review.score_existing(2)
    worst = min(review.table.records(), key=lambda row: row.dice)
    assert worst.index == 7, worst


def the_panel_opens() -> None:
    """The module's widget on the scene: nothing is installed or loaded."""
    volume = _volume()
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    if slicer.util.mainWindow() is None:
        return
    slicer.util.selectModule("EvanySegSlicer")
    panel = slicer.util.getModuleWidget("EvanySegSlicer").panel
    assert panel.controller.node is not None
    assert panel.ui.drawBoxButton.enabled
    slicer.app.processEvents()


def a_box_drawn_with_the_mouse() -> None:
    """Press, move and release on the red slice view: the panel makes a mask and a row, on its worker thread."""
    if slicer.util.mainWindow() is None:
        return
    volume = _volume()
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    slicer.util.selectModule("EvanySegSlicer")
    panel = slicer.util.getModuleWidget("EvanySegSlicer").panel
    segmenters, estimators = Registry[Segmenter]("segmenter"), Registry[QualityEstimator]("estimator")
    segmenters.register(ModelSpec("builtin", "Brightness", lambda spec, path, device: BrightnessSegmenter()))
    estimators.register(ModelSpec("builtin", "Brightness", lambda spec, path, device: BrightnessEstimator()))
    real, panel.controller.models = panel.controller.models, ModelStore(segmenters, estimators)
    try:
        panel.controller.node.set("volume", volume.GetID())
        slice_widget = slicer.app.layoutManager().sliceWidget("Red")
        slice_widget.sliceLogic().SetSliceOffset(15.0)
        panel.ui.drawBoxButton.click()
        _drag(slice_widget)
        end = time.monotonic() + 20
        while panel.controller.busy and time.monotonic() < end:
            slicer.app.processEvents()
        review = panel.controller.review
        assert review is not None, panel.ui.statusLabel.text
        rows = review.table.records()
        assert len(rows) == 1, panel.ui.statusLabel.text
        assert rows[0].band == "good", rows[0]
    finally:
        panel.segment_tab.stop_tool()
        panel.controller.models = real
        panel.controller.forget_models()


def _drag(slice_widget: qMRMLSliceWidget) -> None:
    """From one corner of the volume to the other, by VTK's own events."""
    interactor = slice_widget.sliceView().renderWindow().GetInteractor()
    width, height = interactor.GetRenderWindow().GetSize()
    low, high = 0.5 * min(width, height) * 0.9, 0.5 * min(width, height) * 0.9
    interactor.SetEventPosition(int(width / 2 - low), int(height / 2 - low))
    interactor.LeftButtonPressEvent()
    for share in (0.0, 0.5, 1.0):
        interactor.SetEventPosition(int(width / 2 + share * high), int(height / 2 + share * high))
        interactor.MouseMoveEvent()
    interactor.LeftButtonReleaseEvent()


CHECKS: dict[str, Callable[[], None]] = {
    "Box to coloured slice": box_to_colored_slice,
    "Review and undo": review_and_undo,
    "Score an existing segmentation": score_an_existing_segmentation,
    "The panel opens": the_panel_opens,
    "A box drawn with the mouse": a_box_drawn_with_the_mouse,
}
