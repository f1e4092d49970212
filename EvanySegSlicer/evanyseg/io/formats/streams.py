"""Compressed data read to its end: a cut or damaged stream is an error here, and not zeros further on.

The imaging libraries stop at the first broken block, leave the rest of the voxels as memory happened to be, and say
nothing; none of them looks at the checksum.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...errors import ImageError

_CHUNK = 1 << 20
_LARGEST = 1 << 24
"""Bytes unpacked at a time: a small file can hold very many zeros."""

_DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "zlib": lambda: zlib.decompressobj(wbits=15),
    "bzip2": bz2.BZ2Decompressor,
}
_RESTARTS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh"}
"""Streams may follow one another (bgzip, pigz, cat); anything else after the end is padding."""


def unpacked(path: Path, method: str, offset: int = 0, keep: int | None = None) -> bytearray:
    """What the stream (`gzip`, `zlib` or `bzip2`) at `offset` of a file gives, its checksum verified.

    `keep`: only so many bytes from the beginning; the rest is read and checked all the same.
    Raises ImageError for a stream that ends early or does not match its checksum.
    """
    found = bytearray()
    for part in _parts(path, method, offset):
        found += part if keep is None else part[: keep - len(found)]
    return found


def unpacked_size(path: Path, method: str, offset: int = 0) -> int:
    """The number of those bytes, without keeping them. Raises ImageError."""
    return sum(len(part) for part in _parts(path, method, offset))


def _parts(path: Path, method: str, offset: int) -> Iterator[bytes]:
    total = 0
    with path.open("rb") as file:
        file.seek(offset)
        decoder, data = _DECODERS[method](), file.read(_CHUNK)
        while True:
            try:
                part = decoder.decompress(data, _LARGEST)
            except (zlib.error, OSError, ValueError) as error:
                raise ImageError(
                    f"{path.name} is damaged: its compressed data cannot be unpacked beyond {_amount(total)} "
                    f"({_reason(error)}); copy or download it again."
                ) from None
            total += len(part)
            yield part
            if decoder.eof:
                data = decoder.unused_data
                data += file.read(_CHUNK - len(data))
                restart = _RESTARTS.get(method)
                if restart is None or not data.startswith(restart):
                    return
                decoder = _DECODERS[method]()
                continue
            data = getattr(decoder, "unconsumed_tail", b"")
            if not data and getattr(decoder, "needs_input", True):
                data = file.read(_CHUNK)
                if not data and len(part) < _LARGEST:
                    raise ImageError(
                        f"{path.name} is cut off: its compressed data ends after {_amount(total)}; "
                        "copy or download it again."
                    )


def unpacked_head(path: Path, size: int) -> bytes:
    """The first bytes of a gzip file's content, as many as can be had."""
    found, decoder = b"", zlib.decompressobj(wbits=31)
    with path.open("rb") as file:
        while len(found) < size and not decoder.eof and (data := file.read(256)):
            try:
                found += decoder.decompress(data, size)
            except zlib.error:
                break
    return found[:size]


def check_single_stream(path: Path) -> None:
    """Raises ImageError when a small gzip file is damaged, cut, or goes on behind its end."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        decoder.decompress(path.read_bytes())
    except zlib.error as error:
        raise ImageError(f"{path.name} is damaged ({_reason(error)}); copy or download it again.") from None
    if not decoder.eof or decoder.unused_data.strip(b"\0"):
        what = "goes on behind its end" if decoder.eof else "is cut off"
        raise ImageError(f"{path.name} {what}: copy or download it again.")


def share_held(found: int, needed: int) -> str:
    """How much of the data is there, never '100 %' for less than all of it."""
    return f"{min(99.9, 100 * max(0, found) / max(1, needed)):.3g} %"


def surplus_remark(name: str) -> str:
    """Said of files that hold more than their header tells of: the header may be wrong, and then everything is."""
    return f"{name} holds more data than its header tells of; is the header right?"


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} bytes"


def _reason(error: Exception) -> str:
    return str(error).split(": ")[-1] or type(error).__name__
