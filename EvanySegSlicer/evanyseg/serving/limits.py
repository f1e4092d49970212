"""How much a server takes, of anybody and of one."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """body_bytes: of one request; pixels: of one image; cases: masks scored in one request; references: learned from at
    a time; sessions: open at a time; session_bytes: images and embeddings that one session keeps; waiting: requests of
    one session that may wait; idle_seconds: after which a session is forgotten; work_seconds: that one request may
    run; models: kept loaded."""

    body_bytes: int = 64 * MEGABYTE
    pixels: int = 4096 * 4096
    cases: int = 64
    references: int = 64
    sessions: int = 64
    session_bytes: int = 512 * MEGABYTE
    waiting: int = 16
    idle_seconds: float = 1800.0
    work_seconds: float = 300.0
    models: int = 4
