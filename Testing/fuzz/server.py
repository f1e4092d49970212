"""`python3 dev.py fuzz --server`: malformed requests against a real server; exit code 1 when anything is found.

schemathesis makes requests that break the server's own OpenAPI description (and some that keep to it); between them raw
bytes are thrown at each route. Meanwhile another session works: what it gets must not change, and nothing of it may
appear in any answer.
"""

from __future__ import annotations

import http.client
import random
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import hypothesis
import numpy as np
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.generation import GenerationMode

from engine.served import TOKEN, Served, served
from evanyseg.prompts import BoxPrompt
from evanyseg.remote.models import segmenter_on
from evanyseg.remote.server import Sendable, Server
from evanyseg.remote.wire import SESSION_HEADER
from evanyseg.serving.limits import Limits

MALFORMED = 4
"""So many of five requests break the description, the fifth keeps to it."""
RAW = 5
"""One request in so many is raw bytes."""


@dataclass
class Victim:
    """Another client that works meanwhile; `secrets`: what only it may see."""

    server: Server
    image: np.ndarray
    expected: bytes
    secrets: tuple[bytes, ...]

    @classmethod
    def of(cls, there: Served) -> Victim:
        image = np.random.default_rng(5).integers(0, 255, (48, 64, 3), np.uint8)
        server, sent = Server(there.address, TOKEN), Sendable.of(image)
        victim = cls(server, image, b"", ())
        victim.expected = victim.answer()
        secrets = (server._session.encode(), sent.pixels[100:132], sent.key.encode())
        return cls(server, image, victim.expected, secrets)

    def answer(self) -> bytes:
        segmenter = segmenter_on(self.server, "builtin")
        found = segmenter.segment(segmenter.embed(self.image), BoxPrompt(8, 8, 40, 40))
        return found.logits.tobytes() + found.predicted_iou.tobytes()


def run(requests: int, seed: int) -> int:
    """Prints what was found; the number of findings."""
    began, count, findings = time.monotonic(), Counter[int](), []
    limits = Limits(body_bytes=1 << 20, pixels=1 << 18, session_bytes=8 << 20, sessions=10_000, work_seconds=20)
    with served(limits, (TOKEN,)) as there:
        victim = Victim.of(there)
        own = Server(there.address, TOKEN)
        own._opened()
        for number, (what, status, headers, content) in enumerate(_answers(there, own, requests, seed)):
            count[status] += 1
            told = repr(headers).encode() + content
            if status >= 500:
                findings.append(f"{what}: status {status}")
            if any(secret in told for secret in victim.secrets):
                findings.append(f"{what}: the answer holds what another session has sent")
            if number % 100 == 99 and victim.answer() != victim.expected:
                findings.append(f"after {what}: another session's answer has changed")
        if victim.answer() != victim.expected:
            findings.append("at the end: another session's answer has changed")
        if victim.server._session.encode() != victim.secrets[0]:
            findings.append("another session was ended")
    for finding in findings:
        print(finding)
    statuses = ", ".join(f"{n} x {status}" for status, n in sorted(count.items()))
    malformed = sum(n for status, n in count.items() if status >= 400)
    print(
        f"{sum(count.values())} requests in {time.monotonic() - began:.0f} s ({statuses}): {malformed} refused, "
        f"{sum(n for s, n in count.items() if s >= 500)} of 500 or more, {len(findings)} findings."
    )
    return len(findings)


def _answers(there: Served, own: Server, refused: int, seed: int) -> Iterator[tuple[str, int, dict[str, str], bytes]]:
    """(request in words, status, headers, content) until so many malformed ones were sent."""
    chance = random.Random(seed)
    sendable = Sendable.of(np.zeros((8, 8, 3), np.uint8))
    door = {"Authorization": f"Bearer {TOKEN}"}
    schema = schemathesis.openapi.from_url(f"{there.address}/v1/openapi.json", headers=door)
    operations = [found.ok() for found in schema.get_all_operations()]
    sent, turn = 0, 0
    while sent < refused:
        operation = operations[turn % len(operations)]
        turn += 1
        mode = GenerationMode.NEGATIVE if chance.randrange(5) < MALFORMED else GenerationMode.POSITIVE
        for case in _examples(operation, mode, 12, seed * 100_003 + turn):
            own.ask("POST", "/v1/embed", {"image": sendable.key}, {sendable.key: sendable})  # it may have been ended
            session = own._session if chance.random() < 0.9 else "nobody's"
            headers = {**door, SESSION_HEADER: session}
            answer = case.call(headers=headers, timeout=60)
            yield f"{case.method} {case.formatted_path}", answer.status_code, dict(answer.headers), answer.content
            sent += answer.status_code >= 400
            if chance.randrange(RAW) == 0:
                raw = _raw(there, case.method, str(case.path), headers, chance)
                yield raw
                sent += raw[1] >= 400


def _examples(operation: object, mode: GenerationMode, most: int, seed: int) -> list[schemathesis.Case]:
    found: list[schemathesis.Case] = []
    try:
        strategy = operation.as_strategy(generation_mode=mode)  # type: ignore[attr-defined]

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=most, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @hypothesis.given(case=strategy)
        def keep(case: schemathesis.Case) -> None:
            found.append(case)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keep()
    except hypothesis.errors.Unsatisfiable:
        pass  # a route without parameters cannot be broken by them
    return found


def _raw(
    there: Served, method: str, path: str, headers: dict[str, str], chance: random.Random
) -> tuple[str, int, dict[str, str], bytes]:
    """Bytes instead of a request's body, and odd values of its headers."""
    bodies = (
        chance.randbytes(chance.randrange(1, 2000)), b"", b"{", b"[" * 20_000, b'{"a":' * 5_000, b"\x00" * 512,
        b'{"cases": [NaN]}', b'{"image": "\\ud800"}', "{'é': 1}".encode("utf-16"), b"9" * 5_000,
    )  # fmt: skip
    odd = {"Content-Type": chance.choice(["application/json", "text/plain", "multipart/form-data", "x" * 500, ""])}
    if chance.random() < 0.3:
        odd[chance.choice(["Expect", "Accept", "Content-Encoding", "X-Forwarded-For", SESSION_HEADER])] = "\xff" * 90
    body = chance.choice(bodies)
    connection = http.client.HTTPConnection(urlsplit(there.address).netloc, timeout=60)
    target = path.replace("{", "%7B").replace("}", chance.choice(["%7D", "%00", "..%2F..%2Fetc", "%ff"]))
    connection.request(method, target, body, {**headers, **odd})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return f"{method} {target} (raw bytes)", answer.status, dict(answer.getheaders()), content
