"""What `python3 dev.py web` takes, and what is refused before anything is started."""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from evanyseg.errors import EvanySegError

TOKEN_VARIABLE = "EVANYSEG_WEB_TOKEN"
SHORTEST_TOKEN = 16
DEFAULT_PORT = 8765


@dataclass(frozen=True)
class Options:
    """Paths are absolute. port 0: any free one; names: host names under which browsers may call the server."""

    volume: Path | None = None
    segmentation: Path | None = None
    session: Path | None = None
    folder: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    names: tuple[str, ...] = ()
    token: str = ""
    open_browser: bool = True

    @property
    def local(self) -> bool:
        return is_loopback(self.host)


def parsed(arguments: Sequence[str] | None = None) -> Options:
    """Raises EvanySegError that says what to do instead."""
    found = _parser().parse_args(arguments)
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and len(token) < SHORTEST_TOKEN:
        raise EvanySegError(f"{TOKEN_VARIABLE} must have at least {SHORTEST_TOKEN} characters.")
    if not is_loopback(found.host) and not token:
        raise EvanySegError(
            f"--host {found.host} lets other computers in: set {TOKEN_VARIABLE} to a secret of at least "
            f"{SHORTEST_TOKEN} characters, and put a server that speaks TLS in front (this one does not encrypt)."
        )
    for option in ("volume", "segmentation", "session", "folder"):
        path = getattr(found, option)
        if path is not None and not path.exists():
            raise EvanySegError(f"--{option}: there is nothing at {path}.")
    if found.segmentation is not None and found.volume is None:
        raise EvanySegError("--segmentation needs the image that it belongs to: give --volume too.")
    if found.folder is not None and not found.folder.is_dir():
        raise EvanySegError(f"--folder: {found.folder} is a file; name the folder that it is in.")
    if found.session is not None and found.volume is not None:
        raise EvanySegError("--session brings its own volume: leave --volume out.")
    return Options(
        volume=_absolute(found.volume),
        segmentation=_absolute(found.segmentation),
        session=_absolute(found.session),
        folder=_absolute(found.folder),
        host=found.host,
        port=found.port,
        names=tuple(found.name),
        token=token or secrets.token_urlsafe(24),
        open_browser=not found.no_browser,
    )


def require_packages() -> None:
    """Raises EvanySegError with the one command that installs what is missing."""
    missing = [name for name in ("trame_slicer", "slicer") if importlib.util.find_spec(name) is None]
    if missing:
        raise EvanySegError("trame-slicer is missing: run python3 dev.py web, or pip install 'evanyseg-slicer[web]'.")


def require_port(options: Options) -> None:
    """Raises EvanySegError when another program listens there already."""
    if options.port == 0:
        return
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            raise EvanySegError(
                f"Port {options.port} of {options.host} cannot be used ({error.strerror}); is the page open already? "
                "Choose another one with --port, or --port 0 for any free one."
            ) from error


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _absolute(path: Path | None) -> Path | None:
    return path.expanduser().absolute() if path is not None else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dev.py web", description="Segment, score and review in the browser. Without --volume: a brain template."
    )
    add = parser.add_argument
    add("--volume", type=Path, help="image file (NIfTI, NRRD, MetaImage, DICOM) or a folder of one DICOM series")
    add("--segmentation", type=Path, help="existing masks on that image (.seg.nrrd, label map, DICOM SEG)")
    add("--session", type=Path, help="scene (.mrb) to go on with, saved here or by desktop Slicer")
    add(
        "--folder",
        type=Path,
        help="folder here that the page may list and open files of; nothing outside it",
    )
    add("--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0: any free one")
    add("--host", default="127.0.0.1", help=f"address to listen on; other than loopback needs {TOKEN_VARIABLE}")
    add("--name", action="append", default=[], help="host name that browsers use, when a proxy is in front")
    add("--no-browser", action="store_true", help="print the address only")
    return parser
