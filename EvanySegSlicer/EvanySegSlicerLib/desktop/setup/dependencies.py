"""Installs what is missing, after asking, and only through the PyTorch extension and Slicer's own pip.

Never touches numpy, SimpleITK, vtk or requests: `--no-deps` packages only, all pure Python or torch's own.
"""

from __future__ import annotations

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from evanyseg.errors import EvanySegError

from ...presenters.setup.readiness import TORCH_MINIMUM, Readiness, check

RESUME_KEY = "EvanySegSlicer/ResumeInstallation"
"""Application setting: Slicer was restarted in the middle of an installation; go on when the module is opened."""


class Installer:
    """One button's worth of work. `engine_folder`: the module's own `evanyseg`."""

    def __init__(self, engine_folder: Path) -> None:
        self._folder = engine_folder

    def readiness(self) -> Readiness:
        return check(self._folder)

    @property
    def to_be_resumed(self) -> bool:
        return slicer.util.settingsValue(RESUME_KEY, False, converter=slicer.util.toBool)

    def install(self) -> Readiness:
        """Ask, install, and say what is missing still. Raises EvanySegError with what to do when it cannot go on."""
        found = self.readiness()
        if found.refusal:
            raise EvanySegError(found.refusal)
        if found.ready:
            return found
        if not found.torch and not self._install_torch():
            return self.readiness()
        packages = self.readiness().packages
        if packages and self._agreed(packages):
            # segment-anything and timm would pull numpy, torch and torchvision in; those are Slicer's and PyTorch's
            slicer.util.pip_install(["--no-deps", *packages])
        self._remember(False)
        return self.readiness()

    def _install_torch(self) -> bool:
        try:
            import PyTorchUtils
        except ImportError:
            self._install_extension()
            return False
        logic = PyTorchUtils.PyTorchUtilsLogic()
        self._remember(True)  # the user may restart Slicer when told to
        done = logic.installTorch(askConfirmation=True, torchVersionRequirement=f">={TORCH_MINIMUM}")
        if done is None:
            self._remember(False)  # declined
            return False
        return True

    def _install_extension(self) -> None:
        """The PyTorch extension itself is missing: fetch it from the Extensions Manager, then restart."""
        question = _("EvanySeg needs the PyTorch extension. Install it now? Slicer has to restart afterwards.")
        if not slicer.util.confirmOkCancelDisplay(question):
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

    def _agreed(self, packages: tuple[str, ...]) -> bool:
        text = _("These Python packages are missing and will be installed: {names}. Continue?")
        return slicer.util.confirmOkCancelDisplay(text.format(names=", ".join(packages)))

    def _remember(self, resume: bool) -> None:
        qt.QSettings().setValue(RESUME_KEY, resume)
