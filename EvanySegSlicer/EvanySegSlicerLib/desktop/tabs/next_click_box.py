"""Suggest next click, and the two answers."""

from __future__ import annotations

from slicer.i18n import tr as _

from ...presenters.showing.next_click import NextClickPresenter
from ...presenters.view import SliceViews, View
from ..widgets import PanelWidgets
from .tab import Tab


class NextClickBox(Tab):
    """One row of the segment tab -> NextClickPresenter. `view`: the status line."""

    def __init__(self, ui: PanelWidgets, presenter: NextClickPresenter, views: SliceViews, view: View) -> None:
        super().__init__()
        self.ui, self.presenter, self.views, self.view = ui, presenter, views, view
        self._changed, presenter.changed = presenter.changed, self._on_changed
        self.on_click(ui.nextClickButton, self.toggle)
        self.on_click(ui.insideButton, self.inside)
        self.on_click(ui.outsideButton, self.outside)

    def toggle(self) -> None:
        """The key S: the same as pressing the button."""
        view = self.views.active()
        if view is None:
            self.view.status(_("There is no slice view in this layout; choose one that has."), problem=True)
        else:
            self.presenter.toggle(view.slice_node)
        self._show()

    def inside(self) -> None:
        self.presenter.answer(True)

    def outside(self) -> None:
        self.presenter.answer(False)

    def refresh(self) -> None:
        self.presenter.refresh()
        self._show()

    def leave(self) -> None:
        """The scene goes: take what is derived out of it."""
        self.presenter.remove()

    def close(self) -> None:
        self.leave()
        self.presenter.changed = self._changed
        super().close()

    def _on_changed(self) -> None:
        self._changed()
        self._show()

    def _show(self) -> None:
        """The button stays down, and answers can be given, as long as there is a question."""
        asked = self.presenter.asked is not None
        self.ui.nextClickButton.setChecked(asked)
        self.ui.insideButton.setEnabled(asked)
        self.ui.outsideButton.setEnabled(asked)
