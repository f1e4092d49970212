"""trame-slicer's Segment Editor with its paint and erase effects. Their brush, pointer and feedback are used as they
are; what was drawn goes to the presenter, which writes it with the review's own undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from slicer import vtkMRMLSliceNode
from trame_slicer.segmentation import SegmentationEffectErase, SegmentationEffectPaint
from trame_slicer.segmentation.abstract_segmentation_effect_brush import AbstractSegmentationEffectBrush
from trame_slicer.segmentation.paint_effect_parameters import BrushDiameterMode
from trame_slicer.segmentation.segmentation_paint_pipeline import SegmentationPaintPipeline2D
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...presenters.editing.painting import PaintingPresenter

if TYPE_CHECKING:
    from slicer import vtkMRMLAbstractViewNode, vtkMRMLModelNode, vtkMRMLNode
    from trame_slicer.core import SegmentationEditor

    from ...scene.review.session import ReviewSession

PAINT, ERASE = "paint", "erase"

OnStroke = Callable[[vtkMRMLSliceNode, np.ndarray], None]


class _Pipeline(SegmentationPaintPipeline2D):
    """Knows the view that was drawn on, which the effect is not told."""

    def OnPaintInteractionStopped(self) -> None:
        points = self.widget._paint_coordinates_world
        drawn = vtk_to_numpy(points.GetData()).astype(float).reshape(-1, 3).copy()
        try:
            self._effect.on_stroke(self._view.get_view_node(), drawn)
        finally:
            self.widget.clear()


class _SliceBrush:
    """What both effects have in common: slice views only, and nothing of the brush is saved with the scene."""

    on_stroke: OnStroke = staticmethod(lambda node, points: None)

    def _create_pipeline(self, view_node: vtkMRMLAbstractViewNode, parameter: vtkMRMLNode) -> _Pipeline | None:
        return _Pipeline() if isinstance(view_node, vtkMRMLSliceNode) else None

    def _create_model_node(self, name: str) -> vtkMRMLModelNode:
        node = super()._create_model_node(name)  # type: ignore[misc]  # the effect's, which this class precedes
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetVisibility3D(False)
        return node


class PagePaint(_SliceBrush, SegmentationEffectPaint):
    """Adds."""


class PageErase(_SliceBrush, SegmentationEffectErase):
    """Takes away."""


EFFECTS = {PAINT: PagePaint, ERASE: PageErase}


class Brush:
    """The page's brush. `on_resized()`: its size was changed in a view (shift and the wheel)."""

    def __init__(
        self,
        editor: SegmentationEditor,
        presenter: PaintingPresenter,
        on_used: Callable[[vtkMRMLSliceNode], None],
        on_resized: Callable[[], None],
    ) -> None:
        self.editor, self.presenter, self.on_used, self.on_resized = editor, presenter, on_used, on_resized
        # 3D surfaces are the review's business: the editor would rebuild or remove them at every edit
        editor.segmentation_modified.disconnect(editor._on_segmentation_modified)

    def start(self, mode: str) -> bool:
        """Take it up; False when it was said why not."""
        if not self.presenter.begin():
            return False
        review = self.presenter.controller.require()
        self._follow(review)
        effect = self._effect(mode)
        effect.on_stroke = lambda node, points: self._on_stroke(node, points, mode == ERASE)
        effect.set_brush_diameter(self.presenter.diameter, BrushDiameterMode.Absolute)
        effect.parameters_changed.connect(self._on_parameters)
        self.editor.set_active_effect_type(EFFECTS[mode])
        return True

    def stop(self) -> None:
        self.editor.deactivate_effect()

    def resize(self, diameter: float) -> None:
        """In mm, of what is in the hand and of what is taken up next."""
        self.presenter.set_diameter(diameter)
        effect = self._of_another_size()
        if effect is not None:
            effect.set_brush_diameter(self.presenter.diameter, BrushDiameterMode.Absolute)

    def _effect(self, mode: str) -> AbstractSegmentationEffectBrush:
        effect = self.editor.get_effect(EFFECTS[mode])
        assert effect is not None
        return effect

    def _of_another_size(self) -> AbstractSegmentationEffectBrush | None:
        """What is in the hand, where its size is not the presenter's."""
        effect = self.editor.active_effect
        if not isinstance(effect, AbstractSegmentationEffectBrush):
            return None
        return effect if effect.get_brush_diameter() != self.presenter.diameter else None

    def _follow(self, review: ReviewSession) -> None:
        """The effects are active only while the editor has a segmentation."""
        if self.editor.active_segmentation_node is review.segmentation:
            return
        segmentation = review.segmentation.GetSegmentation()
        geometry = segmentation.GetConversionParameter("Reference image geometry")
        self.editor.set_active_segmentation(review.segmentation, review.volume)
        segmentation.SetConversionParameter("Reference image geometry", geometry)  # its own, not the volume's

    def _on_stroke(self, node: vtkMRMLSliceNode, points: np.ndarray, erase: bool) -> None:
        self.on_used(node)
        self.presenter.stroke(node, points, erase)

    def _on_parameters(self) -> None:
        effect = self._of_another_size()
        if effect is not None:
            self.resize(effect.get_brush_diameter())
            self.on_resized()
