"""Behind the Segment Editor effect: the box tool on the selected segment, through the editor's own undo and masking.

Models, score table, overlay and running jobs are those of the EvanySeg module's panel, which is made (not shown) when
the effect is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from evanyseg.errors import EvanySegError
from evanyseg.geometry.boxes import box_around
from evanyseg.geometry.labels import Stamp

from ..presenters.review_controller import ReviewController
from ..presenters.rubber_band import RubberBand, with_modifier
from ..presenters.texts import result_text
from ..presenters.view import SliceView
from ..scene.jobs.prompt_jobs import BoxJob
from ..scene.jobs.result import JobResult
from ..scene.nodes.segment_store import oriented_image
from ..scene.review.session import Applied, ReviewSession
from ..scene.table.records import Key
from .views.slice_views import SliceView as DesktopSliceView

if TYPE_CHECKING:
    from qSlicerSegmentationsEditorEffectsPythonQt import qSlicerSegmentEditorScriptedEffect
    from slicer import qMRMLSliceWidget, qMRMLWidget, vtkMRMLSegmentationNode
    from vtkmodules.vtkRenderingCore import vtkRenderWindowInteractor

    from .panel import Panel

CLOSED = _("The Segment Editor was closed: segmenting was cancelled, no mask was changed.")
TOLD_MS = 15_000
"""How long the main window's status bar says what became of a box when the effect's own label is gone."""


class EditorHistory:
    """The Segment Editor's undo and masking, as `ReviewSession` wants them (`EditHistory`)."""

    can_undo = can_redo = False
    """Undo and redo are the editor's own buttons; scores follow the masks."""

    def __init__(self, effect: qSlicerSegmentEditorScriptedEffect, segmentation: vtkMRMLSegmentationNode) -> None:
        """`segmentation`: the node that boxes drawn now are meant for."""
        self._effect = effect
        self._segmentation = segmentation

    def save(self) -> None:
        """Raises EvanySegError when the editor is gone, or holds the undo steps of another segmentation by now."""
        try:
            node = self._effect.parameterSetNode()
        except ValueError:  # what PythonQt raises for calls on a destroyed object
            raise EvanySegError(CLOSED) from None
        edited = node.GetSegmentationNode() if node is not None else None
        if edited is not self._segmentation:
            raise EvanySegError(
                _("The Segment Editor works on another segmentation now; nothing was changed. Draw the box again.")
            )
        self._effect.saveStateForUndo()

    def undo(self) -> bool:
        return False

    redo = undo

    def modify(self, node: vtkMRMLSegmentationNode, segment_id: str, found: Stamp, matrix: np.ndarray) -> None:
        """Change the segment that was meant, whichever is selected now, as editable area, intensity range and overwrite
        mode allow."""
        modes = slicer.qSlicerSegmentEditorAbstractEffect
        for mode, part in (
            (modes.ModificationModeRemove, found.slab & ~found.value),
            (modes.ModificationModeAdd, found.value),
        ):
            if part.any():
                image = oriented_image(found, part.astype(np.uint8), matrix)
                self._effect.modifySegmentByLabelmap(node, segment_id, image, mode)


