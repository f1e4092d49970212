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


TORCH = ("torch", "torchvision", "timm", "segment_anything")


def test_the_built_in_models_are_ready_without_pytorch():
    found = readiness.check(ENGINE, "", finder(*TORCH), LINUX)
    assert found.ready
    assert "no download" in found.sentence


def test_what_the_built_in_models_lack_is_named_with_its_size():
    found = readiness.check(ENGINE, "", finder("onnxruntime", "safetensors", *TORCH), LINUX)
    assert not found.ready
    assert found.packages == ("onnxruntime>=1.19", "safetensors>=0.4")
    assert found.sentence == ("Missing: onnxruntime, safetensors (30 MB). Nothing is installed before you ask.")


def test_the_built_in_models_run_on_pytorch_where_only_that_is_there():
    assert readiness.check(ENGINE, "", finder("onnxruntime"), LINUX).ready
    assert not readiness.check(ENGINE, "", finder("onnxruntime", "torch"), LINUX).ready


def test_what_a_chosen_model_lacks_is_named():
    found = readiness.check(ENGINE, "SAM", finder("torch", "timm"), LINUX)
    assert not found.ready
    assert found.beside_torch == ("timm>=1.0",)
    assert found.sentence.startswith("Missing: PyTorch, timm. SAM needs PyTorch; the built-in models do not.")
    assert readiness.check(ENGINE, "SAM", finder(), LINUX).ready


def test_macs_with_an_intel_processor_run_the_built_in_models_and_refuse_others_in_a_sentence():
    intel = ("darwin", "x86_64")
    found = readiness.check(ENGINE, "SAM", finder(), intel)
    assert not found.ready
    assert "SAM cannot run on a Mac with an Intel processor" in found.refusal
    assert "Choose a built-in model" in found.refusal
    assert readiness.check(ENGINE, "", finder(*TORCH), intel).ready
    assert readiness.check(ENGINE, "SAM", finder(), ("darwin", "arm64")).ready


def test_another_evanyseg_in_the_way_is_refused(tmp_path):
    found = readiness.check(tmp_path / "EvanySegSlicer" / "evanyseg", "", finder(), LINUX)
    assert "hides the one of this extension" in found.refusal
    assert "pip_uninstall" in found.refusal


class Recorder:
    """Stands for PyTorchUtils, pip and the Extensions Manager; says what was asked of them."""

    def __init__(self, monkeypatch, agree=True) -> None:
        self.calls: list[tuple] = []
        self.missing = {"onnxruntime", "safetensors", *TORCH}
        monkeypatch.setattr("EvanySegSlicerLib.desktop.setup.dependencies.check", self.check)
        monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **k: self.ask(text, agree))
        monkeypatch.setattr(slicer.util, "pip_install", self.pip_install)
        module = types.ModuleType("PyTorchUtils")
        module.PyTorchUtilsLogic = lambda: self
        monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
        self.agree = agree

    def check(self, folder, needs_torch="", on_server=False):
        return readiness.check(folder, needs_torch, finder(*self.missing), LINUX, on_server)

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
        installed = {argument.split(">")[0].replace("-", "_") for argument in arguments}
        self.missing -= installed


@pytest.fixture
def user(host, hands):
    return User(host, hands)


def test_entering_the_module_installs_nothing_and_asks_nothing(host, hands, monkeypatch):
    import EvanySegSlicerLib.desktop.setup.dependencies  # noqa: F401

    record = Recorder(monkeypatch)
    user = User(host, hands)
    assert record.calls == []
    assert user.ui.installButton.isVisible()
    assert "Missing: onnxruntime, safetensors (30 MB)" in user.status()
    assert "PyTorch" not in user.status()
    assert "Nothing is installed before you ask" in user.status()


def test_one_button_makes_the_built_in_models_ready_without_pytorch(host, hands, monkeypatch):
    record = Recorder(monkeypatch)
    user = User(host, hands)
    user.click("installButton")
    assert [call[0] for call in record.calls] == ["asked", "pip"]
    assert "onnxruntime, safetensors (30 MB to download)" in record.calls[0][1]
    assert_pip_is_careful(record.calls[1][1])
    assert user.status().startswith("Ready")
    assert not user.ui.installButton.isVisible()


