"""Servers that the user has agreed to send to, with their tokens: a file in the settings folder that only he reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from ..io.write import atomic_path
from .server import Server

VARIABLE, TOKEN_VARIABLE = "EVANYSEG_SETTINGS", "EVANYSEG_SERVER_TOKEN"
FILENAME = "servers.json"


def settings_folder(
    environment: Mapping[str, str] | None = None, platform: str = sys.platform, home: Path | None = None
) -> Path:
    """EVANYSEG_SETTINGS, else the system's folder for programs' settings. Not created here."""
    values = os.environ if environment is None else environment
    home = home or Path.home()
    if values.get(VARIABLE):
        return Path(values[VARIABLE]).expanduser()
    if platform == "win32":
        return Path(values.get("APPDATA") or home / "AppData" / "Roaming") / "evanyseg"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "evanyseg"
    return Path(values.get("XDG_CONFIG_HOME") or home / ".config") / "evanyseg"


@dataclass(frozen=True)
class KnownServer:
    """address; agreed: the user said that pixels may be sent there; token: '' for none."""

    address: str
    agreed: bool
    token: str = ""


class KnownServers:
    """The file; made when first written to. One that is damaged is as good as none: the question is asked again."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or settings_folder()) / FILENAME

    def all(self) -> list[KnownServer]:
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))
            return [KnownServer(str(r["address"]), r["agreed"] is True, str(r.get("token", ""))) for r in rows]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []

    def get(self, address: str) -> KnownServer:
        return next((s for s in self.all() if s.address == address), KnownServer(address, False))

    def keep(self, server: KnownServer) -> None:
        """In place of what was known of its address. Raises OutputError."""
        self._write([*(s for s in self.all() if s.address != server.address), server])

    def forget(self, address: str) -> None:
        """Raises OutputError."""
        self._write([s for s in self.all() if s.address != address])

    def _write(self, servers: list[KnownServer]) -> None:
        text = json.dumps([vars(s) for s in servers], indent=1)
        with atomic_path(self.path) as part:
            part.touch(0o600)
            part.write_text(text, encoding="utf-8")
        server_at.cache_clear()


@lru_cache(maxsize=8)
def server_at(address: str) -> Server:
    """One for all models of an address: they share its session. The token: what is kept for this address, else the
    environment's."""
    kept = KnownServers().get(address)
    return Server(address, kept.token or os.environ.get(TOKEN_VARIABLE, ""))


def is_private(address: str) -> bool:
    """Whether nobody else can read what is sent there: by TLS, or because it does not leave this computer."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")
