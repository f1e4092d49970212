"""ZIP archives from somebody else, unpacked without trusting what they say about themselves."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import ImageError

_PIECE = 1 << 20
_UNSAFE = re.compile(r"[\x00-\x1f\\:]")
"""Control characters, Windows' separator, drives and streams: no name in an archive needs them."""


@dataclass(frozen=True)
class Limits:
    """What an archive may become when it is unpacked."""

    files: int = 20_000
    size: int = 4 << 30


def member_names(path: Path) -> list[str]:
    """Names of the files in a ZIP archive. Raises ImageError for one that is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ImageError(f"{path.name} is a damaged ZIP archive ({error}); copy or download it again.") from None


def unpack(path: Path, folder: Path, limits: Limits | None = None) -> list[Path]:
    """Every file of the archive below `folder` (which is there and empty); nothing is written elsewhere.

    Raises ImageError for names that lead outside, links, encrypted or damaged files, and for what is too much; the
    bytes that come out are counted, not those that the archive tells of. What was written until then stays there.
    """
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) > limits.files:
                raise ImageError(f"{path.name} holds {len(members)} files; at most {limits.files} are unpacked.")
            places = _places(members, path.name)
            room = min(limits.size, shutil.disk_usage(folder).free // 2)
            for info, place in zip(members, places, strict=True):
                room -= _write(archive, info, folder / place, room, path.name)
            return [folder / place for place in places]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{path.name} cannot be unpacked ({error}); copy or download it again.") from None


def _places(members: list[zipfile.ZipInfo], name: str) -> list[PurePosixPath]:
    """Where each member goes, relative. Raises ImageError."""
    places = []
    for info in members:
        place = PurePosixPath(info.filename)
        # zipfile cuts a name at a null byte and turns the machine's separator round: the name as stored counts
        if (
            _UNSAFE.search(info.orig_filename)
            or place.is_absolute()
            or ".." in place.parts
            or not place.parts
            or len(info.filename) > 1000
        ):
            raise ImageError(f"{name} was refused: a file in it would be written outside its folder.")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind and not stat.S_ISREG(kind):
            raise ImageError(f"{name} was refused: it holds links or devices, not only files.")
        if info.flag_bits & 1:
            raise ImageError(f"{name} is encrypted; pack it without a password.")
        places.append(place)
    folded = {str(place).casefold() for place in places}
    if len(folded) < len(places):
        raise ImageError(f"{name} was refused: two files in it have the same name.")
    return places


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, room: int, name: str) -> int:
    """Bytes that were written. Raises ImageError when they are more than `room`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(info) as source, target.open("xb") as out:
        while piece := source.read(_PIECE):
            written += len(piece)
            if written > room:
                raise ImageError(f"{name} was refused: unpacked it is too large for this server.")
            out.write(piece)
    return written
