"""Learning from corrections: the line and buttons of the review tab, and its part of the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from evanyseg.errors import EvanySegError

from ...presenters.learning.learning import LearningPresenter
from ...presenters.view import View
from ..dialogs import folder_path
from ..widgets import PanelWidgets
from .tab import Tab

if TYPE_CHECKING:
    from ..setup.parameters import PanelParameters

REVIEWER_KEY = "EvanySegSlicer/Reviewer"
"""Application setting: the name in new scenes."""


class LearningBox(Tab):
    """Widgets -> LearningPresenter. install(): asks for missing packages, False when the user does not want them."""

    def __init__(self, ui: PanelWidgets, presenter: LearningPresenter, install: Callable[[], bool], view: View) -> None:
        super().__init__()
        self.ui, self.presenter, self.install, self.view = ui, presenter, install, view
        self._parameters: PanelParameters | None = None
        self.on_click(ui.learnButton, self._on_learn)
        self.on_click(ui.undoLearningButton, presenter.undo)
        self.on_click(ui.openReferencesButton, self._on_open)
        self.on_click(ui.exportReferencesButton, self._on_export)
        self.on_click(ui.clearReferencesButton, self._on_clear)
        self.listen(ui.reviewerEdit, "editingFinished()", self._on_reviewer)
        folder = str(presenter.controller.references.folder)
        ui.referencesLabel.setText(folder.replace(str(Path.home()), "~", 1))
        ui.referencesLabel.setToolTip(folder)

    def bind(self, parameters: PanelParameters) -> None:
        """A new scene gets the reviewer of the last one."""
        self._parameters = parameters
        if not parameters.reviewer:
            parameters.reviewer = slicer.util.settingsValue(REVIEWER_KEY, "")

    def leave(self) -> None:
        self._parameters = None

    def refresh(self) -> None:
        """The line, and what can be done."""
        text = self.presenter.line()
        self.ui.learningLabel.setText(text)
        self.ui.learningLabel.setVisible(bool(text))
        self.ui.learnButton.setVisible(bool(text))
        self.ui.learnButton.setEnabled(self.presenter.can_learn)
        self.ui.undoLearningButton.setVisible(self.presenter.can_undo)

    def _on_learn(self) -> None:
        try:
            wanted = self.install()
        except Exception as error:  # pip failed: whatever it says is what the user needs to read
            self.view.status(_("The installation failed: {error}").format(error=error), problem=True)
            raise
        if wanted:
            self.presenter.learn()

    def _on_reviewer(self) -> None:
        qt.QSettings().setValue(REVIEWER_KEY, self.ui.reviewerEdit.text)

    def _on_open(self) -> None:
        folder = self.presenter.controller.references.folder
        folder.mkdir(parents=True, exist_ok=True)
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(folder)))

    def _on_export(self) -> None:
        if not self.presenter.controller.references.labels():
            self.view.status(_("There are no corrected slices yet; press Learn from my corrections to keep some."))
            return
        folder = folder_path(_("Export the corrected slices to"))
        if folder is None:
            return
        try:
            count = self.presenter.export(folder)
        except EvanySegError as error:
            self.view.status(str(error), problem=True)
            return
        self.view.status(_("{count} corrected slices written to {path}.").format(count=count, path=folder))

    def _on_clear(self) -> None:
        question = _("Delete the corrected slices that are kept on this computer, and what was learned from them?")
        if slicer.util.confirmOkCancelDisplay(question):
            self.presenter.clear()
