"""The EvanySeg module of 3D Slicer: metadata, sample data, and a shell around EvanySegSlicerLib."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

if TYPE_CHECKING:
    import qt
    from qSlicerBaseQTGUI import qSlicerScriptedLoadableModule
    from vtkmodules.vtkCommonCore import vtkObject

    from EvanySegSlicerLib.desktop.panel import Panel
    from EvanySegSlicerLib.desktop.setup.parameters import PanelParameters

MODULE_FOLDER = os.path.dirname(os.path.abspath(__file__))


class EvanySegSlicer(ScriptedLoadableModule):
    """What Slicer shows about the module. Nothing heavy: no model, no torch."""

    def __init__(self, parent: qSlicerScriptedLoadableModule) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("EvanySeg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["The EvanySegSlicer contributors"]
        parent.helpText = _(
            "Can I trust this mask? Draw a box on a slice: a SAM variant segments it, a quality estimator predicts how "
            "good the mask is without ground truth, and slices are coloured by it, worst first."
        )
        parent.acknowledgementText = _(
            "Built on EvanySeg (Senbi et al.), the Segment Anything Model and its medical descendants; citations: see "
            "the project's README. Research software, not for clinical use."
        )
        slicer.app.connect("startupCompleted()", on_startup)


def on_startup() -> None:
    """Once Slicer has started: sample data, and the Segment Editor effect (it would not be found by folder)."""
    register_sample_data()
    register_effect()


def register_sample_data() -> None:
    """Slicer's own public samples, by URL and SHA-256, under this module's heading in Sample Data."""
    try:
        from SampleData import SampleDataLogic
    except ImportError:  # Slicer was built without the module
        return
    with open(os.path.join(MODULE_FOLDER, "Resources", "samples.json"), encoding="utf-8") as file:
        samples = json.load(file)["samples"]
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):  # newer than Slicer 5.10
        SampleDataLogic.registerCustomSampleDataCategory("EvanySeg", title=_("EvanySeg"))
    icons = os.path.join(MODULE_FOLDER, "Resources", "Icons")
    for sample in samples:
        SampleDataLogic.registerCustomSampleDataSource(
            category="EvanySeg",
            sampleName=sample["name"],
            thumbnailFileName=os.path.join(icons, sample["icon"]),
            uris=sample["url"],
            fileNames=sample["file"],
            checksums="SHA256:" + sample["sha256"],
            nodeNames=sample["node"],
        )


def register_effect() -> None:
    """Make the effect known to the Segment Editor, as Slicer's own loader does it."""
    import qSlicerSegmentationsEditorEffectsPythonQt as effects

    path = os.path.join(MODULE_FOLDER, "SegmentEditorEvanySegLib", "SegmentEditorEffect.py")
    effect = effects.qSlicerSegmentEditorScriptedEffect(None)
    effect.setPythonSource(path.replace("\\", "/"))
    effect.self().register()


class EvanySegSlicerWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Loads the .ui file and hands it to the panel; forwards what Slicer calls."""

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.panel: Panel | None = None
        self.logic: EvanySegSlicerLogic | None = None

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        from EvanySegSlicerLib.desktop.panel import Panel

        widget = slicer.util.loadUI(self.resourcePath("UI/EvanySegSlicer.ui"))
        self.layout.addWidget(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = EvanySegSlicerLogic()
        self.panel = Panel(slicer.util.childWidgetVariables(widget), self.logic.getParameterNode, MODULE_FOLDER)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.StartImportEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndClose)
        if self.parent.isEntered:  # a reload while the module is shown
            self.panel.enter()

    def enter(self) -> None:
        if self.panel is not None:  # else setup has failed: its error stands in the log, another would hide it
            self.panel.enter()

    def exit(self) -> None:
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self) -> None:
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
            self.panel = None

    def onSceneStartClose(self, caller: vtkObject | None = None, event: str = "") -> None:
        if self.panel is not None:
            self.panel.leave_scene()

    def onSceneEndClose(self, caller: vtkObject | None = None, event: str = "") -> None:
        if self.panel is not None and self.parent.isEntered:
            self.panel.enter_scene()


class EvanySegSlicerLogic(ScriptedLoadableModuleLogic):
    """Gives the session's node, wrapped."""

    def getParameterNode(self) -> PanelParameters:
        from EvanySegSlicerLib.desktop.setup.parameters import wrapped
        from EvanySegSlicerLib.scene.nodes.session_node import SessionNode

        return wrapped(SessionNode.of_scene(slicer.mrmlScene).node)


class EvanySegSlicerTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer: box to coloured slice, review, save and load, with no network and nothing to install."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def runTest(self) -> None:
        from EvanySegSlicerLib.desktop.setup import self_test

        for name, check in self_test.CHECKS.items():
            self.setUp()
            self.delayDisplay(name)
            check()
