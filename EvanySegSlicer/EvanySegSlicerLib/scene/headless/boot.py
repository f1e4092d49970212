"""A real Slicer scene without Slicer's window: for tests, the demo and the web front end (slicer-core).

Desktop Slicer has all of this already; nothing here is called there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from evanyseg.errors import EvanySegError
from evanyseg.io.scratch import SCENE, scratch_folder

from .scene_files import load_mrb, save_mrb

if TYPE_CHECKING:
    from slicer import (
        vtkMRMLCrosshairNode,
        vtkMRMLScene,
        vtkMRMLSliceLogic,
        vtkMRMLSliceNode,
        vtkMRMLViewNode,
        vtkMRMLVolumeNode,
        vtkSlicerApplicationLogic,
        vtkSlicerColorLogic,
        vtkSlicerModuleLogic,
        vtkSlicerSegmentationsModuleLogic,
    )

SLICE_VIEWS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
"""Slicer's three standard slice views: layout name -> orientation preset."""

_MODULE_LOGICS = {
    "Volumes": "vtkSlicerVolumesLogic",
    "Colors": "vtkSlicerColorLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
}


@dataclass
class HeadlessSlicer:
    """The scene and the logics that a front end hands around. Close it when done: `close()` empties the scene."""

    scene: vtkMRMLScene
    application_logic: vtkSlicerApplicationLogic
    slice_logics: dict[str, vtkMRMLSliceLogic]
    color_logic: vtkSlicerColorLogic
    segmentations_logic: vtkSlicerSegmentationsModuleLogic
    view_node: vtkMRMLViewNode
    crosshair: vtkMRMLCrosshairNode
    module_logics: dict[str, vtkSlicerModuleLogic] = field(default_factory=dict)
    _keep: list[object] = field(default_factory=list, repr=False)

    def slice_node(self, name: str) -> vtkMRMLSliceNode:
        return self.slice_logics[name].GetSliceNode()

    def show(self, volume: vtkMRMLVolumeNode, fit: bool = True) -> None:
        """Put `volume` in the background of the three slice views, turned to its own planes, at its middle."""
        for name, logic in self.slice_logics.items():
            logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
            node = logic.GetSliceNode()
            node.SetOrientation(SLICE_VIEWS[name])
            node.RotateToVolumePlane(volume)
            if fit:
                logic.FitSliceToBackground()
                logic.SnapSliceOffsetToIJK()

    def save_mrb(self, path: Path) -> None:
        """Write the whole scene; the file appears complete or not at all. Raises EvanySegError."""
        save_mrb(self.scene, path)

    def load_mrb(self, path: Path) -> None:
        """Replace the scene's content by a saved one. Raises EvanySegError."""
        load_mrb(self.scene, path)

    def close(self) -> None:
        self.scene.Clear(1)


def boot(cache_folder: Path | None = None) -> HeadlessSlicer:
    """A fresh scene with application, slice, colour, segmentation, markups and transform logics (about 0.2 s).

    `cache_folder` is where .mrb files are unpacked (default: a new temporary folder, removed with the object).
    Raises EvanySegError when slicer-core is not installed.
    """
    try:
        import slicer
    except ImportError:
        raise EvanySegError(
            "A scene needs Slicer: run inside 3D Slicer, or pip install 'evanyseg-slicer[scene]'."
        ) from None

    scene = slicer.vtkMRMLScene()
    app = slicer.vtkSlicerApplicationLogic()
    app.SetMRMLScene(scene)
    keep: list[object] = [_cache_manager(scene, cache_folder)]
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)

    logics: dict[str, vtkSlicerModuleLogic] = {}
    for name, class_name in _MODULE_LOGICS.items():
        made = _instance(slicer, class_name)
        made.SetMRMLApplicationLogic(app)
        made.SetMRMLScene(scene)
        app.SetModuleLogic(name, made)
        logics[name] = made
    color_logic = logics["Colors"]
    app.SetColorLogic(color_logic)

    import vtk

    collection = vtk.vtkCollection()
    slice_logics = {}
    for name, orientation in SLICE_VIEWS.items():
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(app)
        logic.SetMRMLScene(scene)
        node = logic.AddSliceNode(name)
        node.SetOrientation(orientation)
        node.SetDimensions(512, 512, 1)
        collection.AddItem(logic)
        slice_logics[name] = logic
    app.SetSliceLogics(collection)
    view_logics = vtk.vtkCollection()
    view_logic = slicer.vtkMRMLViewLogic()
    view_logic.SetMRMLScene(scene)
    view_node = view_logic.AddViewNode("1")
    view_logics.AddItem(view_logic)
    app.SetViewLogics(view_logics)
    keep += [collection, view_logics, view_logic]
    return HeadlessSlicer(
        scene=scene,
        application_logic=app,
        slice_logics=slice_logics,
        color_logic=color_logic,
        segmentations_logic=logics["Segmentations"],
        view_node=view_node,
        crosshair=crosshair,
        module_logics=logics,
        _keep=keep,
    )


def _instance(slicer: ModuleType, class_name: str) -> vtkSlicerModuleLogic:
    """Some wheels give the class, some a module of the same name that holds it."""
    found = getattr(slicer, class_name)
    return found() if isinstance(found, type) else getattr(found, class_name)()


def _cache_manager(scene: vtkMRMLScene, folder: Path | None) -> tuple[object, ...]:
    """Without a cache manager, reading .mrb files fails."""
    import slicer

    temporary = None
    if folder is None:
        temporary = scratch_folder(SCENE)
        folder = Path(temporary.name)
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(folder))
    cache.SetMRMLScene(scene)
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)
    return cache, manager, temporary
