"""Scenes and segmentations as files that desktop Slicer opens, written and read without its IO managers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from evanyseg.errors import EvanySegError
from evanyseg.io.write import atomic_path

from .bundle import unpacked_bundle

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLSegmentationNode


STORAGE = "vtkMRMLStorageNode"


def save_mrb(scene: vtkMRMLScene, path: Path) -> None:
    """Write the whole scene; the file appears complete or not at all. Raises EvanySegError."""
    path = Path(path).absolute()
    problem = f"The scene could not be written to {path}; is the disk full or the folder read-only?"
    scene.StartState(scene.SaveState)  # those who changed nodes for show put them back meanwhile
    try:
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=path.parent) as folder:
            part = Path(folder) / path.name  # its name becomes the name inside the archive
            scene.SetRootDirectory(folder)
            if not scene.WriteToMRB(str(part), None) or not part.is_file():
                raise EvanySegError(problem)
            part.replace(path)
    except OSError as error:
        raise EvanySegError(f"{problem} ({error.strerror})") from error
    finally:
        scene.SetRootDirectory(str(path.parent))
        scene.EndState(scene.SaveState)


def load_mrb(scene: vtkMRMLScene, path: Path) -> None:
    """Replace the scene's content by a saved one, which is checked first (`bundle`). Raises EvanySegError."""
    path = Path(path).absolute()
    with unpacked_bundle(path) as mrml:
        load_unpacked(scene, mrml, path)


def load_unpacked(scene: vtkMRMLScene, mrml: Path, path: Path) -> None:
    """The same for a bundle that was unpacked and checked: `path` is where it came from. Raises EvanySegError."""
    scene.SetURL(str(mrml))
    done = scene.Connect()
    folder = mrml.parent
    nodes = [scene.GetNthNodeByClass(n, STORAGE) for n in range(scene.GetNumberOfNodesByClass(STORAGE))]
    for storage in nodes:  # as vtkMRMLScene.ReadFromMRB does: the unpacked files go
        for number in range(-1, storage.GetNumberOfFileNames()):
            named = storage.GetFileName() if number < 0 else storage.GetNthFileName(number)
            if not named or not Path(named).is_relative_to(folder):
                continue
            relative = str(Path(named).relative_to(folder))
            if number < 0:
                storage.SetFileName(relative)
            else:
                storage.ResetNthFileName(number, relative)
    scene.SetURL(str(path.with_suffix(".mrml")))
    scene.SetRootDirectory(str(path.parent))
    scene.SetStorableNodesModifiedSinceRead()
    if not done:
        raise EvanySegError(f"{path} could not be read as a Slicer scene.")


def save_segmentation(node: vtkMRMLSegmentationNode, path: Path) -> None:
    """The segmentation node as Slicer itself writes it (.seg.nrrd). Raises EvanySegError."""
    import slicer

    node.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
    storage = node.GetStorageNode()
    if storage is None or not storage.IsA("vtkMRMLSegmentationStorageNode"):
        storage = node.GetScene().AddNode(slicer.vtkMRMLSegmentationStorageNode())
        node.SetAndObserveStorageNodeID(storage.GetID())
    with atomic_path(path) as part:
        storage.SetFileName(str(part))
        if not storage.WriteData(node):
            raise EvanySegError(f"The segmentation could not be written to {path}; is the disk full?")
    storage.SetFileName(str(path))
