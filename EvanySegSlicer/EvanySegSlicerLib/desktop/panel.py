"""The module's panel: builds the presenters and the tabs, and follows the scene and the module's enter and exit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ..presenters.editing.edit_watch import EditWatch
from ..presenters.front_end import Presenters
from ..presenters.setup.model_store import ModelStore
from ..scene.nodes.session_node import SessionNode
from ..scene.table.records import Key
from .pump import JobPump
from .setup.dependencies import Installer
from .setup.inputs import Inputs
from .shortcuts import Shortcuts
from .tabs.compare_tab import CompareTab
from .tabs.explore_tab import ExploreTab
from .tabs.learning_box import LearningBox
from .tabs.next_click_box import NextClickBox
from .tabs.review_tab import ReviewTab
from .tabs.segment_tab import SegmentTab
from .tabs.settings_tab import SettingsTab
from .tabs.show_box import ShowBox
from .tabs.tab import Tab
from .timer import SingleShot
from .views.slice_views import LayoutViews
from .widgets import PanelWidgets

if TYPE_CHECKING:
    from vtkmodules.vtkCommonCore import vtkObject

    from .setup.parameters import PanelParameters

PROBLEM_STYLE = "color: #b3261e; font-weight: bold"


class Panel:
    """Is also the `View` that presenters talk to.

    wrapped_node(): the scene's parameter node, wrapped; folder: the module's.
    """

    def __init__(
        self,
        ui: PanelWidgets,
        wrapped_node: Callable[[], PanelParameters],
        folder: str,
        models: ModelStore | None = None,
    ) -> None:
        self.ui = ui
        self._wrapped_node = wrapped_node
        self._parameters: PanelParameters | None = None
        self._gui_tag: int | None = None
        self._observed: list[tuple[vtkObject, int]] = []
        self._refreshing = False
        self.pump = JobPump()
        self.models = models or ModelStore.of_engine()
        views = LayoutViews()
        self.presenters = made = Presenters(self.pump.runner, self.models, self, views)
        self.controller = made.controller
        installer = Installer(Path(folder) / "evanyseg")
        self.inputs = Inputs(ui, made.segmenting, made.models, installer, self)
        self.segment_tab = SegmentTab(ui, made.segmenting, made.models, views, self)
        self.next_click_box = NextClickBox(ui, made.next_click, views, self)
        self.review_tab = ReviewTab(ui, made.reviewing, made.segmenting.rescore, self)
        self.tabs: list[Tab] = [
            self.inputs,
            self.segment_tab,
            self.next_click_box,
            self.review_tab,
            LearningBox(ui, made.learning, lambda: made.models.on_server or installer.install_for_learning(), self),
            CompareTab(ui, made.comparing, made.models),
            ExploreTab(ui, made.exploring, made.segmenting, views),
            SettingsTab(ui, made.settings),
            ShowBox(ui, made.display, made.error_map, made.segmenting, views),
        ]
        made.display.on_scroll = self.segment_tab.refresh
        self.watch = EditWatch(self.controller, SingleShot, made.settled)
        self.shortcuts = Shortcuts(
            {
                "draw": self.segment_tab.toggle_box,
                "suggest": self.next_click_box.toggle,
                "inside": self.next_click_box.inside,
                "outside": self.next_click_box.outside,
                "next": made.reviewing.next,
                "previous": made.reviewing.previous,
                "accept": made.reviewing.accept,
                "flag": made.reviewing.flag,
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
        self.presenters.bind(SessionNode(node))
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
        self._disconnect()
        self.presenters.leave()
        self.updated([])

    def close(self) -> None:
        """The widget is about to go."""
        self.exit()
        self.watch.close()
        for tab in self.tabs:
            tab.leave()
        self.presenters.leave()
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

    def _on_node(self, caller: vtkObject | None = None, event: str = "") -> None:
        """Something of the session changed: open what is chosen now."""
        if self._refreshing:
            return
        self._refreshing = True
        try:
            self.controller.open()
            self.watch.follow()
            self.presenters.display.set_on(self._parameters is not None and self._parameters.showOverlay)
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
        self.presenters.display.refresh()
        for tab in self.tabs:
            tab.refresh()

    def _on_cancel(self, checked: bool = False) -> None:
        self.controller.cancel()
        if not self.controller.busy:
            self.status(_("Nothing is running."))