class EffectDelegate:
    """One per effect instance; keeps no model and no array."""

    def __init__(self, effect: qSlicerSegmentEditorScriptedEffect) -> None:
        self.effect = effect
        self.band = RubberBand(self._on_box, on_hint=self._say, on_start=self._on_start)
        self._views: dict[qMRMLSliceWidget, DesktopSliceView] = {}
        self._result: qt.QLabel | None = None
        self._row_key: Key | None = None
        self._controller_used: ReviewController | None = None

    # ---- Slicer calls -----------------------------------------------------------------------------------------

    def set_up_options(self) -> None:
        """A line with the last result, and the way to the review."""
        self._result = qt.QLabel(_("Drag a box around the object on a slice view."))
        self._result.setWordWrap(True)
        self.effect.addOptionsWidget(self._result)
        button = qt.QPushButton(_("Review by quality..."))
        button.setToolTip(_("Opens the EvanySeg module: worst slices first, models, settings."))
        button.connect("clicked(bool)", self._on_review)
        self._button = button
        self.effect.addOptionsWidget(button)

    def activate(self) -> None:
        self.band.enabled = True
        self._bind()

    def deactivate(self) -> None:
        self.drop()
        self._views = {}

    def cleanup(self) -> None:
        """The effect is about to go: what it computes can no longer be written through it, and the user hears so."""
        self.drop()
        self._button.disconnect("clicked(bool)", self._on_review)
        self._result = None
        controller, self._controller_used = self._controller_used, None
        # asked of the controller that was used: at exit the module's panel must not be made again
        if controller is not None and controller.node is not None and controller.cancel(of=self):
            slicer.util.showStatusMessage(CLOSED, TOLD_MS)

    def drop(self) -> None:
        self.band.drop()

    def process(self, interactor: vtkRenderWindowInteractor, event_id: int, widget: qMRMLWidget) -> bool:
        """True when the event was ours."""
        if widget.className() != "qMRMLSliceWidget":
            return False
        event = vtk.vtkCommand.GetStringFromEventId(event_id)
        if event == "LeftButtonPressEvent" and not with_modifier(interactor):
            confirmed = self.effect.confirmCurrentSegmentVisible()
            if confirmed in (self.effect.NotConfirmed, self.effect.ConfirmedWithDialog):
                return True  # the pop-up took the release; another drag is needed
        if event == "KeyPressEvent" and not self.band.dragging:
            return False  # Esc and all other keys are the editor's
        if event == "LeftButtonDoubleClickEvent" and with_modifier(interactor):
            return False
        return self.band.process(interactor, event, self._view(widget))

    def view_changed(self, widget: qMRMLWidget) -> None:
        if widget in self._views:
            self.band.view_changed(self._views[widget])

    def refresh(self) -> None:
        """Show the last result's row as it is now."""
        if self._result is None or self._row_key is None:
            return
        review = self._controller().usable
        row = review.table.get(self._row_key) if review is not None else None
        if row is not None:
            self._result.setText(result_text(row))

    # ---- the tool ---------------------------------------------------------------------------------------------

    def _view(self, widget: qMRMLSliceWidget) -> DesktopSliceView:
        if widget not in self._views:
            self._views[widget] = DesktopSliceView(widget)
        return self._views[widget]

    def _panel(self) -> Panel:
        return slicer.util.getModuleWidget("EvanySegSlicer").panel

    def _controller(self) -> ReviewController:
        return self._panel().controller

    def _bind(self) -> bool:
        """Point the module's session at what the Segment Editor edits; False while something is not chosen."""
        node = self.effect.parameterSetNode()
        volume = node.GetSourceVolumeNode() if node is not None else None
        segmentation = node.GetSegmentationNode() if node is not None else None
        if volume is None or segmentation is None:
            return False
        panel = self._panel()
        panel.enter_scene()
        session = panel.controller.node
        assert session is not None  # the scene was entered
        session.set("volume", volume.GetID())
        session.set("segmentation", segmentation.GetID())
        panel.presenters.segmenting.segment_id = node.GetSelectedSegmentID() or ""
        panel.controller.open()
        return True

    def _on_start(self, view: SliceView) -> None:
        if self._bind():
            self._panel().presenters.segmenting.prefetch(view.slice_node)

    def _on_box(self, view: SliceView, corners: np.ndarray) -> None:
        if not self._bind():
            self._say(_("Choose a source volume and a segmentation in the Segment Editor first."))
            return
        segment_id = self.effect.parameterSetNode().GetSelectedSegmentID()
        if not segment_id:
            self._say(_("Select a segment first."))
            return

        self._say(_("Segmenting..."))
        controller = self._controller_used = self._controller()
        plane = controller.now(lambda review: review.reader.plane_of_view(view.slice_node), owner=self)
        if plane is None:
            return

        def gather(review: ReviewSession) -> BoxJob:
            return review.jobs.box(segment_id, plane, box_around(plane, corners))

        controller.work(gather, self._done, through=self._through, owner=self)

    def _through(self, review: ReviewSession) -> ReviewSession:
        """The same review, writing through the Segment Editor."""
        return review.through(EditorHistory(self.effect, review.segmentation))

    def _done(self, applied: Applied, result: JobResult) -> None:
        if applied.ok and applied.keys:
            self._row_key = applied.keys[0]
            self.refresh()

    def told(self, text: str, problem: bool = False) -> None:
        """What became of the box, from the review controller."""
        self._say(text)

    def _on_review(self, checked: bool = False) -> None:
        slicer.util.selectModule("EvanySegSlicer")

    def _say(self, text: str) -> None:
        if self._result is not None:
            self._result.setText(text)
