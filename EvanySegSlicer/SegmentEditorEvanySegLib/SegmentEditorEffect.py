"""The Segment Editor effect "EvanySeg box": what Slicer calls, handed on to EvanySegSlicerLib.desktop.effect.

Slicer loads this file as the global module `SegmentEditorEvanySegLib` (the folder's name), so it has absolute imports
only and nothing else lies in the folder. It keeps no model.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from qSlicerSegmentationsEditorEffectsPythonQt import qSlicerSegmentEditorScriptedEffect
    from slicer import qMRMLWidget, vtkMRMLAbstractViewNode
    from vtkmodules.vtkRenderingCore import vtkRenderWindowInteractor

    from EvanySegSlicerLib.desktop.effect import EffectDelegate


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Drag a box on a slice: the selected segment gets a mask there, scored and coloured."""

    def __init__(self, scriptedEffect: qSlicerSegmentEditorScriptedEffect) -> None:
        scriptedEffect.name = "EvanySeg box"  # not translated: modules find effects by name
        scriptedEffect.title = _("EvanySeg box")
        scriptedEffect.perSegment = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.delegate: EffectDelegate | None = None

    def clone(self) -> qSlicerSegmentEditorScriptedEffect:
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        cloned = effects.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(__file__.replace("\\", "/"))
        return cloned

    def icon(self) -> qt.QIcon:
        folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        path = os.path.join(folder, "Resources", "Icons", "EvanySegBox.png")
        return qt.QIcon(path) if os.path.exists(path) else qt.QIcon()

    def helpText(self) -> str:
        return "<html>" + _(
            "Drag a box around an object on a slice view: it is segmented, and the predicted quality of the mask is "
            "shown by colour, in words and as a number.<br/>Another box replaces the mask of that slice. Masking "
            "settings, editable area and undo work as with any effect. <b>Esc</b> cancels a box."
        )

    def setupOptionsFrame(self) -> None:
        from EvanySegSlicerLib.desktop.effect import EffectDelegate

        self.delegate = EffectDelegate(self.scriptedEffect)
        self.delegate.set_up_options()

    def activate(self) -> None:
        if self.delegate is not None:
            self.delegate.activate()

    def deactivate(self) -> None:
        if self.delegate is not None:
            self.delegate.deactivate()

    def cleanup(self) -> None:
        if self.delegate is not None:
            self.delegate.cleanup()
            self.delegate = None

    def setMRMLDefaults(self) -> None:
        pass  # no parameters of its own: models are those of the EvanySeg module

    def processInteractionEvents(
        self, callerInteractor: vtkRenderWindowInteractor, eventId: int, viewWidget: qMRMLWidget
    ) -> bool:
        return self.delegate is not None and self.delegate.process(callerInteractor, eventId, viewWidget)

    def processViewNodeEvents(
        self, callerViewNode: vtkMRMLAbstractViewNode, eventId: int, viewWidget: qMRMLWidget
    ) -> None:
        if self.delegate is not None:
            self.delegate.view_changed(viewWidget)

    def sourceVolumeNodeChanged(self) -> None:
        if self.delegate is not None:
            self.delegate.drop()

    def updateGUIFromMRML(self) -> None:
        if self.delegate is not None:
            self.delegate.refresh()

    def updateMRMLFromGUI(self) -> None:
        pass  # nothing here is stored
