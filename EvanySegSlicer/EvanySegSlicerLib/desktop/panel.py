"""The module's panel: builds the collaborators and the tabs, and follows the scene and the module's enter and exit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from evanyseg.geometry.slice_plane import SlicePlane

from ..presenters.review_controller import ReviewController
from ..presenters.reviewing import ReviewingPresenter
from ..presenters.segmenting import SegmentingPresenter
from ..presenters.setup.model_store import ModelStore
from ..scene.nodes.session_node import SessionNode
from ..scene.table.records import Key
from .edit_watch import EditWatch
from .pump import JobPump
from .setup.dependencies import Installer
from .setup.inputs import Inputs
from .shortcuts import Shortcuts
from .tabs.compare_tab import CompareTab
from .tabs.explore_tab import ExploreTab
from .tabs.review_tab import ReviewTab
from .tabs.segment_tab import SegmentTab
from .tabs.settings_tab import SettingsTab
from .tabs.show_box import ShowBox
from .views.jump import jump_to
from .views.quality_view import QualityView

PROBLEM_STYLE = "color: #b3261e; font-weight: bold"


class Panel:
    """Is also the `View` that presenters talk to.

    ui: the named widgets of the .ui file; wrapped_node(): the scene's parameter node, wrapped; folder: the module's.
    """

    def __init__(self, ui: Any, wrapped_node: Callable[[], Any], folder: str, models: ModelStore | None = None) -> None:
        self.ui = ui
        self._wrapped_node = wrapped_node
        self._parameters: Any = None
        self._gui_tag: int | None = None
        self._observed: list[tuple[Any, int]] = []
        self._refreshing = False
        self.pump = JobPump()
        self.models = models or ModelStore.of_engine()
        self.installer = Installer(Path(folder) / "evanyseg")
        self.controller = ReviewController(self.pump.runner, self.models, self)
        self.quality = QualityView(self.controller)
        self.segmenting = SegmentingPresenter(self.controller)
        self.reviewing = ReviewingPresenter(self.controller, self._jump)
        self.inputs = Inputs(ui, self)
        self.segment_tab = SegmentTab(ui, self)
        self.quality.on_scroll = self.segment_tab.refresh
        self.review_tab = ReviewTab(ui, self)
        self.compare_tab = CompareTab(ui, self)
        self.explore_tab = ExploreTab(ui, self)
        self.settings_tab = SettingsTab(ui, self)
        self.show_box = ShowBox(ui, self)
        self.watch = EditWatch(self.controller, self._on_settled)
        self.tabs = [
            self.inputs,
            self.segment_tab,
            self.review_tab,
            self.compare_tab,
            self.explore_tab,
            self.settings_tab,
            self.show_box,
        ]
        self.shortcuts = Shortcuts(
            {
                "draw": self.segment_tab.toggle_box,
                "next": self.reviewing.next,
                "previous": self.reviewing.previous,
                "accept": self.reviewing.accept,
                "flag": self.reviewing.flag,
                "comment": self.review_tab.start_comment,
            }
        )
        ui.cancelButton.connect("clicked(bool)", self._on_cancel)
        self.idle()

    # ---- Slicer's life cycle ----------------------------------------------------------------------------------

    def enter(self) -> None:
        """The module is shown."""
        self.shortcuts.install()
        self.inputs.show_readiness()
        self.enter_scene()

    def exit(self) -> None:
        """Another module is shown: keys and tools go, running work goes on."""
        self.shortcuts.uninstall()
        self.segment_tab.stop_tool()
        self._disconnect()

    def enter_scene(self) -> None:
        """Bind to the scene's session."""
        if self._parameters is not None:
            return
        self._parameters = self._wrapped_node()
        node = self._parameters.parameterNode
        self.controller.bind(SessionNode(node))
        self.inputs.choose_defaults(self._parameters)
        self._gui_tag = self._parameters.connectGui(self.ui)
        self._observed = [(node, node.AddObserver("ModifiedEvent", self._on_node))]
        for tab in self.tabs:
            tab.bind(self._parameters)
        self._on_node()

    def leave_scene(self) -> None:
        """The scene is about to close or be replaced: cancel, let go of every node."""
        self.segment_tab.stop_tool()
        self.watch.stop()
        for tab in self.tabs:
            tab.leave()
        self.quality.close()
        self._disconnect()
        self.controller.bind(None)
        self.segmenting.last = None
        self.segmenting.segment_id = ""
        self.updated([])

    def close(self) -> None:
        """The widget is about to go."""
        self.exit()
        self.watch.close()
        for tab in self.tabs:
            tab.leave()
        self.quality.close()
        self.controller.bind(None)
        self.pump.close()
        for tab in self.tabs:
            tab.close()
        self.ui.cancelButton.disconnect("clicked(bool)", self._on_cancel)

    def _disconnect(self) -> None:
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed = []
        if self._parameters is not None:
            self._parameters.disconnectGui(self._gui_tag)
            self._parameters = None

    def _on_node(self, caller: Any = None, event: str = "") -> None:
        """Something of the session changed: open what is chosen now."""
        if self._refreshing:
            return
        self._refreshing = True
        try:
            self.controller.open()
            self.watch.follow()
            self.quality.set_on(self._parameters is not None and self._parameters.showOverlay)
            for tab in self.tabs:
                tab.refresh()
        finally:
            self._refreshing = False

    # ---- what presenters tell ---------------------------------------------------------------------------------

    def status(self, text: str, problem: bool = False) -> None:
        self.ui.statusLabel.setText(text)
        self.ui.statusLabel.setStyleSheet(PROBLEM_STYLE if problem else "")

    def busy(self, what: str, fraction: float) -> None:
        self.ui.busyWidget.setVisible(True)
        self.ui.progressBar.setValue(round(1000 * fraction))
        self.ui.progressLabel.setText(what)

    def idle(self) -> None:
        self.ui.busyWidget.setVisible(False)
        self.ui.progressBar.setValue(0)

    def updated(self, keys: list[Key]) -> None:
        self.quality.refresh()
        for tab in self.tabs:
            tab.refresh()

    def ask_file(self, title: str, name: str) -> Path | None:
        """Where to save, chosen by the user; None when he changed his mind."""
        import qt

        path = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, name)
        # PySide and newer PythonQt give (path, filter)
        path = path[0] if isinstance(path, tuple) else path
        return Path(path) if path else None

    def _jump(self, plane: SlicePlane) -> None:
        review = self.controller.review
        if review is not None:
            segment_id = (self.reviewing.current or ("",))[0]
            mask = review.store.mask(segment_id, plane) if review.store.has(segment_id) else None
            jump_to(plane, mask, review.volume)

    def _on_settled(self, changed: bool) -> None:
        """Edits made elsewhere have been compared with the table."""
        if changed:
            self.updated([])
        parameters = self._parameters
        if parameters is not None and parameters.autoScore and any(r.stale for r in self.reviewing.all_rows()):
            self.segmenting.rescore()

    def _on_cancel(self, checked: bool = False) -> None:
        self.controller.cancel()
        if not self.controller.busy:
            self.status(_("Nothing is running."))
