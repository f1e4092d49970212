"""What each client keeps on the server: images, embeddings, what it had learned. Nobody sees another's."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from ..adaptation.measured import MeasuredReferences
from ..pipeline.embedding_cache import EmbeddingCache
from ..protocols import QualityEstimator
from .fair_queue import Task
from .limits import Limits
from .refusal import BUSY, IMAGE, LEARNED, SESSION, SIZE, Refusal

MOST_LEARNED = 16


@dataclass
class Session:
    """name: its secret; token: which of the server's tokens opened it ('' without tokens). Half of its memory is for
    images, half for embeddings; the least recently used go first."""

    name: str
    token: str
    most_bytes: int
    used: float
    images: OrderedDict[str, np.ndarray] = field(default_factory=OrderedDict)
    learned: OrderedDict[str, QualityEstimator] = field(default_factory=OrderedDict)
    tasks: dict[str, Task] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    measured: MeasuredReferences = field(default_factory=MeasuredReferences)
    embeddings: EmbeddingCache = field(init=False)

    def __post_init__(self) -> None:
        self.embeddings = EmbeddingCache(self.most_bytes // 2)

    @property
    def nbytes(self) -> int:
        with self.lock:
            return sum(i.nbytes for i in self.images.values()) + self.embeddings.nbytes

    def keep(self, key: str, image: np.ndarray) -> None:
        """Raises Refusal when the image alone is more than may be kept."""
        most = self.most_bytes // 2
        if image.nbytes > most:
            raise Refusal(413, SIZE, f"An image of {image.nbytes >> 20} MB is more than a session may keep here.")
        with self.lock:
            self.images[key] = image
            self.images.move_to_end(key)
            while sum(i.nbytes for i in self.images.values()) > most:
                self.images.popitem(last=False)

    def keep_learned(self, key: str, estimator: QualityEstimator) -> None:
        """The last few."""
        with self.lock:
            self.learned[key] = estimator
            while len(self.learned) > MOST_LEARNED:
                self.learned.popitem(last=False)

    def estimator_of(self, key: str) -> QualityEstimator:
        """Raises Refusal when it was not sent, or is kept no longer."""
        with self.lock:
            if key not in self.learned:
                raise Refusal(404, LEARNED, "What was learned is not here (any more); send it first.")
            return self.learned[key]

    def image(self, key: str) -> np.ndarray:
        """uint8 [H, W, 3]. Raises Refusal when it was not sent, or is kept no longer."""
        with self.lock:
            if key not in self.images:
                raise Refusal(404, IMAGE, f"The image {key} is not here (any more); send it first.")
            self.images.move_to_end(key)
            return self.images[key]


class Sessions:
    """All that are open. `clock`: seconds; `closed(name)`: told of each that ends."""

    def __init__(
        self,
        limits: Limits,
        closed: Callable[[str], None] = lambda name: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._closed, self._clock = limits, closed, clock
        self._open: dict[str, Session] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, token: str) -> Session:
        """Raises Refusal when as many are open as may be."""
        self.expire()
        with self._lock:
            if len(self._open) >= self._limits.sessions:
                raise Refusal(429, BUSY, f"{len(self._open)} sessions are open, which is the most here; try later.")
            name = secrets.token_urlsafe(24)
            self._open[name] = Session(name, token, self._limits.session_bytes, self._clock())
            return self._open[name]

    def get(self, name: str, token: str) -> Session:
        """Raises Refusal for one that is not open, or was opened with another token (the same words: nobody learns
        which names exist)."""
        self.expire()
        with self._lock:
            found = self._open.get(name)
            if found is None or not hmac.compare_digest(found.token.encode(), token.encode()):
                raise Refusal(404, SESSION, "This session is not open (any more); open a new one.")
            found.used = self._clock()
            return found

    def close(self, name: str) -> None:
        with self._lock:
            self._open.pop(name, None)
        self._closed(name)

    def expire(self) -> None:
        """Forget those that were not used for long; one whose work is on its way is in use."""
        with self._lock:
            before = self._clock() - self._limits.idle_seconds
            late = [name for name, session in self._open.items() if session.used < before and not session.tasks]
        for name in late:
            self.close(name)
