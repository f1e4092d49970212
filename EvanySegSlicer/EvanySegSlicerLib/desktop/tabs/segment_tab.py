"""The segment tab: draw, points, propagate, score; and the choice of models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import slicer
from slicer.i18n import tr as _

from ...presenters.box_tool import BoxTool
from ...presenters.rubber_band import BOX, NEGATIVE, POSITIVE, RubberBand
from ...presenters.segmenting import SegmentingPresenter
from ...presenters.setup.model_choice import KINDS, ModelChoicePresenter
from ...presenters.setup.servers import ADD, FORGET
from ...presenters.texts import result_text
from ...presenters.view import SliceView, View
from ..dialogs import ask_text
from ..views.slice_views import LayoutViews
from ..widgets import PanelWidgets
from .tab import CHOSEN, Tab

if TYPE_CHECKING:
    from ..setup.parameters import PanelParameters

PLANES = ("axial", "coronal", "sagittal")
"""As `axisSelector` lists them."""


class SegmentTab(Tab):
    """Widgets of the tab -> SegmentingPresenter, ModelChoicePresenter. `view`: the status line."""

    def __init__(
        self,
        ui: PanelWidgets,
        presenter: SegmentingPresenter,
        models: ModelChoicePresenter,
        views: LayoutViews,
        view: View,
    ) -> None:
        super().__init__()
        self.ui, self.presenter, self.models, self.views, self.view = ui, presenter, models, views, view
        band = RubberBand(self._on_box, self._on_point, self._on_escape, view.status, self._on_drag)
        self.tool = BoxTool(band, views)
        self._modes = {BOX: ui.drawBoxButton, POSITIVE: ui.positivePointButton, NEGATIVE: ui.negativePointButton}
        self._selectors = {
            "segmenter": ui.segmenterSelector,
            "estimator": ui.estimatorSelector,
            "device": ui.deviceSelector,
            "preset": ui.presetSelector,
        }
        self._listed: dict[str, list[str]] = {}
        self._show_models()
        for kind in KINDS:
            self.listen(self._selectors[kind], CHOSEN, partial(self._on_choice, kind))
        for mode, button in self._modes.items():
            self.on_click(button, partial(self._on_mode, mode))
        self.on_click(ui.undoButton, presenter.undo)
        self.on_click(ui.redoButton, presenter.redo)
        self.on_click(ui.propagateUpButton, partial(self._on_propagate, "up"))
        self.on_click(ui.propagateDownButton, partial(self._on_propagate, "down"))
        self.on_click(ui.propagateBothButton, partial(self._on_propagate, "both"))
        self.on_click(ui.scoreButton, self._on_score)

    # ---- life cycle -------------------------------------------------------------------------------------------

    def bind(self, parameters: PanelParameters) -> None:
        """Show the session's models."""
        self._show_models()
        self._note()

    def refresh(self) -> None:
        """What is known of the chosen segment on the slice in view; without a mask there, of the last box. And the
        window that the volume is shown by."""
        view = self.views.active()
        here = self.presenter.row_in_view(view.slice_node) if view is not None else None
        text = result_text(here or self.presenter.row())
        self.ui.resultLabel.setText(text or _("No mask yet: press Draw box and drag around an object."))
        self._show_models()
        self._note()

    def leave(self) -> None:
        self.views.forget()

    def close(self) -> None:
        self.stop_tool()
        super().close()

    def stop_tool(self) -> None:
        self.tool.stop()
        for button in self._modes.values():
            button.setChecked(False)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def toggle_box(self) -> None:
        """The key D: the same as pressing the button."""
        self.ui.drawBoxButton.click()

    def _on_mode(self, mode: str) -> None:
        wanted = self._modes[mode].checked
        self.stop_tool()
        if not wanted or self._view_in_use() is None:
            return
        self._modes[mode].setChecked(True)
        self.tool.start(mode)
        hint = _("Drag a box around the object. Esc cancels.") if mode == BOX else _("Click where the mask is wrong.")
        self.view.status(hint)

    def _view_in_use(self) -> SliceView | None:
        """The active view; said when the layout has none."""
        view = self.views.active()
        if view is None:
            self.view.status(_("There is no slice view in this layout; choose one that has."), problem=True)
        return view

    def _on_drag(self, view: SliceView) -> None:
        self.views.used(view)
        self.presenter.prefetch(view.slice_node)

    def _on_box(self, view: SliceView, corners: np.ndarray) -> None:
        self.views.used(view)
        self.presenter.box_drawn(view.slice_node, corners)

    def _on_point(self, view: SliceView, ras: np.ndarray, positive: bool) -> None:
        self.views.used(view)
        self.presenter.point_placed(view.slice_node, ras, positive)

    def _on_escape(self) -> None:
        self.stop_tool()
        self.view.status("")

    # ---- many slices ------------------------------------------------------------------------------------------

    def _on_propagate(self, direction: str) -> None:
        view = self._view_in_use()
        if view is not None:
            self.presenter.propagate(view.slice_node, direction, self.ui.stopBelowSpinBox.value)

    def _on_score(self) -> None:
        self.presenter.score_existing(PLANES[self.ui.axisSelector.currentIndex], self.ui.missingCheckBox.checked)

    # ---- models -----------------------------------------------------------------------------------------------

    def _on_choice(self, kind: str, index: int) -> None:
        names = self._listed[kind]
        if self._showing or not 0 <= index < len(names):
            return
        if kind == "device" and names[index] in (ADD, FORGET):
            self._on_servers(names[index])
        else:
            self.models.choose(kind, names[index])
        self._show_models()
        self._note()

    def _on_servers(self, wanted: str) -> None:
        """Ask which one and whether its models may get the pixels; nothing is sent before."""
        servers = self.models.servers
        if wanted == FORGET:
            servers.forget()
            return
        address = ask_text(_("Add a server"), _("Address of the server, such as https://gpu.hospital.org:"))
        question = servers.question(address) if address else ""
        if not question:
            return
        token = ask_text(_("Add a server"), _("Its token, from those who run it (may stay empty):"), secret=True)
        if token is not None and slicer.util.confirmOkCancelDisplay(question):
            servers.add(address or "", token)

    def _show_models(self) -> None:
        """The choices, where they changed, and what is chosen (an entry of a scene made elsewhere is shown as none)."""
        self._showing = True
        for kind, selector in self._selectors.items():
            choices = self.models.choices(kind)
            names = [name for name, title in choices]
            if self._listed.get(kind) != names:
                selector.clear()
                selector.addItems([title for name, title in choices])
                self._listed[kind] = names
            chosen = self.models.chosen(kind)
            index = names.index(chosen) if chosen in names else -1
            if selector.currentIndex != index:
                selector.setCurrentIndex(index)
        self._showing = False

    def _note(self) -> None:
        self.ui.modelNoteLabel.setText(self.models.note())
