"""How downloads behave: from the environment, a front end's settings, or the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CACHE_VARIABLE = "EVANYSEG_CACHE"
REFERENCES_VARIABLE = "EVANYSEG_REFERENCES"
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
    """Where weights are kept: EVANYSEG_CACHE, else the system's cache folder for programs. Not created here."""
    places = "Library/Caches", ("XDG_CACHE_HOME", ".cache")
    return _program_folder(CACHE_VARIABLE, "weights", *places, environment, platform, home)


def references_folder(
    environment: Mapping[str, str] | None = None, platform: str = sys.platform, home: Path | None = None
) -> Path:
    """Where references are kept: EVANYSEG_REFERENCES, else the system's folder for programs' data. Not created here."""
    places = "Library/Application Support", ("XDG_DATA_HOME", ".local/share")
    return _program_folder(REFERENCES_VARIABLE, "references", *places, environment, platform, home)


def _program_folder(
    variable: str,
    name: str,
    mac: str,
    linux: tuple[str, str],
    environment: Mapping[str, str] | None,
    platform: str,
    home: Path | None,
) -> Path:
    """`variable`, else the folder `name` of this program below where the system keeps such files: `mac` in the home
    folder there; linux: (variable, folder in the home folder). The standard library only, so that Slicer and the
    command line always mean the same folder."""
    values = os.environ if environment is None else environment
    home = home or Path.home()
    if values.get(variable):
        return Path(values[variable]).expanduser()
    if platform == "win32":
        base = Path(values.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = home / mac if platform == "darwin" else Path(values.get(linux[0]) or home / linux[1])
    return base / "evanyseg" / name
