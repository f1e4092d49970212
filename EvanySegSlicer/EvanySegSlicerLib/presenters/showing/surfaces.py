"""The 3D view: segments' surfaces in their own colors, or the quality bands', and the volume's outline. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...scene.overlay.volume_outline import VolumeOutline
from ..quality_display import QualityDisplay
from ..review_controller import ReviewController

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationDisplayNode
    from vtkmodules.vtkCommonCore import vtkObject


class SurfacesPresenter:
    """Surfaces take time on large volumes: call `refresh()` when nothing else is to be done.

    While bands are shown the segments' own surfaces, which lie in the same place, are not; a scene that is saved
    meanwhile does not know of it.
    """

    def __init__(self, controller: ReviewController, display: QualityDisplay) -> None:
        self.controller = controller
        self.display = display
        self.bands = False
        self._outline: VolumeOutline | None = None
        self._hidden: vtkMRMLSegmentationDisplayNode | None = None
        self._observed: list[tuple[vtkObject, int]] = []
        self._of_bands = b""

    def enter(self) -> None:
        """A volume was opened: say where it lies."""
        self.leave()
        review = self.controller.usable
        if review is not None:
            self._outline = VolumeOutline(review.volume)

    def leave(self) -> None:
        """The scene goes."""
        outline, self._outline = self._outline, None
        if outline is not None:
            outline.remove()
        if self.bands:
            self.set_bands(False)

    def refresh(self) -> None:
        """Surfaces of segments that have none yet (edited ones are renewed by `ReviewSession.refresh_steps`), and bands
        as the scores are now."""
        review = self.controller.usable
        if review is None or self.controller.busy:
            return
        if self._outline is not None:
            self._outline.refresh()
        if not review.history.can_redo:  # Slicer takes a new surface for an edit, after which nothing can be redone
            review.store.ensure_surfaces()
        if self.bands:
            self._show_bands()

    def set_bands(self, on: bool) -> None:
        """Show the quality bands in 3D; said when there is nothing to show yet."""
        self.bands, self._of_bands = on, b""
        if on:
            self._show_bands()
        else:
            self.display.hide_bands_3d()
            self._put_back()

    def _show_bands(self) -> None:
        review = self.controller.usable
        codes = review.overlay.codes if review is not None else None
        now = codes.tobytes() if codes is not None else b""
        if now and now == self._of_bands:
            return
        self._of_bands = now
        self.bands = self.display.show_bands_3d()
        if review is not None and self.bands:
            self._hide(review.segmentation.GetDisplayNode())
        else:
            self._put_back()

    # ---- the segments' own surfaces ---------------------------------------------------------------------------

    def _hide(self, node: vtkMRMLSegmentationDisplayNode | None) -> None:
        if node is None or self._hidden is not None or not node.GetVisibility3D():
            return
        self._hidden = node
        node.SetVisibility3D(False)
        scene = node.GetScene()
        for event, visible in ((scene.StartSaveEvent, True), (scene.EndSaveEvent, False)):
            show = lambda caller, name, visible=visible: node.SetVisibility3D(visible)
            self._observed.append((scene, scene.AddObserver(event, show)))

    def _put_back(self) -> None:
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed = []
        node, self._hidden = self._hidden, None
        if node is not None:
            node.SetVisibility3D(True)
