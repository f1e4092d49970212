"""Installs what is missing, after asking, and only through the PyTorch extension and Slicer's own pip.

Never touches numpy, SimpleITK, vtk or requests: `--no-deps` packages only. PyTorch is asked for when a chosen model
needs it; each question says how much would be fetched.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from evanyseg.errors import EvanySegError

from ...presenters.setup.readiness import (
    BESIDE_TORCH_SIZE,
    BUILT_IN_SIZE,
    LEARNING_SIZE,
    TORCH_MINIMUM,
    TORCH_SIZE,
    Readiness,
    check,
    missing_for_learning,
)

RESUME_KEY = "EvanySegSlicer/ResumeInstallation"
"""Application setting: Slicer was restarted in the middle of an installation; go on when the module is opened."""


class Installer:
    """One button's worth of work. `engine_folder`: the module's own `evanyseg`."""

    def __init__(self, engine_folder: Path) -> None:
        self._folder = engine_folder

    def readiness(self, needs_torch: str = "", on_server: bool = False) -> Readiness:
        """needs_torch: title of the chosen model that needs PyTorch, '' for none; on_server: networks run elsewhere."""
        return check(self._folder, needs_torch, on_server=on_server)

    @property
    def to_be_resumed(self) -> bool:
        return slicer.util.settingsValue(RESUME_KEY, False, converter=slicer.util.toBool)

    def install(self, needs_torch: str = "", on_server: bool = False) -> Readiness:
        """Ask, install, and say what is missing still. Raises EvanySegError with what to do when it cannot go on."""
        found = self.readiness(needs_torch, on_server)
        if found.refusal:
            raise EvanySegError(found.refusal)
        if found.packages and not self._install(found.packages, _("The built-in models need"), BUILT_IN_SIZE):
            return found
        if not needs_torch:
            return self.readiness("", on_server)
        if not found.torch and not self._install_torch(needs_torch):
            return self.readiness(needs_torch)
        beside = self.readiness(needs_torch).beside_torch
        if beside:
            self._install(beside, _("{model} needs").format(model=needs_torch), BESIDE_TORCH_SIZE)
        self._remember(False)
        return self.readiness(needs_torch)

    def install_for_learning(self) -> bool:
        """Ask for what learning from corrections needs, if it is missing; False when the user does not want it."""
        missing = missing_for_learning()
        return not missing or self._install(missing, _("Learning from corrections needs"), LEARNING_SIZE)

    def _install(self, packages: tuple[str, ...], who: str, size: str) -> bool:
        """False when the user does not want them."""
        names = ", ".join(package.split(">")[0] for package in packages)
        text = _("{who} these Python packages: {names} ({size} to download). Install them now?")
        if not slicer.util.confirmOkCancelDisplay(text.format(who=who, names=names, size=size)):
            return False
        # what they would pull in (numpy, torch, protobuf, ...) is Slicer's, PyTorch's, or not needed to run a network
        slicer.util.pip_install(["--no-deps", *packages])
        importlib.invalidate_caches()
        return True

    def _install_torch(self, model: str) -> bool:
        try:
            import PyTorchUtils
        except ImportError:
            self._install_extension(model)
            return False
        question = _("{model} needs PyTorch ({size} to download). Install it now? The built-in models do not need it.")
        if not slicer.util.confirmOkCancelDisplay(question.format(model=model, size=TORCH_SIZE)):
            return False
        logic = PyTorchUtils.PyTorchUtilsLogic()
        self._remember(True)  # the user may restart Slicer when told to
        done = logic.installTorch(askConfirmation=False, torchVersionRequirement=f">={TORCH_MINIMUM}")
        if done is None:
            self._remember(False)
            return False
        return True

    def _install_extension(self, model: str) -> None:
        """The PyTorch extension itself is missing: fetch it from the Extensions Manager, then restart."""
        question = _(
            "{model} needs PyTorch, which comes through the PyTorch extension. Install the extension now (under 1 MB)? "
            "Slicer has to restart afterwards; PyTorch itself ({size}) is asked for then."
        )
        if not slicer.util.confirmOkCancelDisplay(question.format(model=model, size=TORCH_SIZE)):
            return
        manager = slicer.app.extensionsManagerModel()
        if not manager.installExtensionFromServer("PyTorch", False):
            raise EvanySegError(
                "The PyTorch extension could not be installed: open View / Extensions Manager, install 'PyTorch' there "
                "and restart Slicer."
            )
        self._remember(True)
        if slicer.util.confirmOkCancelDisplay(_("Restart Slicer now? The installation goes on afterwards.")):
            slicer.util.restart()

    def _remember(self, resume: bool) -> None:
        qt.QSettings().setValue(RESUME_KEY, resume)
