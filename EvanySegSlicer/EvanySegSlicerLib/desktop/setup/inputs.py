"""The top of the panel: volume, segmentation, segment, what is ready, and the button that installs what is missing."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from evanyseg.errors import EvanySegError


class Inputs:
    """Volume and segmentation selectors are bound by the parameter node; segments are listed here."""

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel
        self._ids: list[str] = []
        self._listing = False
        ui.segmentSelector.connect("currentIndexChanged(int)", self._on_segment)
        ui.addSegmentButton.connect("clicked(bool)", self._on_add)
        ui.installButton.connect("clicked(bool)", self._on_install)

    def bind(self, parameters: Any) -> None:
        """Nothing to keep: the selectors are bound by their parameter names."""

    def leave(self) -> None:
        """The scene goes: nothing of it is kept here."""

    def close(self) -> None:
        self.ui.segmentSelector.disconnect("currentIndexChanged(int)", self._on_segment)
        self.ui.addSegmentButton.disconnect("clicked(bool)", self._on_add)
        self.ui.installButton.disconnect("clicked(bool)", self._on_install)

    def show_readiness(self) -> None:
        """Look for what is installed (nothing is imported), and go on with an installation that a restart cut."""
        found = self.panel.installer.readiness()
        self.ui.installButton.setVisible(not found.ready and not found.refusal)
        self.panel.status(found.sentence, problem=bool(found.refusal))
        if not found.ready and not found.refusal and self.panel.installer.to_be_resumed:
            self._on_install()

    def choose_defaults(self, parameters: Any) -> None:
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
        """List the segmentation's segments, keeping the chosen one."""
        review = self.panel.controller.review
        ids = review.store.ids() if review is not None and not review.problem else []
        names = [review.store.name(i) for i in ids] if review is not None else []
        wanted = self.panel.segmenting.segment_id
        box = self.ui.segmentSelector
        self._listing = True
        if ids != self._ids or [box.itemText(n) for n in range(box.count)] != names:
            box.clear()
            box.addItems(names)
            self._ids = ids
        if wanted in ids:
            box.setCurrentIndex(ids.index(wanted))
        elif ids:
            self.panel.segmenting.segment_id = ids[box.currentIndex] if 0 <= box.currentIndex < len(ids) else ids[0]
        self._listing = False

    def _on_segment(self, index: int) -> None:
        if not self._listing and 0 <= index < len(self._ids):
            self.panel.segmenting.segment_id = self._ids[index]
            self.panel.updated([])

    def _on_add(self, checked: bool = False) -> None:
        try:
            review = self.panel.controller.require()
        except EvanySegError as error:
            self.panel.status(str(error), problem=True)
            return
        self.panel.segmenting.segment_id = review.store.add()
        self.refresh()

    def _on_install(self, checked: bool = False) -> None:
        try:
            found = self.panel.installer.install()
        except EvanySegError as error:
            self.panel.status(str(error), problem=True)
            return
        except Exception as error:  # pip failed: whatever it says is what the user needs to read
            self.panel.status(_("The installation failed: {error}").format(error=error), problem=True)
            raise
        self.ui.installButton.setVisible(not found.ready)
        self.panel.status(found.sentence)
