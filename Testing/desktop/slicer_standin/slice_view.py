"""Real slice views: VTK renders off-screen into a Qt widget, and Qt's mouse and key events reach the VTK interactor."""

from __future__ import annotations

import time

import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from slicer import (
    vtkMRMLDisplayableManagerGroup,
    vtkMRMLSliceLogic,
    vtkMRMLSliceViewDisplayableManagerFactory,
    vtkMRMLSliceViewInteractorStyle,
)
from vtk.util.numpy_support import vtk_to_numpy

MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
)
BUTTONS = {
    QtCore.Qt.MouseButton.LeftButton: "Left",
    QtCore.Qt.MouseButton.MiddleButton: "Middle",
    QtCore.Qt.MouseButton.RightButton: "Right",
}
KEY_SYMBOLS = {
    QtCore.Qt.Key.Key_Escape: "Escape",
    QtCore.Qt.Key.Key_Return: "Return",
    QtCore.Qt.Key.Key_Backspace: "BackSpace",
    QtCore.Qt.Key.Key_Space: "space",
}


class SliceView(QtWidgets.QWidget):
    """qMRMLSliceView: the picture and its interactor."""

    def __init__(self, slice_logic: vtkMRMLSliceLogic, application_logic, parent=None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._logic = slice_logic
        self._dirty = True
        self._closed = False
        self._image: QtGui.QImage | None = None
        self.drawn_at = 0.0  # by time.perf_counter
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetNumberOfLayers(2)
        self._window.SetMultiSamples(0)
        # The image has its own layer below the displayable managers: in one renderer segment fill blends with black.
        self._image_mapper = vtk.vtkImageMapper()
        self._image_mapper.SetColorWindow(255)
        self._image_mapper.SetColorLevel(127.5)
        self._image_actor = vtk.vtkActor2D()
        self._image_actor.SetMapper(self._image_mapper)
        below, self._renderer = vtk.vtkRenderer(), vtk.vtkRenderer()
        below.AddViewProp(self._image_actor)
        self._renderer.SetLayer(1)
        for renderer in (self._renderer, below):  # item 0 is the one that scripts draw into, as in Slicer
            self._window.AddRenderer(renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._style = vtkMRMLSliceViewInteractorStyle()
        self._managers = self._displayable_managers(application_logic)
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetSliceLogic(slice_logic)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())  # as qMRMLSliceView does; ours observes
        self._style.SetInteractor(self._interactor)
        self._interactor.Initialize()
        node = slice_logic.GetSliceNode()
        self._observations = [
            (self._managers, self._managers.AddObserver(vtk.vtkCommand.UpdateEvent, self._on_change)),
            (slice_logic, slice_logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_change)),
            (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_change)),
        ]

    def _displayable_managers(self, application_logic) -> vtkMRMLDisplayableManagerGroup:
        factory = vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application_logic)
        for name in MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        group = factory.InstantiateDisplayableManagers(self._renderer)
        group.SetMRMLDisplayableNode(self._logic.GetSliceNode())
        return group

    # What scripts use of ctkVTKRenderView / qMRMLSliceView
    def renderWindow(self):
        return self._window

    def interactor(self):
        return self._interactor

    def interactorStyle(self):
        return self._style

    def scheduleRender(self) -> None:
        self._dirty = True
        self.update()

    def forceRender(self) -> None:
        self._render()
        self.update()

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def close_view(self) -> None:
        """Let go of the VTK side before the scene goes."""
        if self._closed:
            return
        self._closed = True
        for subject, tag in self._observations:
            subject.RemoveObserver(tag)
        self._managers.SetMRMLDisplayableNode(None)
        self._style.SetSliceLogic(None)
        self._style.SetInteractor(None)
        self._window.Finalize()

    def _on_change(self, caller, event) -> None:
        self.scheduleRender()

    def _render(self) -> None:
        if self._closed:
            return
        self._dirty = False
        connection = self._logic.GetImageDataConnection()
        self._image_actor.SetVisibility(connection is not None)
        self._image_mapper.SetInputConnection(connection)
        self._window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ReadFrontBufferOff()
        grab.Update()
        pixels = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
        width, height, _ = grab.GetOutput().GetDimensions()
        pixels = pixels.reshape(height, width, 3)[::-1].copy()
        self._image = QtGui.QImage(pixels.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888).copy()
        self.drawn_at = time.perf_counter()

    @property
    def outdated(self) -> bool:
        """Whether it is to be drawn again."""
        return self._dirty

    def picture(self) -> QtGui.QImage:
        """The view as it would be seen now."""
        self._render()
        return self._image

    def paintEvent(self, event) -> None:
        if self._dirty or self._image is None:
            self._render()
        if self._image is not None:
            painter = QtGui.QPainter(self)
            painter.drawImage(0, 0, self._image)
            painter.end()

    def resizeEvent(self, event) -> None:
        width, height = max(1, event.size().width()), max(1, event.size().height())
        self._window.SetSize(width, height)
        self._interactor.SetSize(width, height)
        self._logic.ResizeSliceNode(width, height)
        self.scheduleRender()

    # Qt events -> VTK events (VTK's y goes up)
    def _tell_position(self, event) -> None:
        position = event.position()
        keys = event.modifiers()
        self._interactor.SetEventInformation(
            round(position.x()),
            self.size.height() - 1 - round(position.y()),
            int(bool(keys & QtCore.Qt.KeyboardModifier.ControlModifier)),
            int(bool(keys & QtCore.Qt.KeyboardModifier.ShiftModifier)),
            "\0",
            0,
            None,
        )
        self._interactor.SetAltKey(int(bool(keys & QtCore.Qt.KeyboardModifier.AltModifier)))

    def mousePressEvent(self, event) -> None:
        self._tell_position(event)
        self._interactor.InvokeEvent(f"{BUTTONS[event.button()]}ButtonPressEvent")

    def mouseReleaseEvent(self, event) -> None:
        self._tell_position(event)
        self._interactor.InvokeEvent(f"{BUTTONS[event.button()]}ButtonReleaseEvent")

    def mouseDoubleClickEvent(self, event) -> None:
        self._tell_position(event)
        self._interactor.InvokeEvent(f"{BUTTONS[event.button()]}ButtonDoubleClickEvent")

    def mouseMoveEvent(self, event) -> None:
        self._tell_position(event)
        self._interactor.InvokeEvent("MouseMoveEvent")

    def wheelEvent(self, event) -> None:
        self._tell_position(event)
        self._interactor.InvokeEvent(
            "MouseWheelForwardEvent" if event.angleDelta().y() > 0 else "MouseWheelBackwardEvent"
        )

    def enterEvent(self, event) -> None:
        self._interactor.InvokeEvent("EnterEvent")

    def leaveEvent(self, event) -> None:
        self._interactor.InvokeEvent("LeaveEvent")

    def keyPressEvent(self, event) -> None:
        symbol = KEY_SYMBOLS.get(event.key(), event.text())
        self._interactor.SetKeySym(symbol)
        self._interactor.InvokeEvent("KeyPressEvent")
        self._interactor.InvokeEvent("KeyReleaseEvent")


class SliceWidget(QtWidgets.QWidget):
    """qMRMLSliceWidget: the view and the nodes behind it."""

    def __init__(self, slice_logic: vtkMRMLSliceLogic, application_logic, parent=None) -> None:
        super().__init__(parent)
        self._logic = slice_logic
        self._view = SliceView(slice_logic, application_logic, self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)

    def className(self) -> str:
        return "qMRMLSliceWidget"

    def sliceView(self) -> SliceView:
        return self._view

    def sliceLogic(self) -> vtkMRMLSliceLogic:
        return self._logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()
