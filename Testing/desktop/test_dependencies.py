"""Installing what is missing: only after asking, only through PyTorchUtils and Slicer's pip; refusals."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import slicer

from desktop.user import User
from EvanySegSlicerLib.presenters.setup import readiness

ENGINE = Path(readiness.__file__).resolve().parents[3] / "evanyseg"
LINUX = ("linux", "x86_64")


def finder(*missing):
    return lambda name: None if name in missing else object()


def test_ready_when_everything_is_there():
    found = readiness.check(ENGINE, finder(), LINUX)
    assert found.ready
    assert "no download" in found.sentence


def test_missing_packages_are_named():
    found = readiness.check(ENGINE, finder("torch", "timm"), LINUX)
    assert not found.ready
    assert found.packages == ("timm>=1.0",)
    assert "PyTorch" in found.sentence
    assert "timm" in found.sentence


@pytest.mark.parametrize("machine", [("darwin", "x86_64")])
def test_macs_with_an_intel_processor_are_refused_in_a_sentence(machine):
    found = readiness.check(ENGINE, finder(), machine)
    assert not found.ready
    assert "Intel" in found.refusal
    assert readiness.check(ENGINE, finder(), ("darwin", "arm64")).ready


def test_another_evanyseg_in_the_way_is_refused(tmp_path):
    found = readiness.check(tmp_path / "EvanySegSlicer" / "evanyseg", finder(), LINUX)
    assert "hides the one of this extension" in found.refusal
    assert "pip_uninstall" in found.refusal


class Recorder:
    """Stands for PyTorchUtils, pip and the Extensions Manager; says what was asked of them."""

    def __init__(self, monkeypatch, agree=True) -> None:
        self.calls: list[tuple] = []
        self.missing = {"torch", "torchvision", "timm", "segment_anything"}
        monkeypatch.setattr("EvanySegSlicerLib.desktop.setup.dependencies.check", self.check)
        monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **k: self.ask(text, agree))
        monkeypatch.setattr(slicer.util, "pip_install", self.pip_install)
        module = types.ModuleType("PyTorchUtils")
        module.PyTorchUtilsLogic = lambda: self
        monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
        self.agree = agree

    def check(self, folder):
        return readiness.check(folder, finder(*self.missing), LINUX)

    def ask(self, text, agree):
        self.calls.append(("asked", text))
        return agree

    def installTorch(self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None):
        self.calls.append(("torch", askConfirmation, forceComputationBackend, torchVersionRequirement))
        if not self.agree:
            return None
        self.missing -= {"torch", "torchvision"}
        return types.ModuleType("torch")

    def pip_install(self, arguments):
        self.calls.append(("pip", tuple(arguments)))
        self.missing.clear()


@pytest.fixture
def user(host, hands):
    return User(host, hands)


def test_entering_the_module_installs_nothing_and_asks_nothing(host, hands, monkeypatch):
    import EvanySegSlicerLib.desktop.setup.dependencies  # noqa: F401

    record = Recorder(monkeypatch)
    user = User(host, hands)
    assert record.calls == []
    assert user.ui.installButton.isVisible()
    assert "Missing: PyTorch" in user.status()
    assert "Nothing is installed before you ask" in user.status()


def test_one_button_installs_all_after_asking(host, hands, monkeypatch):
    record = Recorder(monkeypatch)
    user = User(host, hands)
    user.click("installButton")
    kinds = [call[0] for call in record.calls]
    assert kinds == ["torch", "asked", "pip"]
    assert record.calls[0] == ("torch", True, None, ">=2.4"), "asked for by PyTorchUtils itself, no backend forced"
    arguments = record.calls[-1][1]
    assert "--no-deps" in arguments
    assert not any(word in " ".join(arguments).lower() for word in ("numpy", "simpleitk", "vtk", "requests", "torch>"))
    assert not any("==" in argument for argument in arguments)
    assert user.status().startswith("Ready")
    assert not user.ui.installButton.isVisible()


def test_saying_no_changes_nothing(host, hands, monkeypatch):
    record = Recorder(monkeypatch, agree=False)
    user = User(host, hands)
    user.click("installButton")
    assert [call[0] for call in record.calls] == ["torch"]
    assert "Missing" in user.status()
    assert not user.panel.inputs.installer.to_be_resumed


def test_without_the_pytorch_extension_it_is_fetched_and_resumed_after_the_restart(host, hands, monkeypatch):
    record = Recorder(monkeypatch)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    manager = types.SimpleNamespace(
        installExtensionFromServer=lambda name, restart: record.calls.append(("extension", name, restart)) or True
    )
    host.app.extensionsManagerModel = lambda: manager
    user = User(host, hands)
    user.click("installButton")
    assert ("extension", "PyTorch", False) in record.calls
    assert host.app.restarts == 1
    assert user.panel.inputs.installer.to_be_resumed
    # after the restart the extension is there, and entering the module goes on
    host.leave_module()
    record = Recorder(monkeypatch)
    host.selectModule("EvanySegSlicer")
    assert [call[0] for call in record.calls] == ["torch", "asked", "pip"]
    assert not user.panel.inputs.installer.to_be_resumed


def test_a_failing_extension_server_says_what_to_do(host, hands, monkeypatch):
    Recorder(monkeypatch)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    host.app.extensionsManagerModel = lambda: types.SimpleNamespace(installExtensionFromServer=lambda *a: False)
    user = User(host, hands)
    user.click("installButton")
    assert "Extensions Manager" in user.status()
    assert not user.panel.inputs.installer.to_be_resumed


def test_a_model_without_its_packages_is_said_in_one_sentence(host, hands):
    """Drawing before anything is installed: the missing import reaches the status line, nothing breaks."""
    from desktop import module
    from evanyseg.models import ModelSpec, Registry
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    def missing(spec, path, device):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    segmenters, estimators = Registry("segmenter"), Registry("estimator")
    segmenters.register(ModelSpec("builtin", "Needs torch", missing))
    estimators.register(ModelSpec("builtin", "Needs torch", missing))
    user = User(host, hands, ModelStore(segmenters, estimators))
    user.draw()
    assert "Install" in user.status()
    assert "torch" in user.status()
    assert user.rows == []
    assert module.MODULE.is_file()
