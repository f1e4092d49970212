"""Real slice and 3D views without a screen: for the demo's pictures, the tests and the report.

VTK draws through EGL (Mesa's software driver is enough) when there is no display.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.errors import EvanySegError

from ..png import write_png
from .boot import HeadlessSlicer

if TYPE_CHECKING:
    from slicer import vtkMRMLAbstractViewNode, vtkMRMLDisplayableManagerFactory, vtkMRMLDisplayableManagerGroup
    from vtkmodules.vtkRenderingCore import vtkRenderer

_SLICE_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)
_VIEW_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)

_ADVICE = (
    "Pictures need OpenGL without a screen, which this machine lacks. Install Mesa's EGL driver "
    "(Debian, Ubuntu: apt install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1; "
    "Fedora: dnf install mesa-libEGL mesa-dri-drivers mesa-libGL)."
)


def require_opengl() -> None:
    """Raises EvanySegError that names the system packages when nothing here can draw off-screen."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return
    for library in ("libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so"):
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        if "EGL" in library:  # else VTK first looks for an X server and warns that there is none
            os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
        return
    raise EvanySegError(_ADVICE)


class _OffscreenWindow:
    """An off-screen window with displayable managers in its upper layer."""

    def __init__(self, size: tuple[int, int], layers: int) -> None:
        require_opengl()
        import vtk

        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetNumberOfLayers(layers)
        self.window.SetSize(*size)
        self.renderer = vtk.vtkRenderer()
        self.renderer.SetLayer(layers - 1)
        self.window.AddRenderer(self.renderer)
        # displayable managers that take part in interaction crash without an interactor
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.interactor.Initialize()

    def render(self) -> None:
        self.window.Render()

    def picture(self) -> np.ndarray:
        """What the view shows now: uint8 RGB [H, W, 3], first row at the top. Raises EvanySegError."""
        import vtk
        from vtk.util.numpy_support import vtk_to_numpy

        self.render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.SetInputBufferTypeToRGB()
        grab.ReadFrontBufferOff()
        grab.Update()
        width, height, _ = grab.GetOutput().GetDimensions()
        scalars = grab.GetOutput().GetPointData().GetScalars()
        if scalars is None or width * height == 0:
            raise EvanySegError(_ADVICE)
        return vtk_to_numpy(scalars).reshape(height, width, 3)[::-1].copy()

    def save(self, path: Path) -> Path:
        """The picture as a PNG file."""
        return write_png(self.picture(), path)


class OffscreenSliceView(_OffscreenWindow):
    """One slice view: volumes below, segments and markups above, corner annotation and legend on top."""

    def __init__(self, slicer_app: HeadlessSlicer, name: str = "Red", size: tuple[int, int] = (500, 500)) -> None:
        """`name`: Red, Yellow or Green. Raises EvanySegError without OpenGL."""
        super().__init__(size, layers=2)
        import slicer
        import vtk

        self.logic = slicer_app.slice_logics[name]
        self.node = self.logic.GetSliceNode()
        # In one renderer segment fill would blend with black: the image has a layer of its own below.
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(self._mapper)
        below = vtk.vtkRenderer()
        below.AddViewProp(self._image)
        self.window.AddRenderer(below)
        # the image's pixels are the window's: resizing refits the view as desktop Slicer does
        self.logic.ResizeSliceNode(*size)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        self._managers = _managers(factory, _SLICE_MANAGERS, slicer_app, self.renderer, self.node)

    def render(self) -> None:
        connection = self.logic.GetImageDataConnection()
        self._image.SetVisibility(connection is not None)
        self._mapper.SetInputConnection(connection)
        self.window.Render()

    def xy_of(self, ras: np.ndarray) -> tuple[int, int]:
        """(column, row) of a point in RAS in `picture()`."""
        from ..nodes.matrices import matrix_array

        x, y = (np.linalg.inv(matrix_array(self.node.GetXYToRAS())) @ [*ras, 1.0])[:2]
        return round(x), self.window.GetSize()[1] - 1 - round(y)

    def close(self) -> None:
        """Let go of the scene; call it before the scene goes."""
        self._managers.SetMRMLDisplayableNode(None)
        self._mapper.SetInputConnection(None)
        self.window.Finalize()


class Offscreen3DView(_OffscreenWindow):
    """The scene in 3D, on a white ground, seen from the front left above."""

    def __init__(self, slicer_app: HeadlessSlicer, size: tuple[int, int] = (500, 500)) -> None:
        """Raises EvanySegError without OpenGL."""
        super().__init__(size, layers=1)
        import slicer

        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self._managers = _managers(factory, _VIEW_MANAGERS, slicer_app, self.renderer, slicer_app.view_node)
        slicer_app.view_node.SetBoxVisible(False)
        slicer_app.view_node.SetAxisLabelsVisible(False)
        slicer_app.view_node.SetBackgroundColor(1, 1, 1)
        slicer_app.view_node.SetBackgroundColor2(1, 1, 1)

    def look(self, direction: tuple[float, float, float] = (-1.0, 2.0, 0.7)) -> None:
        """Frame everything, seen from `direction` (RAS, from the centre towards the eye)."""
        self.window.Render()
        camera = self.renderer.GetActiveCamera()
        bounds = self.renderer.ComputeVisiblePropBounds()
        if bounds[0] > bounds[1]:
            return
        center = [(bounds[n] + bounds[n + 1]) / 2 for n in (0, 2, 4)]
        camera.SetFocalPoint(*center)
        camera.SetPosition(*(c + d for c, d in zip(center, direction, strict=True)))
        camera.SetViewUp(0, 0, 1)
        self.renderer.ResetCamera(bounds)

    def close(self) -> None:
        self._managers.SetMRMLDisplayableNode(None)
        self.window.Finalize()


def _managers(
    factory: vtkMRMLDisplayableManagerFactory,
    names: tuple[str, ...],
    app: HeadlessSlicer,
    renderer: vtkRenderer,
    node: vtkMRMLAbstractViewNode,
) -> vtkMRMLDisplayableManagerGroup:
    factory.SetMRMLApplicationLogic(app.application_logic)
    for name in names:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
    group = factory.InstantiateDisplayableManagers(renderer)
    group.SetMRMLDisplayableNode(node)
    return group
