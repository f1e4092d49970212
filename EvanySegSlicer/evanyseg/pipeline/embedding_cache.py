"""Embeddings are expensive: keep the most recent ones, within a byte limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from ..results import Embedding


class EmbeddingCache:
    """Least-recently-used store of embeddings; safe to use from one worker and the main thread."""

    def __init__(self, max_bytes: int = 512 * 2**20) -> None:
        self.max_bytes = max_bytes
        self._items: OrderedDict[Hashable, Embedding] = OrderedDict()
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        return sum(e.nbytes for e in self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._items

    def get_or_make(self, key: Hashable, make: Callable[[], Embedding]) -> Embedding:
        """The stored embedding, or the made one, which is stored if it fits at all.

        The key must name everything the embedding depends on: segmenter, image content, intensity window.
        """
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        made = make()
        with self._lock:
            if made.nbytes <= self.max_bytes:
                self._items[key] = made
                self._items.move_to_end(key)
                while self.nbytes > self.max_bytes:
                    self._items.popitem(last=False)
        return made

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
