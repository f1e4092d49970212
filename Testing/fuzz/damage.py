"""What can happen to a file: cut, bits flipped, blocks lost, headers that tell another story than the data."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import numpy as np

from . import headers

Damage = Callable[[bytes, np.random.Generator], tuple[bytes, str]]


def damaged(data: bytes, name: str, fmt: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """(other content, what was done to it). `name`: of the file, `fmt`: of its sample."""
    done: list[str] = []
    for _ in range(1 if rng.random() < 0.8 else 2):
        edits = headers.edits_of(name, fmt, data)
        choices: list[Damage] = [*GENERAL, *([_inside] if data[:2] == b"\x1f\x8b" else []), *edits * 3]
        data, what = choices[rng.integers(len(choices))](data, rng)
        done.append(what)
    return data, " and ".join(done)


def _cut(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    at = int(rng.integers(0, max(1, len(data))))
    return data[:at], f"cut after {at} of {len(data)} bytes"


def _cut_near_the_end(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    gone = int(rng.integers(1, 64))
    return data[:-gone], f"the last {gone} bytes are missing"


def _bits(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return _flipped(data, rng, 0, len(data), int(rng.integers(1, 9)))


def _bits_of_the_head(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return _flipped(data, rng, 0, min(len(data), 512), int(rng.integers(1, 5)))


def _bits_of_the_body(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return _flipped(data, rng, len(data) // 4, len(data), int(rng.integers(1, 33)))


def _flipped(data: bytes, rng: np.random.Generator, first: int, last: int, count: int) -> tuple[bytes, str]:
    if last <= first:
        return data, "nothing (too small)"
    array = np.frombuffer(data, np.uint8).copy()
    at = rng.integers(first, last, count)
    array[at] ^= (1 << rng.integers(0, 8, count)).astype(np.uint8)
    return array.tobytes(), f"{count} bits flipped at {sorted(at.tolist())}"


def _block_lost(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    start = int(rng.integers(0, max(1, len(data))))
    size = int(rng.integers(1, 2048))
    return data[:start] + data[start + size :], f"{size} bytes lost from {start} on"


def _block_of_zeros(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    start = int(rng.integers(0, max(1, len(data))))
    size = min(int(rng.integers(1, 4096)), len(data) - start)
    return data[:start] + b"\0" * size + data[start + size :], f"{size} bytes are zero from {start} on"


def _inserted(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    start, size = int(rng.integers(0, len(data) + 1)), int(rng.integers(1, 512))
    return data[:start] + rng.bytes(size) + data[start:], f"{size} bytes put in at {start}"


def _longer(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    size = int(rng.integers(1, 5000))
    return data + rng.bytes(size), f"{size} bytes more at the end"


def _line_ends(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    return data.replace(b"\n", b"\r\n"), "line ends of a transfer in text mode"


def _inside(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """The content is damaged and packed anew: its checksum is right."""
    try:
        content = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return _bits(data, rng)
    choices = [_cut, _bits_of_the_head, _bits_of_the_body, _block_lost, _longer]
    inner, what = choices[rng.integers(len(choices))](content, rng)
    return gzip.compress(inner, mtime=0), f"inside of gzip: {what}"


GENERAL: list[Damage] = [
    _cut, _cut, _cut_near_the_end, _bits, _bits_of_the_head, _bits_of_the_body, _block_lost, _block_of_zeros, _inserted,
    _longer, _line_ends,
]  # fmt: skip
