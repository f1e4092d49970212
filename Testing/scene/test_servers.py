"""A server among the devices: asked once, nothing before, and a scene made elsewhere sends nothing by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import evanyseg
from doubles import BrightEstimator
from evanyseg.errors import EvanySegError
from EvanySegSlicerLib.presenters.setup import readiness
from EvanySegSlicerLib.presenters.setup.model_store import ModelStore
from EvanySegSlicerLib.presenters.setup.servers import ADD, FORGET
from EvanySegSlicerLib.scene.headless.offscreen import require_opengl
from scene.test_front_end import FrontEnd

pytest.importorskip("uvicorn")
try:
    require_opengl()
except EvanySegError as problem:
    pytest.skip(str(problem), allow_module_level=True)
from engine.served import TOKEN, Served, served_doubles


@pytest.fixture
def there(monkeypatch, tmp_path):
    """A server whose models are doubles, and a settings folder that nobody has used."""
    monkeypatch.setenv("EVANYSEG_SETTINGS", str(tmp_path / "settings"))
    with served_doubles() as server:
        yield server


@pytest.fixture
def front(app, there):
    one = FrontEnd(app)
    controller = one.presenters.controller
    controller.models = one.presenters.models.controller.models = ModelStore.of_engine()
    one.presenters.models.servers.known = controller.models.servers
    controller.node.set("segmenter", "bright-box")
    controller.node.set("estimator", "bright")
    yield one
    one.close()


def choices(front: FrontEnd) -> list[tuple[str, str]]:
    return front.presenters.models.choices("device")


def test_a_scene_that_names_a_server_sends_nothing_before_the_user_agrees(front: FrontEnd, there: Served) -> None:
    front.presenters.controller.node.set("device", there.device)
    front.draw(5, (10, 10, 54, 54))
    assert f"wants to send to the server {there.address}, to which you have not agreed" in front.view.problems[-1]
    assert len(there.service.sessions) == 0
    assert front.rows == []


def test_the_question_says_what_is_sent_and_where(front: FrontEnd) -> None:
    servers = front.presenters.models.servers
    question = servers.question(" https://gpu.example.org/ ")
    assert "to https://gpu.example.org?" in question
    assert "Not sent: names, dates" in question
    assert "NOT encrypted" not in question
    assert "NOT encrypted" in servers.question("http://gpu.example.org")
    assert "NOT encrypted" not in servers.question("http://127.0.0.1:8600")
    assert servers.question("gpu") == ""
    assert "no address of a server" in front.view.problems[-1]


def test_a_server_that_was_agreed_to_is_one_more_device(front: FrontEnd, there: Served) -> None:
    presenters = front.presenters
    assert [name for name, _ in choices(front)][-1] == ADD
    presenters.models.servers.add(there.address, TOKEN)
    assert (there.device, f"server {there.address}") in choices(front)
    assert presenters.models.chosen("device") == there.device
    assert presenters.models.missing("segmenter", "sam-vit-h") == "", "the server's weights are asked about there"
    front.draw(5, (10, 10, 54, 54))
    assert front.view.problems == []
    (row,) = front.rows
    assert row.estimator == BrightEstimator.name
    assert presenters.controller.review.pipeline.estimator.device == f"server {there.address} (cpu)"
    assert len(there.service.sessions) == 1


def test_a_wrong_token_is_said_and_put_right(front: FrontEnd, there: Served) -> None:
    servers = front.presenters.models.servers
    servers.add(there.address, "not the token that it has")
    front.draw(5, (10, 10, 54, 54))
    assert "refuses: its token is missing or wrong" in front.view.problems[-1]
    assert front.rows == []
    servers.add(there.address, TOKEN)
    front.draw(5, (10, 10, 54, 54))
    assert len(front.rows) == 1


def test_a_server_that_goes_away_loses_nothing(front: FrontEnd, there: Served) -> None:
    presenters = front.presenters
    presenters.models.servers.add(there.address, TOKEN)
    front.draw(5, (10, 10, 54, 54))
    there.stop()
    front.draw(6, (10, 10, 54, 54))
    assert "is away" in front.view.problems[-1]
    assert len(front.rows) == 1
    presenters.models.choose("device", "cpu")
    front.draw(6, (10, 10, 54, 54))
    assert len(front.rows) == 2


def test_a_forgotten_server_is_asked_about_again(front: FrontEnd, there: Served) -> None:
    servers = front.presenters.models.servers
    servers.add(there.address, TOKEN)
    assert choices(front)[-1][0] == FORGET
    servers.forget()
    assert front.presenters.models.chosen("device") == "auto"
    assert not any(name == there.device for name, _ in choices(front))
    front.presenters.controller.node.set("device", there.device)
    front.draw(5, (10, 10, 54, 54))
    assert "have not agreed" in front.view.problems[-1]


def test_models_on_a_server_need_no_network_library_here(front: FrontEnd, there: Served) -> None:
    lacking = lambda name: None if name in ("onnxruntime", "torch", "torchvision") else object()
    folder = Path(evanyseg.__file__ or "").parent
    assert not readiness.check(folder, "", lacking).ready
    assert readiness.check(folder, "", lacking, on_server=True).ready
    front.presenters.controller.node.set("segmenter", "sam-vit-b")
    assert front.presenters.models.needs_torch()
    front.presenters.models.servers.add(there.address, TOKEN)
    assert front.presenters.models.needs_torch() == ""
