"""`evanyseg serve`: this machine's models as a device for other computers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ...device import require_package
from ...remote.known import TOKEN_VARIABLE
from ..support.console import DISCLAIMER, say, shown
from ..support.options import BackendOption, DeviceOption
from ..support.stopping import Stopped

ROOM = "Room"


def serve(
    host: Annotated[str, typer.Option(help="Where to listen. Others can reach it on 0.0.0.0: needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8600,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Tokens of clients, one a line. Default: the variable {TOKEN_VARIABLE}."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these models are served. Repeatable; default: all.")
    ] = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    sessions: Annotated[int, typer.Option(min=1, help="Open at a time.", rich_help_panel=ROOM)] = 64,
    session_memory: Annotated[
        int, typer.Option(min=16, metavar="MB", help="Images and embeddings kept for each.", rich_help_panel=ROOM)
    ] = 512,
    idle: Annotated[
        float, typer.Option(min=1, metavar="MINUTES", help="A session not used for so long ends.", rich_help_panel=ROOM)
    ] = 30,
    most_pixels: Annotated[int, typer.Option(min=4, metavar="N", help="Of one image.", rich_help_panel=ROOM)] = 4096
    * 4096,
    most_body: Annotated[int, typer.Option(min=1, metavar="MB", help="Of one request.", rich_help_panel=ROOM)] = 64,
) -> None:
    """Serve this machine's models to Slicer, the browser app and `--device server:...` on other computers.

    \b
    evanyseg serve
    evanyseg serve --host 0.0.0.0 --token-file tokens.txt --device cuda

    It keeps images in memory only, each session's apart, until the session ends. It speaks HTTP: TLS belongs in front
    of it (nginx or caddy: docs/server.md). End it with Ctrl-C or SIGTERM.
    """
    for module, package in (("fastapi", "FastAPI"), ("uvicorn", "uvicorn")):
        require_package(module, package, "Serving", "server")
    from ...serving.limits import MEGABYTE, Limits
    from ...serving.loaded import LoadedModels
    from ...serving.run import is_loopback, listen, make_server, read_tokens, shown_address

    tokens = read_tokens(token_file, os.environ.get(TOKEN_VARIABLE, ""))
    limits = Limits(
        body_bytes=most_body * MEGABYTE,
        pixels=most_pixels,
        sessions=sessions,
        session_bytes=session_memory * MEGABYTE,
        idle_seconds=60 * idle,
    )
    models = LoadedModels(device, backend, tuple(model or ()), limits.models)
    server = make_server(models, limits, tokens, host)
    with listen(host, port) as socket:
        say(f"Serving on {shown(shown_address(socket))}, models on {shown(models.device)}. End with Ctrl-C.")
        say(f"Clients name it as their device: server:{shown(shown_address(socket))}")
        if not is_loopback(host):
            say("What is sent is not encrypted: put TLS in front of it (docs/server.md).")
        say(f"[dim]{DISCLAIMER}[/]")
        try:
            server.run(sockets=[socket])
        except Stopped as stop:
            stop.add_note("What clients had sent is forgotten.")
            raise
