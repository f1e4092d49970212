"""A user of the module: what he presses, draws and reads. Built on the stand-in's hands and the module's widgets."""

from __future__ import annotations

from desktop import module, phantoms


class User:
    """Opens the module on a volume and works with it."""

    def __init__(self, host, driver, models=None, volume=None) -> None:
        self.host, self.driver = host, driver
        self.volume = volume if volume is not None else phantoms.add_volume(host.scene, phantoms.ball())
        phantoms.show(self.volume)
        self.widget = module.enter(host, models)

    @property
    def panel(self):
        return self.widget.panel

    @property
    def ui(self):
        return self.panel.ui

    @property
    def review(self):
        return self.panel.controller.review

    @property
    def rows(self):
        return self.review.table.records() if self.review is not None else []

    def status(self) -> str:
        return self.ui.statusLabel.text

    def click(self, name: str) -> None:
        self.driver.click(getattr(self.ui, name))

    def tab(self, name: str) -> None:
        self.ui.tabs.setCurrentWidget(getattr(self.ui, name))
        self.driver.settle()

    def choose(self, combo: str, index: int) -> None:
        getattr(self.ui, combo).setCurrentIndex(index)
        self.driver.settle()

    def wait(self, what: str = "the job to end", seconds: float = 90.0) -> None:
        """Until nothing runs any more, prefetching included."""
        runner = self.panel.pump.runner
        self.driver.wait_until(lambda: not self.panel.controller.busy and not runner.active, seconds, what)

    def corners(self, view: str, half: float, center=(0.0, 0.0)):
        """Two opposite corners, `half` mm from `centre` (mm right and up of the view's middle)."""
        target = self.host.view(view)
        node = target.mrmlSliceNode()
        scale = target.size.width() / node.GetFieldOfView()[0]
        x = target.size.width() / 2 + center[0] * scale
        y = target.size.height() / 2 - center[1] * scale
        return (x - half * scale, y - half * scale), (x + half * scale, y + half * scale)

    def draw(self, view="Red", half: float = 26.0, center=(0.0, 0.0), wait: bool = True, seconds: float = 90) -> None:
        """Press Draw box if it is not pressed, drag, release."""
        if not self.ui.drawBoxButton.checked:
            self.tab("segmentTab")
            self.click("drawBoxButton")
        self.driver.drag(self.host.view(view), *self.corners(view, half, center))
        if wait:
            self.wait("the mask", seconds)

    def mask(self, row=None):
        """bool [H, W] of a row's slice (default: the first row)."""
        row = row or self.rows[0]
        return self.review.store.mask(row.segment_id, self.review.reader.plane(row.axis, row.index))

    def scroll(self, view: str, steps: int) -> None:
        """Move a view by whole slices, as the wheel does."""
        logic = self.host.app.layoutManager().sliceWidget(view).sliceLogic()
        logic.SetSliceOffset(logic.GetSliceOffset() + steps * logic.GetLowestVolumeSliceSpacing()[2])
        self.driver.settle()

    def picture(self, view: str = "Red"):
        return self.host.view(view).picture()