def with_sam():
    """Registries of doubles, and one that needs PyTorch."""
    from doubles import KnownTruthEstimator, ThresholdSegmenter
    from evanyseg.models import ModelSpec, Registry
    from evanyseg.models.spec import TORCH as ON_TORCH
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    segmenters, estimators = Registry("segmenter"), Registry("estimator")
    segmenters.register(ModelSpec("builtin", "Built-in", lambda *_: ThresholdSegmenter(), backends=("onnx",)))
    segmenters.register(ModelSpec("sam-vit-b", "SAM ViT-B", lambda *_: ThresholdSegmenter(), backends=ON_TORCH))
    estimators.register(ModelSpec("builtin", "Built-in", lambda *_: KnownTruthEstimator(), backends=("onnx",)))
    return ModelStore(segmenters, estimators)


def assert_pip_is_careful(arguments):
    assert "--no-deps" in arguments
    assert not any(word in " ".join(arguments).lower() for word in ("numpy", "simpleitk", "vtk", "requests", "torch>"))
    assert not any("==" in argument for argument in arguments)


def test_pytorch_is_asked_for_with_its_size_when_a_chosen_model_needs_it(host, hands, monkeypatch):
    record = Recorder(monkeypatch)
    record.missing -= {"onnxruntime", "safetensors"}
    user = User(host, hands, with_sam())
    assert user.status().startswith("Ready")
    user.choose("segmenterSelector", 1)
    assert user.ui.installButton.isVisible()
    assert "SAM ViT-B needs PyTorch" in user.status()
    assert record.calls == []
    user.click("installButton")
    assert [call[0] for call in record.calls] == ["asked", "torch", "asked", "pip"]
    assert "SAM ViT-B needs PyTorch (200 MB on a Mac" in record.calls[0][1]
    assert record.calls[1] == ("torch", False, None, ">=2.4"), "asked once, with its size; no backend forced"
    assert "timm, segment-anything (4 MB to download)" in record.calls[2][1]
    assert_pip_is_careful(record.calls[3][1])
    assert user.status() == "Ready."
    assert not user.ui.installButton.isVisible()


def test_going_back_to_the_built_in_model_needs_nothing(host, hands, monkeypatch):
    record = Recorder(monkeypatch)
    record.missing -= {"onnxruntime", "safetensors"}
    user = User(host, hands, with_sam())
    user.choose("segmenterSelector", 1)
    user.choose("segmenterSelector", 0)
    assert not user.ui.installButton.isVisible()
    assert record.calls == []


def test_saying_no_changes_nothing(host, hands, monkeypatch):
    record = Recorder(monkeypatch, agree=False)
    user = User(host, hands)
    user.click("installButton")
    assert [call[0] for call in record.calls] == ["asked"]
    assert "Missing" in user.status()
    assert not user.panel.inputs.installer.to_be_resumed


def test_saying_no_to_pytorch_changes_nothing(host, hands, monkeypatch):
    record = Recorder(monkeypatch, agree=False)
    record.missing -= {"onnxruntime", "safetensors"}
    user = User(host, hands, with_sam())
    user.choose("segmenterSelector", 1)
    user.click("installButton")
    assert [call[0] for call in record.calls] == ["asked"]
    assert "Missing: PyTorch" in user.status()
    assert not user.panel.inputs.installer.to_be_resumed


def test_without_the_pytorch_extension_it_is_fetched_and_resumed_after_the_restart(host, hands, monkeypatch):
    record = Recorder(monkeypatch)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    manager = types.SimpleNamespace(
        installExtensionFromServer=lambda name, restart: record.calls.append(("extension", name, restart)) or True
    )
    host.app.extensionsManagerModel = lambda: manager
    user = User(host, hands, with_sam())
    user.choose("segmenterSelector", 1)
    user.click("installButton")
    assert ("extension", "PyTorch", False) in record.calls
    assert host.app.restarts == 1
    assert user.panel.inputs.installer.to_be_resumed
    # after the restart the extension is there, and entering the module goes on
    host.leave_module()
    record = Recorder(monkeypatch)
    host.selectModule("EvanySegSlicer")
    assert [call[0] for call in record.calls] == ["asked", "pip", "asked", "torch", "asked", "pip"]
    assert not user.panel.inputs.installer.to_be_resumed


def test_a_failing_extension_server_says_what_to_do(host, hands, monkeypatch):
    Recorder(monkeypatch)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    host.app.extensionsManagerModel = lambda: types.SimpleNamespace(installExtensionFromServer=lambda *a: False)
    user = User(host, hands, with_sam())
    user.choose("segmenterSelector", 1)
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
