"""One server as a client sees it: connections that are kept, a session, what was sent already, cancel, clear words."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import secrets
import socket
import ssl
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from ..errors import EvanySegError, ImageError, PromptError, ServerError, UnsupportedPromptError
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from .wire import PROTOCOL, SESSION_HEADER, content_hash, image_bytes

FIRST_POLL, LAST_POLL = 0.002, 0.02
"""Seconds between two looks at `should_cancel`, as in `nets.builtin.onnx_session`."""
REACH_S, ANSWER_S = 6.0, 120.0
"""Seconds to reach a server, and to wait for one answer of it (its queue included)."""
GIVEN_UP_S = 2.0
MOST_SENT = 512
MOST_ANSWER = 1 << 30
CANCELLED, SESSION, IMAGE, LEARNED, TOKEN, HOST, BUSY, TIME = (
    "cancelled", "session", "image", "learned", "token", "host", "busy", "time"
)  # fmt: skip
"""Kinds of refusals that are acted upon here (`serving.refusal`)."""
SAME_CLASS = {c.__name__: c for c in (UnsupportedPromptError, PromptError, ImageError)}
GO_ON = "Choose another device to go on without it."


class Refused(Exception):
    """A refusal in the server's words."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


@dataclass(frozen=True)
class Sendable:
    """An image as it is sent: pixels of 1 or 3 channels, named by their hash."""

    key: str
    pixels: bytes
    height: int
    width: int
    channels: int

    @classmethod
    def of(cls, image: np.ndarray) -> Sendable:
        """image uint8 [H, W, 3]."""
        pixels, channels = image_bytes(image)
        height, width = image.shape[:2]
        return cls(content_hash(pixels, height, width), pixels, height, width, channels)


