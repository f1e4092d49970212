"""slicer.app and the layout manager of the stand-in."""

from __future__ import annotations

import tempfile

from PySide6 import QtCore, QtWidgets

from .slice_view import SliceWidget

VIEWS = ("Red", "Green", "Yellow")


class ModuleManager(QtCore.QObject):
    moduleAboutToBeUnloaded = QtCore.Signal(str)
    modulesLoaded = QtCore.Signal("QStringList")

    def __init__(self) -> None:
        super().__init__()
        self.modules: dict[str, object] = {}

    def module(self, name: str):
        return self.modules.get(name)


class LayoutManager(QtCore.QObject):
    layoutChanged = QtCore.Signal(int)

    def __init__(self, core) -> None:
        super().__init__()
        self._widgets: dict[str, SliceWidget] = {}
        self.layout = 3
        for name in VIEWS:
            self._widgets[name] = SliceWidget(core.slice_logics[name], core.application_logic)

    def sliceViewNames(self):
        return tuple(self._widgets)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return self._widgets.get(name)

    def setLayout(self, layout: int) -> None:
        self.layout = layout
        self.layoutChanged.emit(layout)

    @property
    def threeDViewCount(self) -> int:
        return 0


class Application(QtCore.QObject):
    """qSlicerApplication: one per Host; Qt's own application object lives as long as the process."""

    startupCompleted = QtCore.Signal()
    focusObjectChanged = QtCore.Signal("QObject*")

    def __init__(self, core) -> None:
        super().__init__()
        self._qt = QtWidgets.QApplication.instance()
        self._logic, self._scene = core.application_logic, core.scene
        self._layout_manager = LayoutManager(core)
        self._module_manager = ModuleManager()
        self._testing = True
        self._folder = tempfile.mkdtemp(prefix="standin-")
        self._settings = QtCore.QSettings(f"{self._folder}/settings.ini", QtCore.QSettings.Format.IniFormat)
        self.applicationName, self.mainApplicationName = "Slicer", "Slicer"
        self.temporaryPath = self.cachePath = self._folder
        self.majorVersion, self.minorVersion = 5, 12
        self.restarts = 0
        self._qt.focusObjectChanged.connect(self.focusObjectChanged)

    def layoutManager(self):
        return self._layout_manager

    def moduleManager(self):
        return self._module_manager

    def applicationLogic(self):
        return self._logic

    def mrmlScene(self):
        return self._scene

    def userSettings(self):
        return self._settings

    settings = userSettings

    def testingEnabled(self) -> bool:
        return self._testing

    def topLevelWidgets(self):
        return QtWidgets.QApplication.topLevelWidgets()

    def focusWidget(self):
        return QtWidgets.QApplication.focusWidget()

    def processEvents(self, *args) -> None:
        self._qt.processEvents()

    def setOverrideCursor(self, cursor) -> None:
        QtWidgets.QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        QtWidgets.QApplication.restoreOverrideCursor()

    def translate(self, context: str, text: str) -> str:
        return text

    def tr(self, text: str) -> str:
        return text

    def restart(self) -> None:
        self.restarts += 1

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"https://example.org/{name}"

    def clipboard(self):
        return QtWidgets.QApplication.clipboard()

    def pauseRender(self) -> None:
        pass

    def resumeRender(self) -> None:
        pass
