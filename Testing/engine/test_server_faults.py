"""What is said of a server that is silent, breaks off, is no server of ours, or is full."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from evanyseg.errors import ServerError
from evanyseg.remote.models import estimator_on
from evanyseg.remote.server import Server
from evanyseg.remote.wire import answer_bytes, estimates_of, read_answer

pytest.importorskip("uvicorn")
from engine.served import served
from evanyseg.serving.limits import Limits


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """The address of something that answers each request with the next of these bytes, and hangs up; b'': silence."""
    left, listening = list(answers), socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
                connection.recv(65536)
            except OSError:
                return
            if left and (answer := left.pop(0)):
                connection.sendall(answer)
                connection.close()
            else:
                kept.append(connection)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    for one in (listening, *kept):
        one.close()


def http(status: int, body: bytes, told: int | None = None) -> bytes:
    length = len(body) if told is None else told
    return f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode() + body


OPENED = http(201, b'{"session": "s"}')


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((b"",), "does not answer in time: it, or the line to it, is too slow"),
        ((OPENED, b""), "does not answer in time"),
        ((http(502, b"<html>Bad gateway</html>"),), "answered with status 502, which no EvanySeg server says"),
        ((http(200, b"<html>A page</html>"),), "does not understand"),
        ((OPENED, http(200, b"[]")), "does not understand"),
        ((OPENED, http(200, b"{")), "does not understand"),
        ((OPENED, http(200, b'{"name": "x"}')), "does not understand"),
        ((OPENED, http(200, b"{}", told=500)), "cannot be reached"),
        ((http(200, b"", told=10**12),), "cannot be reached"),
        ((b"SSH-2.0-OpenSSH\r\n",), "Choose another device"),
        ((http(422, b'{"error": "bad", "message": "The server speaks protocol 9."}'),), "speaks protocol 9"),
    ],
)
def test_what_is_no_server_of_ours_is_said(answers: tuple[bytes, ...], words: str) -> None:
    with answering(*answers) as address, pytest.raises(ServerError, match=words) as said:
        estimator_on(Server(address, answer=0.4), "builtin")
    assert address in str(said.value)


def test_a_server_without_tls_is_not_sent_anything_by_tls() -> None:
    with served() as there, pytest.raises(ServerError, match=r"nothing was sent|is away"):
        estimator_on(Server(there.address.replace("http:", "https:")), "builtin")


def test_a_full_server_is_said() -> None:
    with served(Limits(sessions=1)) as there:
        estimator_on(Server(there.address), "builtin")
        with pytest.raises(ServerError, match=r"has too much to do: 1 sessions are open.*Choose another device"):
            estimator_on(Server(there.address), "builtin")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff" * 40, answer_bytes({"estimates": 3}, {}), answer_bytes({}, {})]
)
def test_answers_that_are_none_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        estimates_of(content)


def test_arrays_and_their_document_come_back() -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([np.nan, 1], np.float64)}
    document, found = read_answer(answer_bytes({"x": [1, None]}, arrays))
    assert document == {"x": [1, None]}
    assert all(
        np.array_equal(found[n], arrays[n], equal_nan=True) and found[n].dtype == arrays[n].dtype for n in arrays
    )
