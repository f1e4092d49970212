"""A server as device: the same answers as here, cancel, sessions, and what is said when it fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import evanyseg
from doubles import BrightEstimator, BrightSegmenter
from engine import phantom
from engine.served import Served, served
from evanyseg import models
from evanyseg.errors import CancelledError, DeviceError, ImageError, PromptError, ServerError
from evanyseg.models import ModelSpec
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.quality.builtin import BUILTIN
from evanyseg.remote.known import KnownServer, KnownServers, server_at
from evanyseg.remote.models import estimator_on, segmenter_on
from evanyseg.remote.server import Sendable, Server
from evanyseg.remote.wire import SESSION_HEADER
from evanyseg.results import QualityCase
from evanyseg.segmenters.builtin import WEIGHTS
from evanyseg.serving.limits import Limits

pytest.importorskip("uvicorn")
BOX = BoxPrompt(10, 8, 70, 52)


@pytest.fixture(scope="module")
def there() -> Iterator[Served]:
    """One with the built-in models, for all tests that do not spoil it."""
    with served() as server:
        yield server


@pytest.fixture
def image() -> np.ndarray:
    return phantom.picture()[0]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """A segmenter 'slow' that begins to encode (the event is set) and ends when it is cancelled only."""
    begun = threading.Event()

    class Slow(BrightSegmenter):
        def embed(self, image, should_cancel=lambda: False):
            begun.set()
            until = time.monotonic() + 60
            while time.monotonic() < until:
                if should_cancel():
                    raise CancelledError("Cancelled; nothing was changed.")
                time.sleep(0.005)
            raise AssertionError("it was never cancelled")

    models.segmenters.register(ModelSpec("slow", "stand-in", lambda spec, path, device: Slow()))
    models.estimators.register(ModelSpec("bright", "stand-in", lambda spec, path, device: BrightEstimator()))
    yield begun
    models.segmenters.remove("slow")
    models.estimators.remove("bright")


# ---- the same answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 0.7)])
def test_a_box_gives_what_it_gives_here(there: Served, image: np.ndarray, spacing: tuple[float, float]) -> None:
    here = evanyseg.segment(image, BOX, spacing=spacing, maps=True)
    segmenter = evanyseg.load_segmenter("builtin", there.device)
    estimator = evanyseg.load_estimator("builtin", there.device)
    found = evanyseg.segment(image, BOX, spacing=spacing, maps=True, segmenter=segmenter, estimator=estimator)
    assert (found.masks == here.masks).all()
    assert found.masks.any()
    assert found.estimates == here.estimates
    assert (found.estimate.false_positive == here.estimate.false_positive).all()
    assert (found.candidates.logits == here.candidates.logits).all()
    assert estimator.device == f"server {there.address} (cpu)" == segmenter.device


def test_points_and_refinement_give_what_they_give_here(there: Served, image: np.ndarray) -> None:
    rgb = np.repeat(image[..., None], 3, axis=2)
    rgb[..., 1] //= 2  # three channels that differ
    points = (PointPrompt(40, 30), PointPrompt(2, 2, False))
    found = []
    for device in ("cpu", there.device):
        segmenter = evanyseg.load_segmenter("builtin", device)
        embedding = segmenter.embed(rgb)
        first = segmenter.segment(embedding, None, points)
        found.append(segmenter.segment(embedding, BOX, points, first.low_resolution_logits[0]))
    assert (found[0].logits == found[1].logits).all()
    assert (found[0].predicted_iou == found[1].predicted_iou).all()


def test_many_masks_are_scored_as_here_with_the_caveats_that_are_known_here(there: Served, image: np.ndarray) -> None:
    rgb = np.repeat(image[..., None], 3, axis=2)
    rng = np.random.default_rng(0)
    masks = [np.zeros(image.shape, bool), *(phantom.picture()[1] & (rng.random(image.shape) < p) for p in (0.5, 0.9))]
    cases = [QualityCase(rgb, masks[n % 3], (BOX, None)[n % 2], ("a doubt",)) for n in range(21)]
    here = list(evanyseg.load_estimator("builtin", "cpu").estimate_cases(cases))
    found = list(evanyseg.load_estimator("builtin", there.device).estimate_cases(cases))
    same = lambda e: (e.dice, e.low, e.high, e.hd95, e.caveats) if e.scored else e.caveats
    assert [same(e) for e in found] == [same(e) for e in here]
    assert any(not e.scored for e in found)


def test_an_image_is_sent_once(there: Served, image: np.ndarray) -> None:
    sent = []

    class Counting(Server):
        def _exchange(self, method, path, *rest):
            sent.append(path.partition("?")[0]) if method == "PUT" else None
            return super()._exchange(method, path, *rest)

    server = Counting(there.address)
    segmenter, estimator = segmenter_on(server, "builtin"), estimator_on(server, "builtin")
    for box in (BOX, BoxPrompt(20, 20, 60, 50)):
        evanyseg.segment(image, box, segmenter=segmenter, estimator=estimator, maps=True)
    assert len(sent) == 1
    server.close()


def test_what_the_server_let_go_is_sent_again(image: np.ndarray) -> None:
    with served(Limits(session_bytes=2 * 3 * image.size + 100)) as small:  # one image fits
        server = Server(small.address)
        segmenter, estimator = segmenter_on(server, "builtin"), estimator_on(server, "builtin")
        first = evanyseg.segment(image, BOX, segmenter=segmenter, estimator=estimator)
        evanyseg.segment(255 - image, BOX, segmenter=segmenter, estimator=estimator)
        again = evanyseg.segment(image, BOX, segmenter=segmenter, estimator=estimator)
        assert (first.masks == again.masks).all()
        small.service.sessions.close(server._session)  # expired
        assert (evanyseg.segment(image, BOX, segmenter=segmenter, estimator=estimator).masks == first.masks).all()


# ---- refusals in words ----------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_prompt_or_image_is_said_as_here(there: Served, image: np.ndarray) -> None:
    segmenter, estimator = (f("builtin", there.device) for f in (evanyseg.load_segmenter, evanyseg.load_estimator))
    rgb = np.repeat(image[..., None], 3, axis=2)
    with pytest.raises(PromptError, match="outside the image"):
        segmenter.segment(segmenter.embed(rgb), BoxPrompt(500, 500, 600, 600))
    with pytest.raises(PromptError, match="needs a prompt"):
        segmenter.segment(segmenter.embed(rgb))
    with pytest.raises(PromptError, match="embed the image again"):
        segmenter.segment(evanyseg.load_segmenter("builtin", "cpu").embed(rgb), BOX)
    with pytest.raises(ImageError, match="must be the same"):
        estimator.estimate(rgb, np.ones((1, 5, 5), bool))
    with pytest.raises(ImageError, match="8-bit RGB"):
        estimator.estimate(rgb.astype(float), np.ones((1, *image.shape), bool))


def test_a_server_that_is_away_is_said(image: np.ndarray) -> None:
    with served() as gone:
        segmenter = segmenter_on(Server(gone.address), "builtin")
    with pytest.raises(ServerError, match=rf"The server {gone.address} is away.*Choose another device"):
        segmenter.embed(np.repeat(image[..., None], 3, axis=2))
    with pytest.raises(ServerError, match="is away"):
        evanyseg.load_estimator("builtin", gone.device)


def test_a_server_that_comes_back_is_used_again(image: np.ndarray) -> None:
    with served() as first:
        server = Server(first.address)
        segmenter, estimator = segmenter_on(server, "builtin"), estimator_on(server, "builtin")
        before = evanyseg.segment(image, BOX, segmenter=segmenter, estimator=estimator)
    with served(port=int(first.address.rpartition(":")[2])):
        after = evanyseg.segment(image, BOX, segmenter=segmenter, estimator=estimator)
    assert before.estimates == after.estimates


def test_names_of_files_and_of_unknown_models_are_refused(there: Served) -> None:
    for load, weights in ((evanyseg.load_estimator, BUILTIN), (evanyseg.load_segmenter, WEIGHTS)):
        with pytest.raises(DeviceError, match="is here and not on the server"):
            load(str(weights), there.device)
    with pytest.raises(ServerError, match="has no segmenter 'nothing'"):
        evanyseg.load_segmenter("nothing", there.device)
    for path in ("/etc/passwd", "../builtin/estimator.safetensors", "adapted"):
        with pytest.raises(ServerError):
            estimator_on(Server(there.address), path)


@pytest.mark.parametrize(
    "address", ["", "gpu", "ftp://gpu", "http://", "http://a:b@c", "http://h:99999", "https://h?x=1"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(DeviceError, match="no address of a server"):
        evanyseg.load_segmenter("builtin", f"server:{address}")


# ---- cancel, limits, sessions ---------------------------------------------------------------------------------------


def test_cancel_reaches_the_network_on_the_server(gate: threading.Event, image: np.ndarray) -> None:
    with served() as there:
        segmenter = segmenter_on(Server(there.address), "slow")
        began = time.monotonic()
        with pytest.raises(CancelledError):
            segmenter.embed(np.repeat(image[..., None], 3, axis=2), gate.is_set)
        estimator = estimator_on(Server(there.address), "bright")  # its turn comes: the worker is free again
        assert estimator.estimate(np.repeat(image[..., None], 3, axis=2), image[None] > 100)[0].scored
        assert time.monotonic() - began < 30


def test_a_client_that_dies_cancels(gate: threading.Event, image: np.ndarray) -> None:
    with served() as there:
        server, sent = Server(there.address), Sendable.of(np.repeat(image[..., None], 3, axis=2))
        segmenter_on(server, "slow")
        server._send_missing({sent.key: sent}, lambda: False)
        connection, _ = server._connection()
        asked = json.dumps({"segmenter": "slow", "image": sent.key})
        headers = {SESSION_HEADER: server._session, "Content-Type": "application/json"}
        connection.request("POST", "/v1/embed", asked, headers)
        assert gate.wait(30)
        connection.close()
        while there.service.queue._running is not None:
            time.sleep(0.01)


def test_sessions_expire_and_end_with_their_client(image: np.ndarray) -> None:
    with served(Limits(idle_seconds=0.05)) as there:
        server = Server(there.address)
        segmenter_on(server, "builtin")
        assert len(there.service.sessions) == 1
        until = time.monotonic() + 60
        while len(there.service.sessions) and time.monotonic() < until:
            time.sleep(0.01)
        assert len(there.service.sessions) == 0, "without a request"
        segmenter_on(server, "builtin")
        server.close()
        assert len(there.service.sessions) == 0


def test_agreed_servers_are_kept_where_only_the_user_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVANYSEG_SETTINGS", str(tmp_path / "settings"))
    known = KnownServers()
    assert known.all() == []
    known.keep(KnownServer("http://a:1", True, "secret"))
    known.keep(KnownServer("http://b:2", False))
    assert KnownServers().get("http://a:1") == KnownServer("http://a:1", True, "secret")
    assert server_at("http://a:1")._token == "secret"
    assert known.path.stat().st_mode & 0o077 == 0
    known.forget("http://a:1")
    assert [s.address for s in KnownServers().all()] == ["http://b:2"]
    known.path.write_text("{")
    assert KnownServers().all() == []
