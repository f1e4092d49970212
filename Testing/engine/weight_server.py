"""A server on the loopback that serves one file and misbehaves on request, recording what it was asked."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from evanyseg.weights.files import WeightFile
from evanyseg.weights.settings import DownloadSettings
from evanyseg.weights.store import WeightStore

CONTENT = np.random.default_rng(0).bytes(700_001)
QUICK = DownloadSettings(proxy="", timeout=20, attempts=3, wait=0.01)
"""Hardly waits between attempts, but long for an answer: on a busy machine the server is slow as well."""


@dataclass
class Behavior:
    """What the next answers do. `faults`: one per request, used up in order: 'truncate', 'stall', 'drop', an HTTP
    status, 'page' (HTML), or a callable that gets the behaviour. `ranges`: honours Range; `etag`: sent and compared
    with If-Range; `validates` False ignores If-Range."""

    content: bytes
    etag: str = '"one"'
    ranges: bool = True
    validates: bool = True
    length: bool = True
    faults: list = field(default_factory=list)
    redirect: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    delay: float = 0.0


class WeightServer:
    """`with WeightServer(content) as server:` then `server.url`, `server.does`."""

    def __init__(self, content: bytes) -> None:
        self.does = Behavior(content)
        does, release = self.does, threading.Event()
        self._release = release

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args):
                pass

            def do_GET(self):
                does.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.close_connection = True
                if does.redirect and not self.path.startswith("/moved"):
                    self.send_response(302)
                    self.send_header("Location", does.redirect)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                fault = does.faults.pop(0) if does.faults else None
                if callable(fault):
                    fault = fault(does)
                if isinstance(fault, int):
                    self.send_response(fault)
                    self.send_header("Content-Length", "0")
                    if fault == 503:
                        self.send_header("Retry-After", "0")
                    self.end_headers()
                elif fault == "page":
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html; charset=utf-8")
                    self.end_headers()
                    self.wfile.write(b"<html>log in first</html>")
                elif fault != "drop":
                    self.body(fault)

            def body(self, fault):
                start, asked = 0, self.headers.get("Range", "")
                fresh = self.headers.get("If-Range", does.etag) == does.etag or not does.validates
                if asked and does.ranges and fresh:
                    start = int(asked.removeprefix("bytes=").rstrip("-"))
                    if start >= len(does.content):
                        self.send_response(416)
                        self.send_header("Content-Range", f"bytes */{len(does.content)}")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(does.content) - 1}/{len(does.content)}")
                else:
                    self.send_response(200)
                if does.etag:
                    self.send_header("ETag", does.etag)
                if does.length:
                    self.send_header("Content-Length", str(len(does.content) - start))
                self.end_headers()
                rest = does.content[start:]
                if fault == "truncate":
                    rest = rest[: len(rest) // 3]
                if fault == "stall":
                    self.wfile.write(rest[: len(rest) // 3])
                    self.wfile.flush()
                    release.wait(120)
                    return
                for at in range(0, len(rest), 2**16):
                    try:
                        self.wfile.write(rest[at : at + 2**16])
                    except OSError:
                        return
                    if does.delay:
                        time.sleep(does.delay)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> WeightServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc) -> None:
        self._release.set()
        self._server.shutdown()
        self._server.server_close()


def agreed(entry: WeightFile, url: str) -> bool:
    return True


def entry_of(server, content: bytes = CONTENT, hashed: bool = True) -> WeightFile:
    sha256 = hashlib.sha256(content).hexdigest() if hashed else ""
    size = len(content) if hashed else None
    return WeightFile(
        "mobile-sam", "Test", "test.pt", server.url, "Apache-2.0", "nobody", f"{server.url}/test.pt", size, sha256
    )


def parts(store: WeightStore) -> list[str]:
    return sorted(p.name for p in store.folder.iterdir() if ".part" in p.name or ".suspect" in p.name)


def assert_whole(store, entry, content: bytes = CONTENT) -> None:
    assert store.path(entry).read_bytes() == content
    assert parts(store) == []
    assert store.record(entry)["sha256"] == hashlib.sha256(content).hexdigest()
