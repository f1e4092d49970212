"""What a server says instead of an answer: a status, a kind that clients understand, and one sentence."""

from __future__ import annotations

import json

from ..errors import CancelledError, EvanySegError, ImageError, PromptError, UnsupportedPromptError

TOKEN, HOST, SESSION, IMAGE, LEARNED, MODEL, SIZE, BUSY, TIME, CANCELLED, BAD, INTERNAL = (
    "token", "host", "session", "image", "learned", "model", "size", "busy", "time", "cancelled", "bad", "internal"
)  # fmt: skip
"""Kinds that are not the name of an error's class."""
SAME_CLASS = (UnsupportedPromptError, PromptError, ImageError)
"""Errors that clients raise again as they are: their kind is the name of their class."""


class Refusal(Exception):
    """`status`: an HTTP status below 500; see `kinds` above."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


def refusal_of(error: Exception) -> Refusal | None:
    """What is said of an error of the engine; None for one that nobody expected."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, CancelledError):
        return Refusal(409, CANCELLED, str(error))
    for known in SAME_CLASS:
        if isinstance(error, known):
            return Refusal(422, known.__name__, str(error))
    if isinstance(error, EvanySegError):
        return Refusal(404, MODEL, str(error))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Refusal(413, SIZE, "The server has too little memory for this request; try a smaller image.")
    return None


def body_of(kind: str, message: str) -> bytes:
    """JSON in ASCII, so that no text can spoil it."""
    return json.dumps({"error": kind, "message": message}).encode("ascii")
