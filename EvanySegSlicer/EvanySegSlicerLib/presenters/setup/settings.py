"""Bands, colours, memory, and the folder of downloaded weights. No Qt."""

from __future__ import annotations

from pathlib import Path

from evanyseg.bands import BandThresholds
from evanyseg.errors import EvanySegError
from evanyseg.models import weight_files
from evanyseg.models.importing import Imported
from evanyseg.weights.store import WeightStore

from ...scene.jobs.runner import JobContext
from ...scene.nodes.session import Value
from ..review_controller import ONE_THING, ReviewController

MEGABYTE = 2**20
OPTIONS: dict[str, Value] = {
    "auto_score": False,
    "allow_cropped": False,
    "min_area_mm2": 0.0,
    "learn_every": 0,
    "reviewer": "",
}
"""Fields of the session that a settings page offers, with their defaults."""


class SettingsPresenter:
    """`store`: where downloaded weights are."""

    def __init__(self, controller: ReviewController, store: WeightStore | None = None) -> None:
        self.controller = controller
        self.store = store or WeightStore.default()

    # ---- bands and colours ------------------------------------------------------------------------------------

    def set_bands(self, good: float, check: float) -> None:
        """New thresholds, two decimals: rows and colours follow at once; an impossible pair is said and not taken."""
        node, review = self.controller.node, self.controller.usable
        if node is None:
            return
        try:
            thresholds = BandThresholds(round(good, 2), round(check, 2))
        except ValueError as error:
            self.controller.view.status(str(error), problem=True)
            return
        node.set("good", thresholds.good)
        node.set("check", thresholds.check)
        if review is not None:
            review.table.set_thresholds(thresholds)
            review.overlay.restyle()
        self.controller.view.updated([])

    def set_continuous(self, continuous: bool) -> None:
        """Colours as a ramp, or one a band."""
        if self.controller.node is None:
            return
        self.controller.node.set("continuous", continuous)
        if self.controller.usable is not None:
            self.controller.usable.overlay.restyle(continuous=continuous)

    # ---- what is kept in the scene beside ----------------------------------------------------------------------

    def option(self, name: str) -> Value:
        """One of `OPTIONS`, as the session has it."""
        value: Value = getattr(self.controller.session, name)
        return value

    def set_option(self, name: str, value: Value) -> None:
        """Takes effect at once, in the kind of value that the option has; what is of another kind is not taken."""
        try:
            wanted = type(OPTIONS[name])(value)
        except (TypeError, ValueError):
            return
        if self.controller.node is None or wanted == self.option(name):
            return
        if isinstance(wanted, int | float) and wanted < 0:
            self.controller.view.status("Numbers below 0 mean nothing here.", problem=True)
            return
        self.controller.node.set(name, wanted)
        self.controller.view.updated([])

    # ---- memory -----------------------------------------------------------------------------------------------

    def limit_cache(self, megabytes: int) -> None:
        """Memory for encoded slices."""
        cache = self.controller.models.cache
        cache.max_bytes = megabytes * MEGABYTE
        if cache.nbytes > cache.max_bytes:
            cache.clear()

    def cache_text(self) -> str:
        cache = self.controller.models.cache
        return f"{len(cache)} slices, {cache.nbytes / MEGABYTE:.0f} MB in use"

    # ---- weights ----------------------------------------------------------------------------------------------

    def import_weights(self, path: Path) -> None:
        """Recognise and copy a weight file into the folder, on the worker (reading one needs torch)."""
        from evanyseg.models.importing import import_file

        if self.controller.busy:
            self.controller.view.status(ONE_THING, problem=True)
            return

        def work(context: JobContext) -> Imported:
            return import_file(path, self.store, progress=context.progress, should_cancel=context.should_cancel)

        def done(imported: Imported) -> None:
            self.controller.forget_models()
            self.controller.view.status(f"{imported.entry.title} is ready to use. {imported.note}".strip())

        self.controller.start("Importing weights", work, done)

    def downloaded(self) -> list[str]:
        """Titles of the weight files in the folder."""
        return [entry.title for entry in self.store.present(weight_files().values())]

    def clear_weights(self) -> None:
        """Delete them; ask first."""
        try:
            freed = self.store.clear(weight_files().values())
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return
        self.controller.forget_models()
        self.controller.view.status(f"{freed / MEGABYTE:.0f} MB freed.")
