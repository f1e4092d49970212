"""The device list of the panel: adding a server asks first, and its models are used like any others."""

from __future__ import annotations

import pytest
import slicer

from doubles import BrightEstimator
from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

pytest.importorskip("uvicorn")
from desktop.user import User
from engine.served import TOKEN, served_doubles


@pytest.fixture
def there(monkeypatch, tmp_path):
    monkeypatch.setenv("EVANYSEG_SETTINGS", str(tmp_path / "settings"))
    with served_doubles() as server:
        yield server


@pytest.fixture
def user(there, host, driver):
    user = User(host, driver, ModelStore.of_engine())
    user.panel.controller.node.set("segmenter", "bright-box")
    user.panel.controller.node.set("estimator", "bright")
    return user


def answers(monkeypatch, *texts: str | None, agree: bool = True) -> list[str]:
    """What the user types into the windows that come, and whether he agrees; the questions as they were asked."""
    import qt

    left, asked = list(texts), []

    def typed(parent, title, label, echo, text):
        asked.append(f"{label} {'hidden' if echo == qt.QLineEdit.Password else ''}".strip())
        answer = left.pop(0)
        return (answer or "", answer is not None)

    monkeypatch.setattr(qt.QInputDialog, "getText", staticmethod(typed))
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **k: asked.append(text) or agree)
    return asked


def devices(user: User) -> list[str]:
    return [user.ui.deviceSelector.itemText(n) for n in range(user.ui.deviceSelector.count)]


def test_a_server_is_added_asked_about_used_and_forgotten(user, there, monkeypatch):
    assert devices(user) == ["auto", "cuda", "mps", "cpu", "Add a server..."]
    asked = answers(monkeypatch, there.address, TOKEN)
    user.choose("deviceSelector", 4)
    assert "Address of the server" in asked[0]
    assert asked[1].endswith("hidden")
    assert asked[2].startswith("Send pixels")
    assert there.address in asked[2]
    assert devices(user)[4:] == [f"server {there.address}", "Add a server...", "Forget this server"]
    assert user.ui.deviceSelector.currentText == f"server {there.address}"
    user.draw()
    assert [row.estimator for row in user.rows] == [BrightEstimator.name]
    assert len(there.service.sessions) == 1
    user.choose("deviceSelector", 6)
    assert devices(user)[-1] == "Add a server..."
    assert user.ui.deviceSelector.currentText == "auto"


@pytest.mark.parametrize(("typed", "agree"), [((None,), True), (("gpu",), True), (("https://gpu", None), True)])
def test_who_changes_his_mind_changes_nothing(user, there, monkeypatch, typed, agree):
    answers(monkeypatch, *typed, agree=agree)
    user.choose("deviceSelector", 4)
    assert user.ui.deviceSelector.currentText == "auto"
    assert len(devices(user)) == 5


def test_who_does_not_agree_sends_nothing(user, there, monkeypatch):
    answers(monkeypatch, there.address, TOKEN, agree=False)
    user.choose("deviceSelector", 4)
    assert user.ui.deviceSelector.currentText == "auto"
    assert len(there.service.sessions) == 0
    assert len(devices(user)) == 5
