"""Boots a fresh 'desktop Slicer': scene, logics, slice views, main window, and loads scripted modules into it."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
import types
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from EvanySegSlicerLib.scene.headless.boot import boot

from . import connections, ctk_widgets, mrml_widgets, pythonqt, strict, ui_loader
from .application import VIEWS, Application
from .module_object import ModuleObject, ScriptedWidget
from .segment_editor import effects_module, segment_editor_classes

if sys.version_info < (3, 12):  # noqa: UP036
    # PySide6 6.12 gives a reference to None, True or False away with many calls (processEvents too). Python 3.12 made
    # them immortal; before, thousands of calls would end the interpreter with "deallocating None".
    for _constant in (None, True, False):
        ctypes.c_ssize_t.from_address(id(_constant)).value += 1 << 40

if QtWidgets.QApplication.instance() is None:
    _qt_application = QtWidgets.QApplication(["standin"])
    _qt_application.setStyle("Fusion")
    pythonqt.adapt_all()


def install_python_modules() -> str | None:
    """Put qt, ctk and the slicer.* desktop modules in place; returns the Slicer source tree in use, if any."""
    if "qt" not in sys.modules:
        qt = pythonqt.qt_module()
        qt.QUiLoader = ui_loader._Loader
        sys.modules["qt"] = qt
        sys.modules["ctk"] = ctk_widgets.ctk_module()
        for name, cls in {**mrml_widgets.WIDGETS, **segment_editor_classes()}.items():
            setattr(slicer, name, cls)
        slicer.qSlicerScriptedLoadableModuleWidget, slicer.qSlicerScriptedLoadableModule = ScriptedWidget, ModuleObject
        sys.modules["qSlicerSegmentationsEditorEffectsPythonQt"] = effects_module()
        slicer.modules = types.SimpleNamespace()
    source = os.environ.get("SLICER_SOURCE_DIR")
    if source:
        folder = str(Path(source) / "Base" / "Python" / "slicer")
        if folder not in slicer.__path__:
            slicer.__path__.append(folder)
            effects = Path(source, "Modules/Loadable/Segmentations/EditorEffects/Python")
            sys.path.append(str(effects))
        # desktop Slicer has its C++ modules at the top level
        sys.modules.setdefault("vtkITK", importlib.import_module("slicer_core.vtkITK"))
        for name in ("i18n", "ScriptedLoadableModule", "parameterNodeWrapper"):
            setattr(slicer, name, importlib.import_module(f"slicer.{name}"))
        return source
    if "slicer.ScriptedLoadableModule" not in sys.modules:
        from . import translation

        sys.modules["slicer.i18n"] = slicer.i18n = translation
        from . import scripted_module

        sys.modules["slicer.ScriptedLoadableModule"] = slicer.ScriptedLoadableModule = scripted_module
        from . import parameter_node

        sys.modules["slicer.parameterNodeWrapper"] = slicer.parameterNodeWrapper = parameter_node
        from . import effect_base

        sys.modules["SegmentEditorEffects"] = effect_base
    return None


class MainWindow(QtWidgets.QMainWindow):
    """Panel on the left, three slice views on the right, a status bar: 1366 x 768 as on a small laptop."""

    def __init__(self, layout_manager) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.resize(1366, 768)
        center = QtWidgets.QWidget()
        row = QtWidgets.QHBoxLayout(center)
        row.setContentsMargins(0, 0, 0, 0)
        self.scroll = QtWidgets.QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setFixedWidth(470)
        row.addWidget(self.scroll)
        grid = QtWidgets.QGridLayout()
        grid.setSpacing(2)
        for name, place in zip(VIEWS, ((0, 0, 2, 1), (0, 1, 1, 1), (1, 1, 1, 1)), strict=True):
            widget = layout_manager.sliceWidget(name)
            widget.setMinimumSize(200, 200)
            grid.addWidget(widget, *place)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 2)
        row.addLayout(grid, 1)
        self.setCentralWidget(center)
        self.statusBar().showMessage("")


class Host:
    """One application run. Use as a context manager, or call close()."""

    def __init__(self, show: bool = True) -> None:
        self.source = install_python_modules()
        vtk.vtkObject.GlobalWarningDisplayOff()  # slicer-core lacks terminology files and says so
        self.core = boot()
        self.scene = slicer.mrmlScene = self.core.scene
        for name, logic in self.core.module_logics.items():
            setattr(slicer.modules, name.lower(), types.SimpleNamespace(logic=lambda m=logic: m, name=name))
        slicer.app = self.app = Application(self.core)
        self.window = MainWindow(self.app.layoutManager())
        self.window.moduleSelector = lambda: self
        self.current: str | None = None
        slicer.qSlicerSegmentEditorEffectFactory.reset()
        if show:
            self.window.show()
            self.app.processEvents()

    # modules
    def load_module(self, path: Path) -> ModuleObject:
        """Load a scripted module as Slicer's factory does: source as a global module, class of the file's name."""
        name = path.stem
        strict.CALLERS.add(name)
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(name, path)
        python = importlib.util.module_from_spec(spec)
        sys.modules[name] = python
        spec.loader.exec_module(python)
        module = ModuleObject(name, str(path))
        self.app.moduleManager().modules[name] = module
        setattr(slicer.modules, name.lower(), module)
        module.instance = getattr(python, name)(module)
        return module

    def finish_startup(self) -> None:
        self.app.startupCompleted.emit()
        self.app.processEvents()

    def selectModule(self, name: str):
        """Leave the current module, enter `name` (its widget is made on the first visit)."""
        manager = self.app.moduleManager()
        if self.current is not None and self.current != name:
            manager.module(self.current).widgetRepresentation().exit()
            self.window.scroll.takeWidget()
        widget = manager.module(name).widgetRepresentation()
        if self.current != name:
            self.window.scroll.setWidget(widget)
            widget.show()
            self.current = name
            widget.enter()
        self.app.processEvents()
        return widget

    @property
    def selectedModule(self) -> str | None:
        return self.current

    def leave_module(self) -> None:
        if self.current is not None:
            self.app.moduleManager().module(self.current).widgetRepresentation().exit()
            self.window.scroll.takeWidget().hide()
            self.current = None

    def close_scene(self) -> None:
        self.scene.Clear(0)
        self.app.processEvents()

    def view(self, name: str):
        return self.app.layoutManager().sliceWidget(name).sliceView()

    def close(self) -> None:
        """What Slicer does at exit: leave the module, clean its widget up, close the scene and the views."""
        manager = self.app.moduleManager()
        self.leave_module()
        for module in manager.modules.values():
            module.close()
        for name in VIEWS:
            self.view(name).close_view()
        self.window.close()
        self.window.deleteLater()
        self.core.close()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
        QtWidgets.QApplication.instance().processEvents()
        left = connections.left()
        connections.clear()
        assert not left, f"still connected after Slicer has closed, which keeps them alive: {left}"

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *error) -> None:
        self.close()
