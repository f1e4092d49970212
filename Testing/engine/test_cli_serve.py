"""`evanyseg serve` and `--device server:...` on the command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from engine.cli_fixtures import E, S, bright_environment

pytest.importorskip("uvicorn")
from engine.served import TOKEN, Served, served
from evanyseg.commands.support.loading import _say_what_is_sent


@pytest.fixture
def there(bright_models: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("EVANYSEG_SERVER_TOKEN", TOKEN)
    _say_what_is_sent.cache_clear()
    with served(tokens=(TOKEN,)) as server:
        yield server


def test_a_server_is_named_as_device_and_that_is_said_once(evanyseg, there: Served, picture, tmp_path) -> None:
    image, mask, _ = picture
    documents = []
    for device in ("cpu", there.device):
        code, out, err = evanyseg("score", image, mask, *E, "--device", device, "--json")
        assert code == 0, err
        documents.append(json.loads(out))
    assert documents[1]["device"] == f"server {there.address} (cpu)"
    here, found = (d | {"device": ""} for d in documents)
    assert found == here
    assert err.count(f"Pixels, boxes and masks go to {there.address}; names, dates, paths and positions do not.") == 1
    box = ("--box", "10", "8", "70", "52")
    code, out, err = evanyseg("segment", image, *box, "-o", tmp_path / "m.png", *E, *S, "--device", there.device)
    assert code == 0, err
    assert (tmp_path / "m.png").exists()


def test_a_line_that_others_can_read_is_warned_of(evanyseg, picture) -> None:
    image, mask, _ = picture
    code, _, err = evanyseg("score", image, mask, "--device", "server:http://no-such-host.invalid:8600")
    assert code == 2
    assert "The line is not encrypted" in err
    assert "The server http://no-such-host.invalid:8600" in err


def test_without_the_token_nothing_is_done(evanyseg, there: Served, picture, monkeypatch) -> None:
    from evanyseg.remote.known import server_at

    monkeypatch.setenv("EVANYSEG_SERVER_TOKEN", "not the right one at all")
    server_at.cache_clear()
    image, mask, _ = picture
    code, _, err = evanyseg("score", image, mask, *E, "--device", there.device)
    server_at.cache_clear()
    assert code == 2
    assert "its token is missing or wrong" in err


def test_what_cannot_be_served_is_refused(evanyseg, monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("EVANYSEG_SERVER_TOKEN", raising=False)
    code, _, err = evanyseg("serve", "--host", "0.0.0.0")
    assert code == 2
    assert "give it a token" in err
    code, _, err = evanyseg("serve", "--model", "nothing")
    assert code == 2
    assert "no model 'nothing'" in err
    code, _, err = evanyseg("serve", "--device", "server:http://127.0.0.1:1")
    assert code == 2
    assert "cannot be another server" in err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = evanyseg("serve", "--device", "cpu", "--port", taken.getsockname()[1])
    assert code == 2
    assert "cannot be listened on" in err
    assert "Choose another --port" in err


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_it_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "evanyseg", "serve", "--port", "0", "--device", "cpu"]
    environment = {k: v for k, v in bright_environment().items() if k != "EVANYSEG_SERVER_TOKEN"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        address = process.stderr.readline().removeprefix("Serving on ").partition(",")[0]
        with urllib.request.urlopen(f"{address}/v1/health", timeout=60) as answer:
            assert json.load(answer)["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert "What clients had sent is forgotten." in said
