"""All presenters of one front end, made and put together in one place. No Qt.

A front end (desktop, web) writes a `View` and a `SliceViews`, makes a `JobRunner` whose executor posts to its own main
thread, and constructs `Presenters` with them. Its widgets then call presenters, and are told through `View`.
"""

from __future__ import annotations

from evanyseg.adaptation.store import ReferenceStore
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.gain_codes import legend_entries as gain_legend
from evanyseg.weights.store import WeightStore

from ..scene.jobs.runner import JobRunner
from ..scene.nodes.session_node import SessionNode
from ..scene.overlay.error_map import LEGEND
from ..scene.overlay.view_labels import Line
from ..scene.review.jump import show_plane
from .editing.painting import PaintingPresenter
from .error_map import ErrorMapPresenter
from .explore.comparing import ComparingPresenter
from .explore.exploring import ExploringPresenter
from .learning.learning import LearningPresenter
from .quality_display import QualityDisplay
from .review_controller import ReviewController
from .reviewing import ReviewingPresenter
from .segmenting import SegmentingPresenter
from .setup.downloads import DownloadsPresenter
from .setup.model_choice import ModelChoicePresenter
from .setup.model_store import ModelStore
from .setup.settings import SettingsPresenter
from .showing.next_click import NextClickPresenter
from .showing.surfaces import SurfacesPresenter
from .view import SliceViews, View


class Presenters:
    """`controller` is what they all act through. Call `bind` with the scene's session, `leave` before the scene goes.

    weights: where downloaded weights are, references: where corrected slices are kept; None for the usual folders.
    """

    def __init__(
        self,
        runner: JobRunner,
        models: ModelStore,
        view: View,
        views: SliceViews,
        weights: WeightStore | None = None,
        references: ReferenceStore | None = None,
    ) -> None:
        self.views = views
        self.controller = ReviewController(runner, models, view, references)
        self.models = ModelChoicePresenter(self.controller, weights)
        self.segmenting = SegmentingPresenter(self.controller)
        self.painting = PaintingPresenter(self.controller, self.segmenting)
        self.reviewing = ReviewingPresenter(self.controller, self._jump)
        self.learning = LearningPresenter(self.controller)
        self.reviewing.decided = self.learning.check_automatic
        self.comparing = ComparingPresenter(self.controller, self.segmenting)
        self.exploring = ExploringPresenter(self.controller)
        self.controller.jobs.rested = self._rested
        self.display = QualityDisplay(self.controller, views)
        self.error_map = ErrorMapPresenter(self.controller, self.display.refresh)
        self.next_click = NextClickPresenter(self.controller, self.segmenting, self._question_changed)
        self.error_map.gives_way = lambda: self.next_click.shown
        self.display.map_legend = self._map_legend
        self.surfaces = SurfacesPresenter(self.controller, self.display)
        self.settings = SettingsPresenter(self.controller, weights)
        self.downloads = DownloadsPresenter(self.controller, weights)

    def bind(self, node: SessionNode) -> None:
        """Work on this scene's session. (What is chosen in it is opened by `controller.open()`.)"""
        self.controller.bind(node)

    def leave(self) -> None:
        """The scene is about to go: jobs are cancelled, what is derived from scores is taken out, nodes are let go."""
        self.error_map.remove()
        self.next_click.remove()
        self.surfaces.leave()
        self.comparing.forget()
        self.exploring.forget()
        self.display.close()
        self.controller.bind(None)
        self.segmenting.forget()

    def _question_changed(self) -> None:
        """The map of the next click was shown or taken away: the error map gives way meanwhile, and comes back."""
        self.display.refresh()
        if self.next_click.shown:
            self.error_map.remove()
        elif self.error_map.on:
            self.controller.view.updated([])

    def _map_legend(self) -> list[Line]:
        """Of the map in the views."""
        if self.next_click.shown:
            return gain_legend()
        return LEGEND if self.error_map.shown else []

    def _rested(self) -> None:
        """Nothing runs any more: what has waited for that goes on."""
        self.learning.check_automatic()
        self.exploring.go_on()

    def settled(self, changed: bool) -> None:
        """Edits made elsewhere have been compared with the table: told, and scored again where that is wanted."""
        if changed:
            self.controller.view.updated([])
        if self.controller.session.auto_score and any(row.stale for row in self.reviewing.all_rows()):
            self.segmenting.rescore()

    def _jump(self, plane: SlicePlane) -> None:
        review = self.controller.usable
        if review is not None:
            segment_id = (self.reviewing.current or ("",))[0]
            mask = review.store.mask(segment_id, plane) if review.store.has(segment_id) else None
            show_plane([view.slice_node for view in self.views.all()], plane, mask, review.volume)
