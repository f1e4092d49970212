"""A server among the devices: its address, its token, and the question that comes before anything is sent."""

from __future__ import annotations

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from ...presenters.setup.servers import ServersPresenter
from .parts import wide_button


class ServerRow:
    """Widgets -> ServersPresenter; shown while a server is being added."""

    def __init__(self, state: State, servers: ServersPresenter) -> None:
        self.state, self.servers = state, servers
        state.update({"adding_server": False, "server_address": "", "server_token": "", "server_question": ""})
        state.change("server_address")(self._on_address)

    def build(self) -> None:
        plain = {"density": "compact", "hide_details": True, "classes": "mb-1"}
        with html.Div(v_if=("adding_server",), classes="pa-1 mb-1", id="add-server"):
            v3.VTextField(v_model=("server_address",), label="Address (https://...)", id="server-address", **plain)
            v3.VTextField(
                v_model=("server_token",), label="Token (may stay empty)", type="password", autocomplete="off",
                id="server-token", **plain,
            )  # fmt: skip
            html.Div("{{ server_question }}", classes="text-caption my-1", id="server-question")
            with html.Div(classes="d-flex ga-1"):
                wide_button("mdi-check", "I agree: add it", self._on_agree, "server-agree", enabled="server_question")
                wide_button("mdi-close", "Cancel", self._stop, "server-cancel")

    def start(self) -> None:
        self.state.adding_server = True

    def refresh(self) -> None:
        """Nothing here depends on the scene."""

    def _on_address(self, server_address: str, **state: object) -> None:
        """The question names the address; there is none before the address is one."""
        text = str(server_address or "")
        self.state.server_question = self.servers.question(text) if "://" in text else ""

    def _on_agree(self) -> None:
        address, token = str(self.state.server_address), str(self.state.server_token or "")
        if self.servers.question(address):
            self._stop()
            self.servers.add(address, token)

    def _stop(self) -> None:
        self.state.update({"adding_server": False, "server_address": "", "server_token": "", "server_question": ""})
