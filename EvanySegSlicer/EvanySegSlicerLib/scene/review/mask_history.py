"""Undo of masks belongs to Slicer's segment editor: one adapter for desktop Slicer's logic and for one of our own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nodes.resample import Stamp


class MaskHistory:
    """Undo, redo and masked edits through a vtkSlicerSegmentEditorLogic.

    Desktop Slicer passes its segment editor's logic, so that Ctrl+Z there and here are the same history; elsewhere
    `create` makes one.
    """

    def __init__(self, logic: Any) -> None:
        self.logic = logic

    @classmethod
    def create(cls, segmentation_node: Any, volume: Any) -> MaskHistory:
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

    def modify(self, node: Any, segment_id: str, found: Stamp, matrix: np.ndarray) -> None:
        """Change a segment as the editor's masking settings allow: editable area, intensity range, overwriting."""
        from ..nodes.segment_store import oriented_image

        logic = self.logic
        for mode, part in (
            (logic.ModificationModeRemove, found.slab & ~found.value),
            (logic.ModificationModeAdd, found.value),
        ):
            if part.any():
                image = oriented_image(found, part.astype(np.uint8), matrix)
                logic.ModifySegmentByLabelmap(node, segment_id, image, mode, False, False)
