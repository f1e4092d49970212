"""What a server refuses, who may see what, whose turn it is."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from evanyseg.errors import CancelledError, EvanySegError
from evanyseg.remote.server import Sendable
from evanyseg.remote.wire import SESSION_HEADER

pytest.importorskip("uvicorn")
from engine.served import TOKEN, Served, served
from evanyseg.serving.fair_queue import FairQueue
from evanyseg.serving.limits import Limits
from evanyseg.serving.refusal import Refusal
from evanyseg.serving.run import check_host, read_tokens
from evanyseg.serving.sessions import Sessions

OTHER = "another token for the tests"
RNG = np.random.default_rng(0)
IMAGE = Sendable.of(RNG.integers(0, 255, (40, 50, 3), np.uint8))


class Client:
    """Says what it likes to a server. token: '' for none."""

    def __init__(self, there: Served, token: str = TOKEN) -> None:
        self.connection = http.client.HTTPConnection(there.address.partition("//")[2], timeout=60)
        self.token, self.session = token, ""

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict]:
        sent = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
        told = {"Content-Type": "application/json", **({SESSION_HEADER: self.session} if self.session else {})}
        told |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self.connection.request(method, path, sent, told | {k.replace("_", "-"): v for k, v in headers.items()})
        response = self.connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content.startswith(b"{") else {"content": content}

    def open(self) -> Client:
        status, told = self.ask("POST", "/v1/sessions", {"protocol": 1})
        assert status == 201
        self.session = told["session"]
        return self

    def send(self, image: Sendable = IMAGE) -> int:
        query = f"height={image.height}&width={image.width}&channels={image.channels}"
        return self.ask("PUT", f"/v1/images/{image.key}?{query}", image.pixels)[0]


@pytest.fixture(scope="module")
def there() -> Iterator[Served]:
    with served(Limits(body_bytes=300_000, pixels=100_000, cases=4), (TOKEN, OTHER)) as server:
        yield server


# ---- the door -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "é" * 20])
def test_without_the_token_only_health_is_told(there: Served, token: str) -> None:
    client = Client(there, token.encode().decode("latin-1"))
    assert client.ask("GET", "/v1/health") == (200, {"status": "ok", "protocol": 1})
    for method, path in (("GET", "/v1/status"), ("POST", "/v1/sessions"), ("GET", "/v1/openapi.json"), ("GET", "/x")):
        status, told = client.ask(method, path)
        assert (status, told["error"]) == (401, "token")


def test_both_tokens_open_the_door(there: Served) -> None:
    assert Client(there, TOKEN).ask("GET", "/v1/status")[0] == 200
    assert Client(there, OTHER).ask("GET", "/v1/status")[0] == 200


def test_without_a_token_no_web_page_and_no_other_name_gets_in() -> None:
    with served() as there:
        client = Client(there, "")
        assert client.ask("GET", "/v1/status")[0] == 200
        for headers in ({"Host": "evil.example.org"}, {"Origin": "http://evil.example.org"}, {"Host": "["}):
            assert client.ask("GET", "/v1/status", **headers)[0] == 403


def test_an_open_address_wants_a_token() -> None:
    for host in ("0.0.0.0", "192.168.1.2", "gpu", "::"):
        with pytest.raises(EvanySegError, match="give it a token"):
            check_host(host, ())
        check_host(host, (TOKEN,))
    for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"):
        check_host(host, ())


def test_tokens_are_read_and_weak_ones_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("# ours\n0123456789abcdef\n\n fedcba9876543210 \n")
    assert read_tokens(file, "") == ("0123456789abcdef", "fedcba9876543210")
    assert read_tokens(None, "0123456789abcdef") == ("0123456789abcdef",)
    assert read_tokens(None, "") == ()
    for text, words in (("short", "at least 16"), ("", "no token"), ("0123456789abcdef gh", "without spaces")):
        file.write_text(text)
        with pytest.raises(EvanySegError, match=words):
            read_tokens(file, "")
    with pytest.raises(EvanySegError, match="cannot be read"):
        read_tokens(tmp_path / "none", "")


# ---- limits ---------------------------------------------------------------------------------------------------------


def test_what_is_too_large_is_refused_before_it_is_read(there: Served) -> None:
    client = Client(there).open()
    connection = client.connection
    connection.putrequest("POST", "/v1/score")
    for name, value in (("Authorization", f"Bearer {TOKEN}"), ("Content-Length", str(10**15))):
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    chunks = Client(there).open().connection
    told = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    chunks.request("POST", "/v1/score", iter([b"{}"]), told, encode_chunked=True)
    assert chunks.getresponse().status == 411
    key = "0" * 32
    assert Client(there).open().ask("PUT", f"/v1/images/{key}?height=400&width=400&channels=1", b"x")[0] == 413
    case = {"image": key, "mask": {"shape": [2, 2], "bits": ""}}
    assert Client(there).open().ask("POST", "/v1/score", {"cases": [case] * 5})[0] == 413


def test_pixels_that_do_not_fit_what_is_told_of_them_are_refused(there: Served) -> None:
    client = Client(there).open()
    query = f"height={IMAGE.height}&width={IMAGE.width}&channels=3"
    assert client.ask("PUT", f"/v1/images/{IMAGE.key}?{query}", IMAGE.pixels[:-1])[0] == 422
    status, told = client.ask("PUT", f"/v1/images/{'0' * 32}?{query}", IMAGE.pixels)
    assert (status, "another hash" in told["message"]) == (422, True)
    for wrong in ("height=1&width=50&channels=3", "height=x&width=50&channels=3", "height=40&width=50&channels=2"):
        assert client.ask("PUT", f"/v1/images/{IMAGE.key}?{wrong}", IMAGE.pixels)[0] == 422


@pytest.mark.parametrize(
    "mask",
    [
        {"shape": [40, 50], "bits": "!!"},
        {"shape": [40, 50], "bits": base64.b64encode(b"no zlib").decode()},
        {"shape": [40, 50], "bits": base64.b64encode(zlib.compress(bytes(10**7), 9)).decode()},
        {"shape": [40, 50], "bits": base64.b64encode(zlib.compress(bytes(10))).decode()},
        {"shape": [60000, 60000], "bits": ""},
        {"shape": [-1, 50], "bits": ""},
        {"shape": [40], "bits": ""},
    ],
)
def test_masks_that_are_damaged_or_bombs_are_refused(there: Served, mask: dict) -> None:
    client = Client(there).open()
    assert client.send() == 204
    status, told = client.ask("POST", "/v1/score", {"cases": [{"image": IMAGE.key, "mask": mask}]})
    assert status == 422
    assert told["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"null", b'{"cases": NaN}', b"\xff\xfe", b'"\\ud800"'])
def test_bodies_that_are_no_requests_are_refused(there: Served, body: bytes) -> None:
    assert Client(there).open().ask("POST", "/v1/score", body)[0] in (400, 422)


def test_too_many_sessions_are_refused_until_some_expire() -> None:
    time_now = [0.0]
    sessions = Sessions(Limits(sessions=2, idle_seconds=10), clock=lambda: time_now[0])
    first, second = sessions.open(""), sessions.open("")
    with pytest.raises(Refusal, match="2 sessions are open"):
        sessions.open("")
    time_now[0] = 8.0
    sessions.get(second.name, "")
    time_now[0] = 15.0
    sessions.open("")
    with pytest.raises(Refusal, match="not open"):
        sessions.get(first.name, "")
    assert sessions.get(second.name, "") is second


def test_a_session_keeps_no_more_than_it_may(there: Served) -> None:
    sessions = Sessions(Limits(session_bytes=2 * 2500))
    session = sessions.open("")
    for n in range(4):
        session.keep(f"{n}", np.zeros((20, 20, 3), np.uint8))
    assert session.nbytes <= 2500
    session.image("3")
    with pytest.raises(Refusal, match="not here"):
        session.image("0")
    with pytest.raises(Refusal, match="more than a session"):
        session.keep("large", np.zeros((40, 40, 3), np.uint8))


# ---- whose things they are ------------------------------------------------------------------------------------------


def test_nobody_sees_what_another_has_sent(there: Served) -> None:
    one, two = Client(there).open(), Client(there).open()
    assert one.send() == 204
    ask = {"image": IMAGE.key, "box": {"x0": 5, "y0": 5, "x1": 30, "y1": 30}}
    assert one.ask("POST", "/v1/segment", ask)[0] == 200
    status, told = two.ask("POST", "/v1/segment", ask)
    assert (status, told["error"]) == (404, "image"), "knowing the hash is not having the image"


def test_a_session_is_that_of_its_token(there: Served) -> None:
    one, thief = Client(there).open(), Client(there, OTHER)
    thief.session = one.session
    status, told = thief.ask("POST", "/v1/embed", {"image": IMAGE.key})
    unknown = Client(there)
    unknown.session = "x" * 32
    assert (status, told) == unknown.ask("POST", "/v1/embed", {"image": IMAGE.key})
    assert status == 404
    assert thief.ask("DELETE", "/v1/sessions")[0] == 404
    assert one.send() == 204, "it is still open"


def test_nobody_cancels_what_another_has_begun(there: Served) -> None:
    one, two = Client(there).open(), Client(there).open()
    cancelled = []
    task = type("Task", (), {"cancel": lambda self: cancelled.append(1)})()
    there.service.sessions.get(one.session, TOKEN).tasks["my-long-job"] = task
    assert two.ask("DELETE", "/v1/jobs/my-long-job")[0] == 204
    assert cancelled == []
    assert one.ask("DELETE", "/v1/jobs/my-long-job")[0] == 204
    assert cancelled == [1]


# ---- whose turn it is -----------------------------------------------------------------------------------------------


def test_turns_go_round_between_sessions() -> None:
    queue, order, gate = FairQueue(100, 60), [], threading.Event()
    first = queue.submit("z", lambda cancel: gate.wait(30))
    tasks = [queue.submit(owner, lambda cancel, o=owner: order.append(o)) for owner in "aaaaaabbc"]
    gate.set()
    for task in (first, *tasks):
        task.future.result(30)
    assert "".join(order) == "abcabaaaa"
    queue.close()


def test_one_session_cannot_fill_the_queue_and_what_waits_can_be_cancelled() -> None:
    queue, gate = FairQueue(2, 60), threading.Event()
    running = queue.submit("a", lambda cancel: gate.wait(30))
    while queue.waiting:
        time.sleep(0.001)
    waiting = [queue.submit("a", lambda cancel: "never") for _ in range(2)]
    with pytest.raises(Refusal, match="2 requests of this session wait"):
        queue.submit("a", lambda cancel: None)
    other = queue.submit("b", lambda cancel: "done")
    waiting[0].cancel()
    queue.forget("a")
    gate.set()
    assert other.future.result(30) == "done"
    for task in waiting:
        with pytest.raises(CancelledError):
            task.future.result(30)
    running.future.result(30)
    queue.close()
    with pytest.raises(Refusal, match="ending"):
        queue.submit("c", lambda cancel: None)


def test_work_that_takes_too_long_is_ended_and_work_that_fails_harms_nobody() -> None:
    queue = FairQueue(10, 0.05)

    def endless(should_cancel) -> None:
        while not should_cancel():
            time.sleep(0.001)
        raise CancelledError("stopped")

    late = queue.submit("a", endless)
    failing = queue.submit("a", lambda cancel: 1 / 0)
    given_up = queue.submit("a", lambda cancel: "unheard")
    given_up.future.cancel()
    with pytest.raises(Refusal, match=r"longer than 0\.05 s"):
        late.future.result(30)
    with pytest.raises(ZeroDivisionError):
        failing.future.result(30)
    assert queue.submit("b", lambda cancel: "goes on").future.result(30) == "goes on"
    queue.close()


def test_eight_clients_at_once_get_their_own_answers(there: Served) -> None:
    """Each segments images of its own, all at the same time; every answer is the one that it gets alone."""
    images = [Sendable.of(RNG.integers(0, 255, (40, 50, 3), np.uint8)) for _ in range(8)]
    ask = lambda image: {"image": image.key, "box": {"x0": 5, "y0": 5, "x1": 30, "y1": 30}}

    def answers(image: Sendable) -> list[bytes]:
        client = Client(there).open()
        assert client.send(image) == 204
        found = [client.ask("POST", "/v1/segment", ask(image)) for _ in range(3)]
        assert [status for status, _ in found] == [200] * 3
        assert client.ask("DELETE", "/v1/sessions")[0] == 204
        return [told["content"] for _, told in found]

    alone = [answers(image)[0] for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(answers, images))
    assert all(content == alone[n] for n, found in enumerate(together) for content in found)
    assert len(set(alone)) == 8
