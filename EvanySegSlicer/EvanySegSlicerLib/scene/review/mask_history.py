"""Undo of masks belongs to Slicer's segment editor: one adapter for desktop Slicer's logic and for one of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from evanyseg.geometry.labels import Stamp

from ..nodes.segment_store import Masking, oriented_image

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLVolumeNode, vtkSlicerSegmentEditorLogic


class EditHistory(Masking, Protocol):
    """Undo and redo of mask edits, and edits that obey an editor's settings."""

    @property
    def can_undo(self) -> bool: ...

    @property
    def can_redo(self) -> bool: ...

    def save(self) -> None:
        """Remember the segmentation as it is: the next edit is one undo step. Raises EvanySegError when it cannot."""

    def undo(self) -> bool:
        """False when there is nothing to take back."""

    def redo(self) -> bool: ...


class MaskHistory:
    """Undo, redo and masked edits through a vtkSlicerSegmentEditorLogic.

    Desktop Slicer passes its segment editor's logic, so that Ctrl+Z there and here are the same history; elsewhere
    `create` makes one.
    """

    def __init__(self, logic: vtkSlicerSegmentEditorLogic) -> None:
        self.logic = logic

    @classmethod
    def create(cls, segmentation_node: vtkMRMLSegmentationNode, volume: vtkMRMLVolumeNode) -> MaskHistory:
        import slicer

        scene = segmentation_node.GetScene()
        logic = slicer.vtkSlicerSegmentEditorLogic()
        logic.SetMRMLScene(scene)
        name = f"EvanySeg segment editor of {segmentation_node.GetID()}"  # its own: the node holds the selection
        editor = scene.GetFirstNodeByName(name)
        if editor is None:
            editor = slicer.vtkMRMLSegmentEditorNode()
            editor.SetName(name)
            editor.SetHideFromEditors(True)
            editor.SetSaveWithScene(False)
            editor = scene.AddNode(editor)
        # our own edits never eat other segments; the Segment Editor's own settings say otherwise by default
        editor.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
        logic.SetSegmentEditorNode(editor)
        logic.SetSegmentationNode(segmentation_node)
        logic.SetSourceVolumeNode(volume)
        return cls(logic)

    @property
    def can_undo(self) -> bool:
        return bool(self.logic.CanUndo())

    @property
    def can_redo(self) -> bool:
        return bool(self.logic.CanRedo())

    def save(self) -> None:
        """Remember the segmentation as it is: the next edit is one undo step."""
        self.logic.SaveStateForUndo()

    def undo(self) -> bool:
        """False when there is nothing to take back."""
        if not self.can_undo:
            return False
        self.logic.Undo()
        return True

    def redo(self) -> bool:
        if not self.can_redo:
            return False
        self.logic.Redo()
        return True

    def modify(self, node: vtkMRMLSegmentationNode, segment_id: str, found: Stamp, matrix: np.ndarray) -> None:
        """Change a segment as the editor's masking settings allow: editable area, intensity range, overwriting."""
        logic = self.logic
        for mode, part in (
            (logic.ModificationModeRemove, found.slab & ~found.value),
            (logic.ModificationModeAdd, found.value),
        ):
            if part.any():
                image = oriented_image(found, part.astype(np.uint8), matrix)
                logic.ModifySegmentByLabelmap(node, segment_id, image, mode, False, False)
