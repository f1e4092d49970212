"""How downloads behave: from the environment, a front end's settings, or the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CACHE_VARIABLE = "EVANYSEG_CACHE"
MIRROR_VARIABLE = "EVANYSEG_MIRROR"
OFFLINE_VARIABLE = "EVANYSEG_OFFLINE"


@dataclass(frozen=True)
class DownloadSettings:
    """mirror: address of a folder that holds the files under their names, instead of their own addresses; proxy: None
    uses the system's (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), '' none, else its address; timeout: seconds without a byte;
    attempts: failures in a row without progress before giving up; wait: seconds before the second attempt, doubling."""

    mirror: str = ""
    proxy: str | None = None
    timeout: float = 30.0
    attempts: int = 4
    wait: float = 1.0
    offline: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> DownloadSettings:
        values = os.environ if environment is None else environment
        return cls(
            mirror=values.get(MIRROR_VARIABLE, ""),
            offline=values.get(OFFLINE_VARIABLE, "").lower() not in {"", "0", "no", "false"},
        )


def cache_folder(
    environment: Mapping[str, str] | None = None, platform: str = sys.platform, home: Path | None = None
) -> Path:
    """Where weights are kept: EVANYSEG_CACHE, else the system's cache folder for programs. Not created here.

    The standard library only, so that Slicer and the command line always mean the same folder.
    """
    values = os.environ if environment is None else environment
    home = home or Path.home()
    if values.get(CACHE_VARIABLE):
        return Path(values[CACHE_VARIABLE]).expanduser()
    if platform == "win32":
        return Path(values.get("LOCALAPPDATA") or home / "AppData" / "Local") / "evanyseg" / "weights"
    if platform == "darwin":
        return home / "Library" / "Caches" / "evanyseg" / "weights"
    return Path(values.get("XDG_CACHE_HOME") or home / ".cache") / "evanyseg" / "weights"
