"""Starts the server with its guard, says where it is, opens the browser, and cleans up when it ends."""

from __future__ import annotations

import socket
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trame.app import get_server

from .app import WebApp
from .guard import TAKEN, Guard
from .options import Options, is_loopback

if TYPE_CHECKING:
    from wslink.backends.aiohttp import WebAppServer


def serve(options: Options) -> None:
    """Runs until it is interrupted."""
    server = get_server("evanyseg", client_type="vue3")
    server.cli.parse_known_args([])  # trame's own command line is not ours
    app = WebApp(server, options)
    guard = Guard(options.token, host_names(options))

    @server.controller.add("on_server_bind")
    def bound(web_server: WebAppServer) -> None:
        async def drop() -> None:
            for handler in web_server._ws_handlers:
                for connection in list(handler.connections.values()):
                    await connection.close(code=TAKEN, message=b"Opened in another tab")

        guard.drop = drop
        guard.page = str(Path(server._www) / "index.html")
        guard.install(web_server.app)
        app.exports.install(web_server.app)
        app.files.incoming.install(web_server.app)

    @server.controller.add("on_server_ready")
    def ready(**state: Any) -> None:
        address = f"http://{shown_host(options.host)}:{server.port}/?token={options.token}"
        print(f"EvanySegSlicer is at {address}\nStop it with Ctrl+C.", flush=True)
        if not options.local:
            print("Reachable from other computers: put a server that speaks TLS in front.", flush=True)
        if options.open_browser and not webbrowser.open(address):
            print("No browser could be opened; open the address yourself.", flush=True)
        app.begin()

    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        server.start(
            port=options.port,
            host=options.host,
            open_browser=False,
            show_connection_info=False,
            disable_logging=True,
            timeout=0,
        )
    finally:
        sys.argv = arguments
        app.close()


def host_names(options: Options) -> set[str]:
    """What the Host header may say."""
    own = {"127.0.0.1", "localhost", "::1"} if options.local else {options.host, socket.gethostname(), *_local(options)}
    return own | set(options.names)


def _local(options: Options) -> set[str]:
    return {"127.0.0.1", "localhost"} if options.host in ("0.0.0.0", "::") else set()


def shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host and not is_loopback(host) else host
