"""Embeddings are kept within a byte limit, the most recent ones first."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from evanyseg.pipeline.embedding_cache import EmbeddingCache
from evanyseg.results import Embedding


def embedding(nbytes: int) -> Embedding:
    return Embedding("s", (1, 1), None, nbytes)


def test_what_is_stored_is_not_made_again() -> None:
    cache, made = EmbeddingCache(100), []
    make = lambda: made.append(1) or embedding(10)
    first = cache.get_or_make("a", make)
    assert cache.get_or_make("a", make) is first
    assert len(made) == 1


def test_the_least_recently_used_goes_first() -> None:
    cache = EmbeddingCache(30)
    for key in "abc":
        cache.get_or_make(key, lambda: embedding(10))
    cache.get_or_make("a", lambda: embedding(10))
    cache.get_or_make("d", lambda: embedding(10))
    assert [key in cache for key in "abcd"] == [True, False, True, True]


def test_what_never_fits_is_made_but_not_kept() -> None:
    cache = EmbeddingCache(30)
    cache.get_or_make("a", lambda: embedding(10))
    assert cache.get_or_make("huge", lambda: embedding(31)).nbytes == 31
    assert "huge" not in cache
    assert "a" in cache


def test_clear_frees_everything() -> None:
    cache = EmbeddingCache(30)
    cache.get_or_make("a", lambda: embedding(10))
    cache.clear()
    assert len(cache) == cache.nbytes == 0


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 40)), max_size=60))
def test_the_limit_always_holds(requests: list[tuple[int, int]]) -> None:
    cache = EmbeddingCache(64)
    sizes: dict[int, int] = {}
    for key, size in requests:
        size = sizes.setdefault(key, size)
        assert cache.get_or_make(key, lambda size=size: embedding(size)).nbytes == size
        assert cache.nbytes <= 64
        assert key in cache


def test_two_threads_can_share_it() -> None:
    cache = EmbeddingCache(1000)
    errors: list[Exception] = []

    def work(seed: int) -> None:
        try:
            for n in range(2000):
                cache.get_or_make((seed * 7 + n) % 50, lambda: embedding(30))
        except (RuntimeError, KeyError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert cache.nbytes <= 1000