class Server:
    """address: 'https://host:port' without a path, or with the path that a proxy gives it. Safe to use from several
    threads. reach, answer: seconds, see above."""

    def __init__(self, address: str, token: str = "", reach: float = REACH_S, answer: float = ANSWER_S) -> None:
        self.address = address.rstrip("/")
        parts = urlsplit(self.address)
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname or "", parts.port
        self._path, self._token, self._reach, self._answer = parts.path, token, reach, answer
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = Lock()
        self._session, self._sent = "", OrderedDict[str, None]()
        self._threads = ThreadPoolExecutor(4, "evanyseg-remote")
        atexit.register(self.close)

    # ---- what models ask --------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any] | None = None,
        images: Mapping[str, Sendable] | None = None,
        should_cancel: ShouldCancel = never_cancel,
        learned: Mapping[str, bytes] | None = None,
    ) -> bytes:
        """The answer's body. images, learned (files of `evanyseg adapt`): by key, those that the request speaks of;
        they are sent first where the server does not have them. Raises CancelledError, ServerError, and what the engine
        raises: PromptError, ImageError.
        """
        job = secrets.token_urlsafe(12)
        body = None if document is None else json.dumps({**document, "job": job}, allow_nan=False).encode("ascii")
        try:
            for _ in range(3):  # a session that has ended, images that were let go: both are made good once
                try:
                    self._send_missing(images or {}, should_cancel, learned or {})
                    return self._cancellable(method, path, body, job, should_cancel)
                except Refused as refused:
                    if refused.kind == SESSION:
                        self._session = ""
                    elif refused.kind == IMAGE and images:
                        self._forget(images)
                    elif refused.kind == LEARNED and learned:
                        self._forget(learned)
                    else:
                        raise
            raise ServerError(f"The server {self.address} does not keep what it is sent. {GO_ON}")
        except Refused as refused:
            raise self._error(refused) from None

    def close(self) -> None:
        """End the session, so that the server forgets at once; a server that is gone is no error."""
        session, self._session = self._session, ""
        if session:
            with contextlib.suppress(EvanySegError, Refused, OSError, http.client.HTTPException):
                self._exchange("DELETE", "/v1/sessions", None, session, GIVEN_UP_S)
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    # ---- session and images -----------------------------------------------------------------------------------

    def _opened(self) -> str:
        with self._lock:
            session = self._session
        if not session:
            content = self._exchange("POST", "/v1/sessions", b'{"protocol": %d}' % PROTOCOL, "")
            try:
                session = str(json.loads(content)["session"])
            except (ValueError, KeyError, TypeError) as error:
                raise misunderstood(self, error) from None
            with self._lock:
                self._session = session
                self._sent.clear()
        return session

    def _send_missing(
        self, images: Mapping[str, Sendable], should_cancel: ShouldCancel, learned: Mapping[str, bytes] | None = None
    ) -> None:
        session = self._opened()
        for key, image in images.items():
            query = f"height={image.height}&width={image.width}&channels={image.channels}"
            self._send(key, f"/v1/images/{key}?{query}", image.pixels, session, should_cancel)
        for key, content in (learned or {}).items():
            self._send(key, f"/v1/learned/{key}", content, session, should_cancel)

    def _send(self, key: str, path: str, content: bytes, session: str, should_cancel: ShouldCancel) -> None:
        if key in self._sent:
            return
        raise_if_cancelled(should_cancel)
        self._exchange("PUT", path, content, session)
        with self._lock:
            self._sent[key] = None
            while len(self._sent) > MOST_SENT:
                self._sent.popitem(last=False)

    def _forget(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._sent.pop(key, None)

    # ---- one exchange -----------------------------------------------------------------------------------------

    def _cancellable(self, method: str, path: str, body: bytes | None, job: str, should_cancel: ShouldCancel) -> bytes:
        session = self._opened()
        if should_cancel is never_cancel:
            return self._exchange(method, path, body, session)
        raise_if_cancelled(should_cancel)
        answer: Future[bytes] = self._threads.submit(self._exchange, method, path, body, session)
        pause = FIRST_POLL
        while True:
            try:
                return answer.result(pause)
            except NotYet:
                if answer.done():
                    raise
                pause = min(2 * pause, LAST_POLL)
            try:
                raise_if_cancelled(should_cancel)
            except EvanySegError:
                self._threads.submit(self._give_up, job, session)
                raise

    def _give_up(self, job: str, session: str) -> None:
        with contextlib.suppress(EvanySegError, Refused, OSError, http.client.HTTPException):
            self._exchange("DELETE", f"/v1/jobs/{quote(job)}", None, session, GIVEN_UP_S)

    def _exchange(self, method: str, path: str, body: bytes | None, session: str, answer: float | None = None) -> bytes:
        """The body of an answer of 200 to 299. Raises Refused, ServerError."""
        headers = {"Content-Type": "application/octet-stream" if method == "PUT" else "application/json"}
        if session:
            headers[SESSION_HEADER] = session
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        while True:
            connection, used = self._connection()
            try:
                if connection.sock is not None:
                    connection.sock.settimeout(answer or self._answer)
                connection.request(method, self._path + path, body, headers)
                response = connection.getresponse()
                if response.length is None or response.length > MOST_ANSWER:
                    raise http.client.HTTPException("an answer of no length, or too long a one")
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if used and isinstance(error, ConnectionError | http.client.BadStatusLine):
                    continue  # closed while it was not needed; each used one is tried once
                raise self._unreached(error) from None
            break
        with self._lock:
            self._idle.append(connection)
        if 200 <= response.status < 300:
            return content
        raise self._refusal(response.status, content)

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """(a connection that is open, whether it was used before)."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        connection: http.client.HTTPConnection
        if self._secure:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._reach)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._reach)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise self._unreached(error) from None
        return connection, False

    # ---- words ------------------------------------------------------------------------------------------------

    def _unreached(self, error: Exception) -> ServerError:
        where = f"The server {self.address}"
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"shows a certificate that this computer does not trust ({error.verify_message})"
            return ServerError(f"{where} {why}; nothing was sent. Ask who runs it. {GO_ON}")
        if isinstance(error, ssl.SSLError):
            return ServerError(f"{where} does not speak TLS there; nothing was sent. Check its address. {GO_ON}")
        if isinstance(error, TimeoutError):
            return ServerError(f"{where} does not answer in time: it, or the line to it, is too slow. {GO_ON}")
        if isinstance(error, socket.gaierror):
            return ServerError(f"{where} is not known in this network. Check its address. {GO_ON}")
        if isinstance(error, ConnectionError):
            return ServerError(f"{where} is away: nobody answers there. {GO_ON}")
        return ServerError(f"{where} cannot be reached ({type(error).__name__}: {error}). {GO_ON}")

    def _refusal(self, status: int, content: bytes) -> Exception:
        try:
            told = json.loads(content)
            return Refused(status, str(told["error"]), str(told["message"]))
        except (ValueError, KeyError, TypeError):
            what = f"answered with status {status}, which no EvanySeg server says"
            return ServerError(f"{self.address} {what}; check the address, and the proxy before it. {GO_ON}")

    def _error(self, refused: Refused) -> EvanySegError:
        if refused.kind in SAME_CLASS:
            return SAME_CLASS[refused.kind](str(refused))
        where = f"The server {self.address}"
        if refused.kind == TOKEN:
            return ServerError(f"{where} refuses: its token is missing or wrong. Give the right one. {GO_ON}")
        if refused.kind in (BUSY, TIME):
            return ServerError(f"{where} has too much to do: {refused} {GO_ON}")
        return ServerError(f"{where} says: {refused}")


def misunderstood(server: Server, error: Exception) -> ServerError:
    return ServerError(f"The server {server.address} answers in a way that this version does not understand ({error}).")
