"""Servers among the devices: which are offered, and that nothing is sent to one before the user has agreed. No Qt."""

from __future__ import annotations

from evanyseg.device import SERVER, server_address
from evanyseg.errors import EvanySegError
from evanyseg.remote.known import KnownServer, KnownServers, is_private

from ..review_controller import ReviewController

ADD, FORGET = "add a server", "forget a server"
"""Entries of the list of devices that are no devices: a front end asks what it has to, and calls `add` or `forget`."""
SENT = "pixels of the slices that you segment or score (in the intensity window), boxes, clicks and masks"
NOT_SENT = "names, dates, identifiers, file names and positions"


class ServersPresenter:
    """known: where the user's answers are kept."""

    def __init__(self, controller: ReviewController, known: KnownServers) -> None:
        self.controller, self.known = controller, known

    def choices(self) -> list[tuple[str, str]]:
        """(device, title) of the servers that may be used, then what can be done about servers."""
        agreed = [s.address for s in self.known.all() if s.agreed]
        found = [(f"{SERVER}{address}", f"server {address}") for address in agreed]
        return [*found, (ADD, "Add a server..."), *([(FORGET, "Forget this server")] if self._chosen else [])]

    def question(self, address: str) -> str:
        """What the user has to agree to; '' where the address is none (said in the status line)."""
        try:
            address = server_address(f"{SERVER}{address.strip()}") or ""
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return ""
        open_line = "" if is_private(address) else " The line is NOT encrypted: others in the network can read along."
        return (
            f"Send {SENT} to {address}? The models run there. Not sent: {NOT_SENT}.{open_line} "
            "This is asked once for each server."
        )

    def add(self, address: str, token: str = "") -> None:
        """The user has agreed: keep it, and use it from the next action on. A known one gets the new token."""
        try:
            plain = server_address(f"{SERVER}{address.strip()}") or ""
            self.known.keep(KnownServer(plain, True, token.strip()))
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return
        self.controller.forget_models()
        if self.controller.node is not None:
            self.controller.node.set("device", f"{SERVER}{plain}")
        self.controller.view.status(f"The models run on {plain} from now on.")
        self.controller.view.updated([])

    def forget(self) -> None:
        """Nothing more is sent to the chosen server; the models run here again."""
        try:
            self.known.forget(self._chosen)
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return
        self.controller.forget_models()
        if self.controller.node is not None:
            self.controller.node.set("device", "auto")
        self.controller.view.status("The server is forgotten; the models run on this computer.")
        self.controller.view.updated([])

    @property
    def _chosen(self) -> str:
        """The address of the session's server; '' for another device, and for text that is no address."""
        try:
            return server_address(self.controller.session.device) or ""
        except EvanySegError:
            return ""
