"""What the views show beside the image: quality colours, the error map, quality bands in 3D. Always at the top."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from ...presenters.quality_display import QualityDisplay
from ...presenters.showing.map_follower import MapFollower
from ...presenters.showing.surfaces import SurfacesPresenter
from ...presenters.texts import css_color, is_light
from ...scene.overlay.error_map import (
    FALSE_NEGATIVE_COLOR,
    FALSE_NEGATIVE_WORD,
    FALSE_POSITIVE_COLOR,
    FALSE_POSITIVE_WORD,
)

MAP_COLORS = (
    (FALSE_POSITIVE_COLOR, f"{FALSE_POSITIVE_WORD}: probably too much"),
    (FALSE_NEGATIVE_COLOR, f"{FALSE_NEGATIVE_WORD}: probably missing"),
)


class ShowPanel:
    """Three switches. `render()`: draw all views again."""

    def __init__(
        self,
        state: State,
        display: QualityDisplay,
        follower: MapFollower,
        surfaces: SurfacesPresenter,
        render: Callable[[], None],
    ) -> None:
        self.state, self.display, self.follower, self.surfaces, self.render = state, display, follower, surfaces, render
        state.update({"show_quality": True, "show_map": False, "show_bands": False, "map_shown": False})

    def build(self) -> None:
        with html.Div(classes="d-flex align-center ga-1 px-3 pb-1", id="show"):
            self._chip("show_quality", "Quality overlay", self._on_quality)
            self._chip("show_map", "Error map", self._on_map)
            self._chip("show_bands", "Bands in 3D", self._on_bands)
        with html.Div(classes="px-3 pb-1 text-caption", v_if=("show_map",), id="map-legend"):
            for color, words in MAP_COLORS:
                ink = "black" if is_light(color) else "white"
                html.Span(
                    words, style=f"background: {css_color(color)}; color: {ink}; padding: 1px 5px", classes="mr-1"
                )

    def _chip(self, name: str, title: str, action: Callable[[], None]) -> None:
        v3.VChip(
            title,
            prepend_icon=(f"{name} ? 'mdi-eye' : 'mdi-eye-off-outline'",),
            variant=(f"{name} ? 'flat' : 'outlined'",),
            color=(f"{name} ? 'amber' : undefined",),
            size="small",
            click=action,
            id=name.replace("_", "-"),
        )

    def refresh(self) -> None:
        state = self.state
        state.show_quality, state.show_map = self.display.on, self.follower.error_map.on
        state.show_bands, state.map_shown = self.surfaces.bands, self.follower.error_map.shown
        self.follower.soon()

    def leave(self) -> None:
        """The scene goes."""
        self.follower.set_on(False)
        self.follower.leave()

    def _on_quality(self) -> None:
        self.display.set_on(not self.display.on)
        self._done()

    def _on_map(self) -> None:
        self.follower.set_on(not self.follower.error_map.on)
        self._done()

    def _on_bands(self) -> None:
        self.surfaces.set_bands(not self.surfaces.bands)
        self._done()

    def _done(self) -> None:
        self.refresh()
        self.render()
