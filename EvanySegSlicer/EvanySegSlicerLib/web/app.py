"""The application: a real Slicer scene, trame-slicer's views, the presenters of the desktop, and the page's panels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from trame_slicer import module as trame_slicer_module
from trame_slicer.core import LayoutManager, SlicerApp

from evanyseg.errors import EvanySegError

from ..presenters.editing.edit_watch import EditWatch
from ..presenters.front_end import Presenters
from ..presenters.rubber_band import BOX
from ..presenters.setup.model_store import ModelStore
from ..presenters.showing.map_follower import MapFollower
from ..scene.headless.sample_volume import template_files
from .files.exports import Exports
from .files.open_files import OpenFiles
from .files.opening import Opener
from .layout import build
from .options import Options
from .page import Page, Panel
from .panels.compare_panel import ComparePanel
from .panels.downloads_row import DownloadsRow
from .panels.explore_panel import ExplorePanel
from .panels.file_panel import FilePanel
from .panels.learning_panel import LearningPanel
from .panels.next_click_row import NextClickRow
from .panels.open_panel import OpenPanel
from .panels.review_panel import ReviewPanel
from .panels.segment_panel import SegmentPanel
from .panels.settings_panel import SettingsPanel
from .panels.show_panel import ShowPanel
from .pump import JobPump
from .timer import LoopTimer
from .views.brush import ERASE, PAINT, Brush
from .views.drawing import draw_quickly, register_views
from .views.gutter import SLIDER_HEIGHT
from .views.slice_views import PageViews

if TYPE_CHECKING:
    from trame_server import Server

LAYOUT = "Axial Primary"


class WebApp:
    """Everything of one session. `begin()` on the running event loop opens what the options say."""

    def __init__(self, server: Server, options: Options, models: ModelStore | None = None) -> None:
        self.server, self.options = server, options
        server.enable_module(trame_slicer_module)
        self.slicer = SlicerApp()
        register_views(self.slicer.view_manager, server, options.local)
        layouts = LayoutManager(self.slicer.scene, self.slicer.view_manager, server)
        layouts.register_layout_dict(LayoutManager.default_grid_configuration(), lazy_initialization=True)
        layouts.create_layout_views_if_needed(LAYOUT)
        layouts.set_layout(LAYOUT)
        self.layouts = layouts
        draw_quickly(self.slicer.view_manager)

        self.page = page = Page(server.state)
        self.views = views = PageViews(self.slicer.view_manager)
        self.pump = JobPump(self._drained)
        self.presenters = made = Presenters(self.pump.runner, models or ModelStore.of_engine(), page, views)
        self.segment_panel = SegmentPanel(server.state, made.segmenting, made.painting, views, page)
        self.review_panel = ReviewPanel(server.state, made.reviewing, made.segmenting.rescore)
        self.file_panel = FilePanel(server.state, options.session.name if options.session else "", self._save)
        follower = MapFollower(made.error_map, made.segmenting, views, LoopTimer)
        self.show_panel = ShowPanel(server.state, made.display, follower, made.surfaces, self._render)
        self.next_click_row = NextClickRow(server.state, made.next_click, views, self._render)
        self.segment_panel.below_result = self.next_click_row.build
        self.learning_panel = LearningPanel(server.state, made.learning)
        settings = SettingsPanel(server.state, made.models, made.settings)
        self.downloads_row = DownloadsRow(server.state, made.downloads)
        settings.below_models = self.downloads_row.build
        others: list[tuple[str, str, Panel]] = [
            ("compare", "Compare", ComparePanel(server.state, made.comparing, made.models)),
            ("explore", "Explore", ExplorePanel(server.state, made.exploring, made.segmenting, views)),
            ("settings", "Settings", settings),
        ]
        page.panels = [self.show_panel, self.segment_panel, self.next_click_row, self.review_panel]
        page.panels += [self.learning_panel, self.file_panel, self.downloads_row]
        page.following = [self.show_panel, self.segment_panel]
        page.panels += [panel for _name, _title, panel in others]
        page.on_refresh = self._on_refresh
        page.on_updated = self._updated
        made.display.on_scroll, made.display.below = page.scrolled, SLIDER_HEIGHT
        self.segment_panel.brush = Brush(self.slicer.segmentation_editor, made.painting, views.used_node, page.soon)
        self.watch = EditWatch(made.controller, LoopTimer, self._settled)
        made.painting.on_edit = self.watch.edited
        self.opener = Opener(self.slicer.scene, made, views, self._leave, self._entered)
        self.exports = Exports(made.reviewing, lambda: self.opener.dicom, page.status, options.session)
        self.files = OpenFiles(self.opener, options.folder, self.do, page.status)
        self.open_panel = OpenPanel(server.state, self.files.folder, self.files.chosen, page.status)
        self.file_panel.above = self.open_panel.build
        server.controller.cancel = made.controller.cancel
        server.trigger("evanyseg_key")(self._on_key)
        sections: list[tuple[str, str, Panel]] = [
            ("segment", "Segment", self.segment_panel),
            ("review", "Review", self.review_panel),
            ("files", "Files", self.file_panel),
            *others,
        ]
        self.review_panel.below = self.learning_panel.build
        self.ui = build(server, layouts, self.show_panel, sections)
        self._tasks: set[asyncio.Task] = set()

    # ---- life cycle -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The server runs: open what was asked for."""
        self.pump.start(asyncio.get_running_loop())
        self.do(self._open_first())

    def close(self) -> None:
        """The server ends: jobs stop, the scene is let go of."""
        self._leave()
        self.presenters.downloads.cancel()
        self.page.close()
        self.pump.close()
        self.files.close()

    def do(self, work: Coroutine[object, object, None]) -> None:
        """Run something that takes a while; what fails is said on the page."""

        async def told() -> None:
            try:
                await work
            except EvanySegError as error:
                self.page.status(str(error), problem=True)
            except Exception as error:  # whatever it is, the page must not fall silent
                logging.getLogger("evanyseg").exception("The page's request failed")
                self.page.status(f"Something went wrong ({type(error).__name__}: {error}).", problem=True)

        task = asyncio.get_running_loop().create_task(told())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open_first(self) -> None:
        options = self.options
        self.page.status("Opening...")
        if options.session is not None:
            await self.opener.session(options.session)
        elif options.volume is not None:
            notes = await self.opener.volume(options.volume, masks=options.segmentation)
            if notes:
                self.page.status(f"{options.volume.name} was opened.{notes}")
        else:
            await self.opener.volume(template_files()["t1"], "MNI152 T1 (template)")

    # ---- the scene's coming and going -------------------------------------------------------------------------

    def _leave(self) -> None:
        self.segment_panel.stop_tool()
        self.watch.stop()
        self.show_panel.leave()
        self.views.forget()
        self.presenters.leave()

    def _entered(self) -> None:
        made = self.presenters
        made.display.set_on(True)
        made.surfaces.enter()
        for view3d in self.slicer.view_manager.get_threed_views():
            view3d.fit_view_to_content()
        made.painting.fit_brush()
        self.watch.follow()
        self.segment_panel.start_tool(BOX)
        self.page.soon()
        view = self.views.active()
        if view is not None:  # models and the first slice's embedding, so that the first box is quick
            node = view.slice_node
            made.controller.with_models(lambda pipeline: made.segmenting.prefetch(node), quiet=True)

    # ---- what the page and workers ask ------------------------------------------------------------------------

    def _on_refresh(self) -> None:
        review = self.presenters.controller.usable
        self.watch.follow()
        self.presenters.display.refresh()
        self.server.state.volume_name = review.volume.GetName() if review is not None else ""
        self.server.state.has_rows = review is not None and len(review.table) > 0

    def _updated(self) -> None:
        self._render()
        self.watch.edited()  # 3D surfaces are renewed when it has settled

    def _settled(self, changed: bool) -> None:
        self.presenters.settled(changed)
        self.presenters.surfaces.refresh()
        self.page.soon()

    def _render(self) -> None:
        """Masks are changed in place, which not every view notices by itself."""
        for view in self.slicer.view_manager.get_views():
            view.schedule_render()

    def _save(self) -> None:
        if self.options.session is not None:
            self.do(self.exports.save())

    def _drained(self, drain: Callable[[], int]) -> None:
        with self.server.state:
            drain()

    def _on_key(self, key: str) -> None:
        reviewing = self.presenters.reviewing
        actions = {
            "d": lambda: self.segment_panel.toggle(BOX),
            "p": lambda: self.segment_panel.toggle(PAINT),
            "e": lambda: self.segment_panel.toggle(ERASE),
            "s": self.next_click_row.toggle,
            "+": lambda: self.presenters.next_click.answer(True),
            "-": lambda: self.presenters.next_click.answer(False),
            "ctrl+z": self.presenters.segmenting.undo,
            "ctrl+y": self.presenters.segmenting.redo,
            "ctrl+s": self._save,
            "?": lambda: self.server.state.update({"help": True}),
            "n": reviewing.next,
            "shift+n": reviewing.previous,
            "a": reviewing.accept,
            "x": reviewing.flag,
        }
        if key in actions:
            actions[key]()
