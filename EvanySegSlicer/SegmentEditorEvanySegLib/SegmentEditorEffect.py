"""The Segment Editor effect "EvanySeg box": what Slicer calls, handed on to EvanySegSlicerLib.desktop.effect.

Slicer loads this file as the global module `SegmentEditorEvanySegLib` (the folder's name), so it has absolute imports
only and nothing else lies in the folder. It keeps no model.
"""

import os

import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Drag a box on a slice: the selected segment gets a mask there, scored and coloured."""

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "EvanySeg box"  # not translated: modules find effects by name
        scriptedEffect.title = _("EvanySeg box")
        scriptedEffect.perSegment = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.delegate = None

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        cloned = effects.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(__file__.replace("\\", "/"))
        return cloned

    def icon(self):
        folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        path = os.path.join(folder, "Resources", "Icons", "EvanySegBox.png")
        return qt.QIcon(path) if os.path.exists(path) else qt.QIcon()

    def helpText(self):
        return "<html>" + _(
            "Drag a box around an object on a slice view: it is segmented, and the predicted quality of the mask is "
            "shown by colour, in words and as a number.<br/>Another box replaces the mask of that slice. Masking "
            "settings, editable area and undo work as with any effect. <b>Esc</b> cancels a box."
        )

    def setupOptionsFrame(self):
        from EvanySegSlicerLib.desktop.effect import EffectDelegate

        self.delegate = EffectDelegate(self.scriptedEffect)
        self.delegate.set_up_options()

    def activate(self):
        self.delegate.activate()

    def deactivate(self):
        if self.delegate is not None:
            self.delegate.deactivate()

    def cleanup(self):
        if self.delegate is not None:
            self.delegate.cleanup()
            self.delegate = None

    def setMRMLDefaults(self):
        pass  # no parameters of its own: models are those of the EvanySeg module

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget):
        return self.delegate is not None and self.delegate.process(callerInteractor, eventId, viewWidget)

    def processViewNodeEvents(self, callerViewNode, eventId, viewWidget):
        if self.delegate is not None:
            self.delegate.view_changed(viewWidget)

    def sourceVolumeNodeChanged(self):
        if self.delegate is not None:
            self.delegate.drop()

    def updateGUIFromMRML(self):
        if self.delegate is not None:
            self.delegate.refresh()

    def updateMRMLFromGUI(self):
        pass  # nothing here is stored
