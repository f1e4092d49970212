"""The segment tab: draw, points, propagate, score, show; and the choice of models."""

from __future__ import annotations

from typing import Any

import numpy as np
from slicer.i18n import tr as _

from evanyseg.device import CHOICES
from evanyseg.pipeline.intensity import PRESETS

from ...presenters.rubber_band import BOX, NEGATIVE, POSITIVE, RubberBand
from ...presenters.segmenting import result_text
from ..views.slice_views import BoxTool, SliceView, all_views

CLICKED = "clicked(bool)"
CHANGED = "currentIndexChanged(int)"


class SegmentTab:
    """Buttons of the tab -> SegmentingPresenter."""

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel
        self.presenter = panel.segmenting
        self._parameters: Any = None
        self._active_view: SliceView | None = None
        band = RubberBand(self._on_box, self._on_point, self._on_escape, panel.status, self._on_drag)
        self.tool = BoxTool(band)
        self._modes = {BOX: ui.drawBoxButton, POSITIVE: ui.positivePointButton, NEGATIVE: ui.negativePointButton}
        self._lists: dict[str, list[str]] = {}
        self._fill_models()
        self._connections = [
            (ui.drawBoxButton, CLICKED, lambda checked=False: self._on_mode(BOX)),
            (ui.positivePointButton, CLICKED, lambda checked=False: self._on_mode(POSITIVE)),
            (ui.negativePointButton, CLICKED, lambda checked=False: self._on_mode(NEGATIVE)),
            (ui.undoButton, CLICKED, lambda checked=False: self.presenter.undo()),
            (ui.redoButton, CLICKED, lambda checked=False: self.presenter.redo()),
            (ui.propagateUpButton, CLICKED, lambda checked=False: self._on_propagate("up")),
            (ui.propagateDownButton, CLICKED, lambda checked=False: self._on_propagate("down")),
            (ui.propagateBothButton, CLICKED, lambda checked=False: self._on_propagate("both")),
            (ui.scoreButton, CLICKED, lambda checked=False: self._on_score()),
            (ui.segmenterSelector, CHANGED, lambda index: self._on_choice("segmenter", index)),
            (ui.estimatorSelector, CHANGED, lambda index: self._on_choice("estimator", index)),
            (ui.deviceSelector, CHANGED, lambda index: self._on_choice("device", index)),
            (ui.presetSelector, CHANGED, lambda index: self._on_choice("preset", index)),
        ]
        for widget, signal, slot in self._connections:
            widget.connect(signal, slot)

    # ---- life cycle -------------------------------------------------------------------------------------------

    def bind(self, parameters: Any) -> None:
        """Show the session's models."""
        self._parameters = parameters
        session = self.panel.controller.session
        for name, box in self._selectors().items():
            value = getattr(session, name)
            if value in self._lists[name]:
                box.setCurrentIndex(self._lists[name].index(value))
        self._note()

    def refresh(self) -> None:
        """What is known of the chosen segment on the slice in view; without a mask there, of the last box."""
        view = self.active_view()
        here = self.presenter.row_in_view(view.slice_node) if view is not None else None
        text = result_text(here or self.presenter.row())
        self.ui.resultLabel.setText(text or _("No mask yet: press Draw box and drag around an object."))

    def leave(self) -> None:
        """The scene goes."""
        self._active_view = None
        self._parameters = None

    def close(self) -> None:
        self.stop_tool()
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)

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
        if not wanted:
            return
        if not all_views():
            self.panel.status(_("There is no slice view in this layout; choose one that has."), problem=True)
            return
        self._modes[mode].setChecked(True)
        self.tool.start(mode)
        hint = _("Drag a box around the object. Esc cancels.") if mode == BOX else _("Click where the mask is wrong.")
        self.panel.status(hint)

    def _on_drag(self, view: SliceView) -> None:
        self._active_view = view
        self.presenter.prefetch(view.slice_node)

    def _on_box(self, view: SliceView, corners: np.ndarray) -> None:
        self._active_view = view
        self.presenter.box_drawn(view.slice_node, corners)

    def _on_point(self, view: SliceView, ras: np.ndarray, positive: bool) -> None:
        self._active_view = view
        self.presenter.point_placed(view.slice_node, ras, positive)

    def _on_escape(self) -> None:
        self.stop_tool()
        self.panel.status("")

    # ---- many slices ------------------------------------------------------------------------------------------

    def active_view(self) -> SliceView | None:
        """The view last drawn on, else the first one."""
        views = all_views()
        if self._active_view is not None:
            for view in views:
                if view.name == self._active_view.name:
                    return view
        return views[0] if views else None

    def _on_propagate(self, direction: str) -> None:
        view = self.active_view()
        if view is None:
            self.panel.status(_("There is no slice view in this layout; choose one that has."), problem=True)
            return
        self.presenter.propagate(view.slice_node, direction, self.ui.stopBelowSpinBox.value)

    def _on_score(self) -> None:
        names = ("axial", "coronal", "sagittal")
        self.presenter.score_existing(names[self.ui.axisSelector.currentIndex], self.ui.missingCheckBox.checked)

    # ---- models -----------------------------------------------------------------------------------------------

    def _selectors(self) -> dict[str, Any]:
        ui = self.ui
        return {
            "segmenter": ui.segmenterSelector,
            "estimator": ui.estimatorSelector,
            "device": ui.deviceSelector,
            "preset": ui.presetSelector,
        }

    def _fill_models(self) -> None:
        boxes = self._selectors()
        for kind in ("segmenter", "estimator"):
            titles = self.panel.models.titles(kind)
            self._lists[kind] = [name for name, title in titles]
            boxes[kind].clear()
            boxes[kind].addItems([title for name, title in titles])
        self._lists["device"] = list(CHOICES)
        self._lists["preset"] = ["", *PRESETS]
        boxes["device"].clear()
        boxes["device"].addItems(list(CHOICES))
        boxes["preset"].clear()
        boxes["preset"].addItems([_("automatic"), *PRESETS])

    def _on_choice(self, name: str, index: int) -> None:
        controller = self.panel.controller
        if self._parameters is None or controller.node is None or not 0 <= index < len(self._lists[name]):
            return
        if controller.busy:
            self.panel.status(_("Takes effect with the next box; what is running goes on."))
        controller.node.set(name, self._lists[name][index])
        self._note()

    def _note(self) -> None:
        models, session = self.panel.models, self.panel.controller.session
        lines = [
            models.note(kind, getattr(session, kind))
            for kind in ("segmenter", "estimator")
            if getattr(session, kind) in self._lists[kind]
        ]
        self.ui.modelNoteLabel.setText("\n".join(dict.fromkeys(lines)))
