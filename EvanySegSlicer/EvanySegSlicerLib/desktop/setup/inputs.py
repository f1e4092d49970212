"""The top of the panel: volume, segmentation, segment, what is ready, and the button that installs what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from evanyseg.errors import EvanySegError

from ...presenters.segmenting import SegmentingPresenter
from ...presenters.setup.model_choice import ModelChoicePresenter
from ...presenters.setup.readiness import Readiness
from ...presenters.view import View
from ..tabs.tab import CHOSEN, Tab
from ..widgets import PanelWidgets
from .dependencies import Installer

if TYPE_CHECKING:
    from .parameters import PanelParameters


class Inputs(Tab):
    """Volume and segmentation selectors are bound by the parameter node; segments are listed here."""

    def __init__(
        self,
        ui: PanelWidgets,
        segmenting: SegmentingPresenter,
        models: ModelChoicePresenter,
        installer: Installer,
        view: View,
    ) -> None:
        super().__init__()
        self.ui, self.segmenting, self.models, self.installer, self.view = ui, segmenting, models, installer, view
        self._looked_for = ("", False)
        self._ids: list[str] = []
        self._listing = False
        self.listen(ui.segmentSelector, CHOSEN, self._on_segment)
        self.on_click(ui.addSegmentButton, segmenting.add_segment)
        self.on_click(ui.installButton, self._on_install)

    def show_readiness(self) -> None:
        """Look for what is installed (nothing is imported), and go on with an installation that a restart cut."""
        found = self._found()
        self.view.status(found.sentence, problem=bool(found.refusal))
        if not found.ready and not found.refusal and self.installer.to_be_resumed:
            self._on_install()

    def _found(self) -> Readiness:
        self._looked_for = self._needed()
        found = self.installer.readiness(*self._looked_for)
        self.ui.installButton.setVisible(not found.ready and not found.refusal)
        return found

    def _needed(self) -> tuple[str, bool]:
        """What readiness depends on: the chosen model that needs PyTorch, and whether networks run on a server."""
        return self.models.needs_torch(), self.models.on_server

    def choose_defaults(self, parameters: PanelParameters) -> None:
        """The volume that the views show, and its segmentation if there is only one, save a few clicks."""
        if parameters.volume is None:
            manager = slicer.app.layoutManager()
            widget = manager.sliceWidget("Red") if manager is not None else None
            shown = widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() if widget is not None else None
            node = slicer.mrmlScene.GetNodeByID(shown) if shown else None
            if node is not None and node.GetClassName() in ("vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode"):
                parameters.volume = node
        if parameters.segmentation is None and slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1:
            parameters.segmentation = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")

    def refresh(self) -> None:
        """List the segmentation's segments, with the chosen one; other models may need other packages: said where
        something is missing."""
        if self._needed() != self._looked_for:
            found = self._found()
            if not found.ready:
                self.view.status(found.sentence, problem=bool(found.refusal))
        segments = self.segmenting.segments()
        ids, names = [segment_id for segment_id, name in segments], [name for segment_id, name in segments]
        box = self.ui.segmentSelector
        self._listing = True
        if ids != self._ids or [box.itemText(n) for n in range(box.count)] != names:
            box.clear()
            box.addItems(names)
            self._ids = ids
        if self.segmenting.segment_id in ids:
            box.setCurrentIndex(ids.index(self.segmenting.segment_id))
        self._listing = False

    def _on_segment(self, index: int) -> None:
        if not self._listing and 0 <= index < len(self._ids):
            self.segmenting.choose_segment(self._ids[index])

    def _on_install(self) -> None:
        try:
            found = self.installer.install(*self._needed())
        except EvanySegError as error:
            self.view.status(str(error), problem=True)
            return
        except Exception as error:  # pip failed: whatever it says is what the user needs to read
            self.view.status(_("The installation failed: {error}").format(error=error), problem=True)
            raise
        self.ui.installButton.setVisible(not found.ready)
        self.view.status(found.sentence)
