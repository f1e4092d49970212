"""A real server on the loopback, in a thread, for tests and benchmarks of `evanyseg serve`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from doubles import BrightEstimator, BrightSegmenter
from evanyseg import models
from evanyseg.models import ModelSpec
from evanyseg.serving.limits import Limits
from evanyseg.serving.loaded import LoadedModels
from evanyseg.serving.run import listen, make_server, shown_address
from evanyseg.serving.service import Service

TOKEN = "a token for the tests only"


@dataclass
class Served:
    """address: 'http://127.0.0.1:PORT'; service: what its routes share, to look inside; stop(): end it now."""

    address: str
    service: Service
    server: uvicorn.Server
    thread: threading.Thread

    @property
    def device(self) -> str:
        return f"server:{self.address}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def served(
    limits: Limits | None = None, tokens: tuple[str, ...] = (), models: LoadedModels | None = None, port: int = 0
) -> Iterator[Served]:
    server = make_server(models or LoadedModels("cpu", "auto"), limits or Limits(), tokens, "127.0.0.1", "critical")
    with listen("127.0.0.1", port) as socket:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        app = server.config.app
        found = Served(shown_address(socket), app.state.service, server, thread)  # type: ignore[union-attr]
        try:
            yield found
        finally:
            found.stop()


@contextlib.contextmanager
def served_doubles() -> Iterator[Served]:
    """A server whose models are doubles: 'bright' scores, 'bright-box' segments; this process knows them too."""
    models.estimators.register(ModelSpec("bright", "Bright", lambda spec, path, device: BrightEstimator()))
    models.segmenters.register(ModelSpec("bright-box", "Bright", lambda spec, path, device: BrightSegmenter()))
    try:
        with served(tokens=(TOKEN,)) as server:
            yield server
    finally:
        models.estimators.remove("bright")
        models.segmenters.remove("bright-box")
