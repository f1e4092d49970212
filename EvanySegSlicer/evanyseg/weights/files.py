"""What is known of one weight file: where it comes from, how large it is, what it may be used for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightFile:
    """`name` of the model it belongs to, `filename` in the cache, `url` or '' where only a person can fetch it (from
    `page`), `size` in bytes and `sha256` where known.

    Hashes come from several independent public sources, not from the publishers: a mismatch is explained to the user,
    never silently refused. Files without one are trusted on first use (`store`).
    """

    name: str
    title: str
    filename: str
    page: str
    license: str
    citation: str
    url: str = ""
    size: int | None = None
    sha256: str = ""
