"""One HTTP answer, read on a thread of its own, so that the caller can give up at any moment.

A blocked socket cannot be interrupted; a queue can be left. What stays behind is a daemon thread that ends at its next
chunk or time-out.
"""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.parse import urlsplit

from ..errors import WeightsError
from ..protocols import ShouldCancel, raise_if_cancelled
from .settings import DownloadSettings

CHUNK = 2**16
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """Status and headers (lower-case names) of the answer, and the address after redirects."""

    status: int
    headers: Mapping[str, str]
    url: str


class TransferError(Exception):
    """A failure that a new attempt may cure. `wait`: seconds the server asked for."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, except from https to something weaker."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        was, now = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if now not in {"http", "https"} or (was == "https" and now != "https"):
            raise WeightsError(f"{req.full_url} redirects to {newurl}, which is not protected; it was not followed.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener(settings: DownloadSettings) -> urllib.request.OpenerDirector:
    """The proxy of the settings: None the system's, '' none, else that address."""
    proxies = (
        None if settings.proxy is None else (dict.fromkeys(("http", "https"), settings.proxy) if settings.proxy else {})
    )
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies), _Redirects())


class Exchange:
    """A GET under way. Iterate over the chunks after `answer`."""

    def __init__(
        self, url: str, headers: Mapping[str, str], settings: DownloadSettings, should_cancel: ShouldCancel
    ) -> None:
        self._should_cancel = should_cancel
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=16)
        self._abandoned = threading.Event()
        self._request = urllib.request.Request(url, headers={"User-Agent": "evanyseg", **headers})
        self._settings = settings
        threading.Thread(target=self._run, name="evanyseg-download", daemon=True).start()

    def answer(self) -> Answer:
        """Waits for status and headers. Raises TransferError, WeightsError, CancelledError."""
        return self._next("answer")

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._next("chunk")) is not None:
            yield chunk

    def close(self) -> None:
        self._abandoned.set()

    def _next(self, kind: str) -> Any:
        while True:
            raise_if_cancelled(self._should_cancel)
            try:
                found, value = self._queue.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if found == "error":
                raise value
            assert found == kind
            return value

    def _put(self, kind: str, value: Any) -> bool:
        while not self._abandoned.is_set():
            try:
                self._queue.put((kind, value), timeout=POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def _run(self) -> None:
        try:
            self._read()
        except WeightsError as error:
            self._put("error", error)
        except TimeoutError:
            self._put("error", TransferError(f"no answer for {self._settings.timeout:g} seconds"))
        except (OSError, HTTPException, ValueError) as error:
            self._put("error", TransferError(str(getattr(error, "reason", "") or error) or type(error).__name__))

    def _read(self) -> None:
        try:
            response = opener(self._settings).open(self._request, timeout=self._settings.timeout)
        except urllib.error.HTTPError as error:
            # an answer all the same: 404, 416, 503
            headers = {k.lower(): v for k, v in error.headers.items()}
            self._put("answer", Answer(error.code, headers, error.url or self._request.full_url))
            error.close()
            return
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise error.reason from None
            raise
        with response:
            headers = {k.lower(): v for k, v in response.headers.items()}
            going = self._put("answer", Answer(response.status, headers, response.url))
            while going:
                chunk = response.read1(CHUNK)
                going = self._put("chunk", chunk or None) and bool(chunk)
