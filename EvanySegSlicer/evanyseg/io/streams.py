"""Compressed data read to its end: a cut or damaged stream is an error here, and not zeros further on.

The imaging libraries stop at the first broken block, leave the rest of the voxels as memory happened to be, and say
nothing; none of them looks at the checksum.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ImageError

_CHUNK = 1 << 20
_DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "zlib": lambda: zlib.decompressobj(wbits=15),
    "bzip2": bz2.BZ2Decompressor,
}
_RESTARTS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh"}
"""Streams may follow one another (bgzip, pigz, cat); anything else after the end is padding."""


def unpacked_size(path: Path, method: str, offset: int = 0) -> int:
    """Bytes that the stream (`gzip`, `zlib` or `bzip2`) at `offset` of a file gives, its checksum verified.

    Raises ImageError for a stream that ends early or does not match its checksum.
    """
    total = 0
    with path.open("rb") as file:
        file.seek(offset)
        decoder, data = _DECODERS[method](), file.read(_CHUNK)
        while True:
            try:
                total += len(decoder.decompress(data))
                while getattr(decoder, "unconsumed_tail", b""):
                    total += len(decoder.decompress(decoder.unconsumed_tail))
            except (zlib.error, OSError, ValueError) as error:
                raise ImageError(
                    f"{path.name} is damaged: its compressed data cannot be unpacked beyond {_amount(total)} "
                    f"({_reason(error)}); copy or download it again."
                ) from None
            if decoder.eof:
                data = decoder.unused_data or file.read(_CHUNK)
                restart = _RESTARTS.get(method)
                if restart is None or not data.startswith(restart):
                    return total
                decoder = _DECODERS[method]()
                continue
            data = file.read(_CHUNK)
            if not data:
                raise ImageError(
                    f"{path.name} is cut off: its compressed data ends after {_amount(total)}; "
                    "copy or download it again."
                )


def unpacked_head(path: Path, size: int) -> bytes:
    """The first bytes of a gzip file's content, as many as there are; empty when it cannot be unpacked at all."""
    with path.open("rb") as file:
        try:
            return zlib.decompressobj(wbits=31).decompress(file.read(size + 65536), size)
        except zlib.error:
            return b""


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} bytes"


def _reason(error: Exception) -> str:
    return str(error).split(": ")[-1] or type(error).__name__
