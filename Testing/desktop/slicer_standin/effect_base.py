"""SegmentEditorEffects of the stand-in: the base class of scripted effects."""

from __future__ import annotations

import qt
import slicer


class AbstractScriptedSegmentEditorEffect:
    """Reaches the C++ adaptor through `self.scriptedEffect`."""

    def __init__(self, scriptedEffect) -> None:
        self.scriptedEffect = scriptedEffect

    def register(self) -> None:
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self) -> None:
        pass

    def xyToRas(self, xy, viewWidget) -> list[float]:
        ras = self.scriptedEffect.xyToRas(qt.QPoint(int(xy[0]), int(xy[1])), viewWidget)
        return [ras.x(), ras.y(), ras.z()]

    def rasToXy(self, ras, viewWidget) -> list[int]:
        point = self.scriptedEffect.rasToXy(qt.QVector3D(*ras), viewWidget)
        return [point.x(), point.y()]
