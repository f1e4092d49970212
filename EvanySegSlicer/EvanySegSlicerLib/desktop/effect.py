"""Behind the Segment Editor effect: the box tool on the selected segment, through the editor's own undo and masking.

Models, score table, overlay and running jobs are those of the EvanySeg module's panel, which is made (not shown) when
the effect is first used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from evanyseg.errors import EvanySegError
from evanyseg.geometry.boxes import box_around
from evanyseg.geometry.labels import Stamp

from ..presenters.review_controller import ReviewController
from ..presenters.rubber_band import RubberBand
from ..presenters.segmenting import result_text
from ..scene.jobs.result import JobResult
from ..scene.nodes.segment_store import oriented_image
from ..scene.review.session import Applied, ReviewSession
from .views.slice_views import SliceView

CLOSED = _("The Segment Editor was closed: segmenting was cancelled, no mask was changed.")
TOLD_MS = 15_000
"""How long the main window's status bar says what became of a box when the effect's own label is gone."""


class EditorHistory:
    """The Segment Editor's undo and masking, as `ReviewSession` wants them (see `scene.mask_history`)."""

    can_undo = can_redo = False
    """Undo and redo are the editor's own buttons; scores follow the masks."""

    def __init__(self, effect: Any, segmentation: Any) -> None:
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

    def modify(self, node: Any, segment_id: str, found: Stamp, matrix: np.ndarray) -> None:
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

    def __init__(self, effect: Any) -> None:
        self.effect = effect
        self.band = RubberBand(self._on_box, on_hint=self._say, on_start=self._on_start)
        self._views: dict[Any, SliceView] = {}
        self._result: Any = None
        self._row_key: Any = None
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

    def process(self, interactor: Any, event_id: int, widget: Any) -> bool:
        """True when the event was ours."""
        if widget.className() != "qMRMLSliceWidget":
            return False
        event = vtk.vtkCommand.GetStringFromEventId(event_id)
        if event == "LeftButtonPressEvent" and not _modified(interactor):
            confirmed = self.effect.confirmCurrentSegmentVisible()
            if confirmed in (self.effect.NotConfirmed, self.effect.ConfirmedWithDialog):
                return True  # the pop-up took the release; another drag is needed
        if event == "KeyPressEvent" and not self.band.dragging:
            return False  # Esc and all other keys are the editor's
        if event == "LeftButtonDoubleClickEvent" and _modified(interactor):
            return False
        return self.band.process(interactor, event, self._view(widget))

    def view_changed(self, widget: Any) -> None:
        if widget in self._views:
            self.band.view_changed(self._views[widget])

    def refresh(self) -> None:
        """Show the last result's row as it is now."""
        if self._result is None or self._row_key is None:
            return
        review = self._controller().review
        row = review.table.get(self._row_key) if review is not None and not review.problem else None
        if row is not None:
            self._result.setText(result_text(row))

    # ---- the tool ---------------------------------------------------------------------------------------------

    def _view(self, widget: Any) -> SliceView:
        if widget not in self._views:
            self._views[widget] = SliceView(widget)
        return self._views[widget]

    def _panel(self) -> Any:
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
        panel.controller.node.set("volume", volume.GetID())
        panel.controller.node.set("segmentation", segmentation.GetID())
        panel.segmenting.segment_id = node.GetSelectedSegmentID() or ""
        return panel.controller.open() is not None

    def _on_start(self, view: SliceView) -> None:
        if self._bind():
            self._panel().segmenting.prefetch(view.slice_node)

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
        plane = controller.now(lambda review: review.reader.plane_of_view(view.slice_node))
        if plane is None:
            self._say(self._panel().ui.statusLabel.text)
            return

        def gather(review: ReviewSession) -> Any:
            return review.jobs.box(segment_id, plane, box_around(plane, corners))

        controller.work(gather, self._done, through=self._through, owner=self)
        if not controller.busy:
            self._say(self._panel().ui.statusLabel.text)

    def _through(self, review: ReviewSession) -> ReviewSession:
        """The same review, writing through the Segment Editor."""
        return review.through(EditorHistory(self.effect, review.segmentation))

    def _done(self, applied: Applied, result: JobResult) -> None:
        if not applied.ok or not applied.keys:
            self._say(applied.message)
            return
        self._row_key = applied.keys[0]
        self.refresh()

    def _on_review(self, checked: bool = False) -> None:
        slicer.util.selectModule("EvanySegSlicer")

    def _say(self, text: str) -> None:
        if self._result is not None:
            self._result.setText(text)


def _modified(interactor: Any) -> bool:
    return bool(interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey())
