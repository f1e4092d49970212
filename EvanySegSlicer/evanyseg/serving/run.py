"""Binding, starting and ending: uvicorn with what a long-running service needs."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from ..errors import EvanySegError
from .app import build_app
from .guard import LOOPBACK
from .limits import Limits
from .loaded import LoadedModels

SHORTEST_TOKEN = 16
KEEP_ALIVE_S = 75
"""A thin client's connection is kept while somebody thinks about the next box."""


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK


def read_tokens(file: Path | None, variable: str) -> tuple[str, ...]:
    """One a line of the file (empty lines and those that begin with # are left out), or the environment variable's.

    Raises EvanySegError for a file that cannot be read, and tokens too short or with other characters than ASCII ones.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file is not None else [variable]
    except (OSError, UnicodeDecodeError) as error:
        raise EvanySegError(f"The tokens in {file} cannot be read ({error}); write one a line.") from None
    found = tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if file is not None and not found:
        raise EvanySegError(f"There is no token in {file}; write one a line, for example of 'openssl rand -hex 24'.")
    for token in found:
        if len(token) < SHORTEST_TOKEN or not token.isascii() or any(c.isspace() for c in token):
            raise EvanySegError(
                f"A token must have at least {SHORTEST_TOKEN} ASCII characters without spaces; make one with "
                "'openssl rand -hex 24'."
            )
    return found


def check_host(host: str, tokens: Sequence[str]) -> None:
    """Raises EvanySegError for an address that others can reach, without a token."""
    if not tokens and not is_loopback(host):
        raise EvanySegError(
            f"On {host} others can reach this server: give it a token (--token-file FILE, or the variable "
            "EVANYSEG_SERVER_TOKEN), and put TLS in front (docs/server.md)."
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises EvanySegError: the port is taken, the address is not this machine's."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, port), family=family, backlog=256)
        # asyncio does it for sockets that name their protocol only: small answers would wait 40 ms for the client's ACK
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    except OSError as error:
        why = error.strerror or str(error)
        raise EvanySegError(f"{host}, port {port} cannot be listened on: {why}. Choose another --port.") from None


def shown_address(listening: socket.socket) -> str:
    """'http://127.0.0.1:8600'."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(
    models: LoadedModels, limits: Limits, tokens: tuple[str, ...], host: str, log_level: str = "warning"
) -> uvicorn.Server:
    """A server that is not started yet; `run(sockets=[listen(host, port)])` serves until it is told to end.

    Raises EvanySegError for an address that others can reach, without a token; UnknownModelError, DeviceError for
    models and a device that are not here.
    """
    models.check()
    check_host(host, tokens)
    config = uvicorn.Config(
        build_app(models, limits, tokens),
        log_level=log_level,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        ws="none",
        http="h11",
    )
    return uvicorn.Server(config)
