"""The review: counts, strip, filters, table, decisions, summaries."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import client, html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from evanyseg.bands import QualityBand

from ...presenters.reviewing import ReviewingPresenter
from ...presenters.texts import cells, css_color, hover_text, is_light, row_tip, summary_cells
from ...scene.overlay.corner_annotation import row_color
from ...scene.review.queue import ORDERS, STATES, Filters, worst_of_each_slice
from ...scene.table.records import Key, ScoreRecord
from .parts import button, select, wide_button

ROW = "grid-template-columns: 1.4fr 1.3fr 0.7fr 1.2fr 1.1fr 1fr; display: grid; cursor: pointer; height: 24px;"
HEADS = ("Segment", "Slice", "Dice", "Interval", "Band", "State")
ANY = "all"
WINDOW = 200
"""Rows that the page holds at a time: a table of thousands is not sent whole at every change."""


class ReviewPanel:
    """Widgets -> ReviewingPresenter. `rescore()`: score again what was edited."""

    def __init__(self, state: State, presenter: ReviewingPresenter, rescore: Callable[[], None]) -> None:
        self.state, self.presenter, self.rescore = state, presenter, rescore
        self.below: Callable[[], None] = lambda: None
        """Builds what belongs to the review and is a panel of its own."""
        self._keys: dict[str, Key] = {}
        self._start = 0
        self._followed = ""
        self._said = ("", "")
        state.update({"rows_before": 0, "rows_after": 0, "scored_by": ""})
        state.update({"rows": [], "current": "", "counts": "", "strip": [], "summaries": [], "stale": 0, "comment": ""})
        state.update({"order": ORDERS[0], "segment_filter": ANY, "band_filter": ANY, "state_filter": ANY})
        state.update({"segment_choices": [{"id": ANY, "name": ANY}]})
        state.change("segment_filter", "band_filter", "state_filter")(self._on_filter)
        state.change("order")(lambda order, **rest: self._on_order(order))

    # ---- widgets ----------------------------------------------------------------------------------------------

    def build(self) -> None:
        html.Div("{{ counts }}", classes="text-body-2", id="counts")
        with html.Div(classes="d-flex my-1", style="height: 18px", id="strip"):
            html.Div(
                v_for="cell in strip",
                key="cell.key",
                title=("cell.tip",),
                click=(self._go, "[cell.key]"),
                style=("`flex: 1; min-width: 1px; cursor: pointer; background: ${cell.color}; color: ${cell.ink};`",),
            )
        with html.Div(classes="d-flex align-center"):
            button("mdi-chevron-left", "Previous (Shift+N)", self.presenter.previous, "previous")
            button("mdi-chevron-right", "Next worst (N)", self.presenter.next, "next")
            button("mdi-check", "Accept (A)", self.presenter.accept, "accept", enabled="current")
            button("mdi-flag", "Flag: needs work (X)", self.presenter.flag, "flag", enabled="current")
            button("mdi-undo-variant", "Undo the last decision", self.presenter.undo, "undo-decision")
            v3.VSpacer()
            wide_button("mdi-refresh", "Re-score {{ stale }} edited", self.rescore, "rescore", enabled="stale > 0")
        with html.Div(classes="d-flex ga-1 my-1 filters"):
            select("order", ("order_choices", list(ORDERS)), "Sort by")
            select(
                "segment_filter",
                ("segment_choices",),
                "Segment",
                item_title="name",
                item_value="id",
                v_if=("segment_choices.length > 2",),
                id="segment-filter",
            )
            select("band_filter", ("band_filter_choices", [ANY, *(band.value for band in QualityBand)]), "Band")
            select("state_filter", ("state_filter_choices", [ANY, *STATES]), "State")
        with html.Div(classes="text-caption font-weight-bold", style=ROW.replace("pointer", "default")):
            for head in HEADS:
                html.Span(head)
        client.ClientStateChange(value="current", change="window.evanysegShowRow(current)")
        with html.Div(style="height: 144px; overflow-y: auto", id="table"):
            self._more("rows_before", "earlier", -WINDOW)
            with html.Div(
                v_for="item in rows",
                key="item.key",
                classes="text-body-2",
                style=(f"`{ROW} ${{item.key === current ? 'outline: 2px solid #ffca28; outline-offset: -2px' : ''}}`",),
                click=(self._go, "[item.key]"),
                title=("item.tip",),
                raw_attrs=[':data-key="item.key"'],
            ):
                for column in range(len(HEADS)):
                    style = ("`background: ${item.color}; color: ${item.ink}; padding: 0 4px`",)
                    html.Span(
                        f"{{{{ item.cells[{column}] }}}}",
                        classes="text-truncate",
                        **({"style": style} if column == 4 else {}),
                    )
            self._more("rows_after", "more", WINDOW)
        html.Div(
            "Scored by {{ scored_by }}",
            v_if=("scored_by",),
            classes="text-caption text-medium-emphasis text-truncate",
            id="scored-by",
        )
        v3.VTextField(
            v_model=("comment",),
            label="Comment (M)",
            id="comment",
            density="compact",
            hide_details=True,
            disabled=("!current",),
            change=(self._on_comment, "[$event.target.value]"),
            classes="my-1",
        )
        self.below()
        with v3.VTable(density="compact", id="summaries", v_if=("summaries.length",), classes="text-caption mt-1"):
            with html.Thead(), html.Tr():
                for head in ("Segment", "Mean", "Lowest", "Poor", "Worst run", "Reviewed"):
                    html.Th(head, style="padding: 0 4px; height: 22px")
            with html.Tbody(), html.Tr(v_for="line in summaries", key="line[0]"):
                html.Td("{{ cell }}", v_for="cell in line", style="padding: 0 4px; height: 22px")

    def _more(self, count: str, word: str, step: int) -> None:
        """A line that shows the next rows, where there are any."""
        html.Div(
            f"{{{{ {count} }}}} {word}...",
            v_if=(count,),
            click=(self._scroll, f"[{step}]"),
            classes="text-caption text-center",
            style="cursor: pointer",
        )

    # ---- state ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """In line with the score table; only what changed is sent."""
        state, all_rows = self.state, self.presenter.all_rows()
        state.counts = self.presenter.counts()
        rows = self.presenter.rows()
        self._keys = {key_text(r.key): r.key for r in all_rows}
        state.strip = [_cell(record, number) for number, record in enumerate(worst_of_each_slice(all_rows))]
        current = self.presenter.current_row()
        state.current = key_text(current.key) if current is not None else ""
        state.scored_by = current.estimator if current is not None else ""
        said = (state.current, current.comment if current is not None else "")
        if said != self._said:  # what somebody is typing is left alone
            self._said, state.comment = said, said[1]
        place = next((n for n, r in enumerate(rows) if current is not None and r.key == current.key), None)
        if place is not None and state.current != self._followed:
            self._start = max(0, place - WINDOW // 2) if not 0 <= place - self._start < WINDOW else self._start
        self._followed = state.current
        self._start = max(0, min(self._start, len(rows) - WINDOW))
        shown = rows[self._start : self._start + WINDOW]
        state.rows = [_row(record) for record in shown]
        state.rows_before, state.rows_after = self._start, len(rows) - self._start - len(shown)
        names = dict.fromkeys((r.segment_id, r.segment) for r in all_rows)
        state.segment_choices = [{"id": ANY, "name": ANY}, *({"id": i, "name": name} for i, name in names)]
        if state.segment_filter not in (ANY, *(i for i, _ in names)):
            state.segment_filter = ANY
        state.stale = sum(1 for r in all_rows if r.stale)
        state.summaries = [summary_cells(line) for line in self.presenter.summaries()]
        state.order = self.presenter.controller.session.order

    def _scroll(self, step: int) -> None:
        self._start = max(0, self._start + int(step))
        self.refresh()

    def _go(self, key: str) -> None:
        if key in self._keys:
            self.presenter.go(self._keys[key])

    def _on_comment(self, text: str) -> None:
        self.presenter.comment(str(text))

    def _on_order(self, order: str) -> None:
        if order in ORDERS and order != self.presenter.controller.session.order:
            self.presenter.set_order(order)
            self.refresh()

    def _on_filter(self, **state: object) -> None:
        band, word = str(self.state.band_filter), str(self.state.state_filter)
        segment = str(self.state.segment_filter)
        self.presenter.filters = Filters(
            segments=(segment,) if segment != ANY else (),
            bands=(band,) if band != ANY else (),
            states=(word,) if word != ANY else (),
        )
        self.refresh()


def key_text(key: Key) -> str:
    """One row, as the page calls it."""
    return "|".join(str(part) for part in key)


def _colors(record: ScoreRecord) -> tuple[str, str]:
    color = row_color(record)
    return css_color(color), "black" if is_light(color) else "white"


def _row(record: ScoreRecord) -> dict[str, object]:
    color, ink = _colors(record)
    return {"key": key_text(record.key), "cells": cells(record), "color": color, "ink": ink, "tip": row_tip(record)}


def _cell(record: ScoreRecord | None, number: int) -> dict[str, str]:
    if record is None:
        return {"key": f"-{number}", "color": "transparent", "ink": "white", "tip": ""}
    color, ink = _colors(record)
    return {"key": key_text(record.key), "color": color, "ink": ink, "tip": hover_text(record)}
