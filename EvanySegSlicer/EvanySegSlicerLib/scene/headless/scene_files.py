"""Scenes and segmentations as files that desktop Slicer opens, written and read without its IO managers."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from evanyseg.errors import EvanySegError
from evanyseg.io.write import atomic_path

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLSegmentationNode


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
    """Replace the scene's content by a saved one. Raises EvanySegError."""
    path = Path(path).absolute()
    if not path.is_file():
        raise EvanySegError(f"There is no scene file {path}.")
    home = os.getcwd()
    try:
        done = scene.ReadFromMRB(str(path), True, None)
    finally:
        os.chdir(home)  # a file that is no archive leaves VTK in a folder that it has removed
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
