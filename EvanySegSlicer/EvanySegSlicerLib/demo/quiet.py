"""VTK talks on standard error: the demo sends that to a file, so that people see only the demo's own lines."""

from __future__ import annotations

from pathlib import Path


def log_to(path: Path) -> None:
    """Send VTK's and Slicer's C++ messages of this process to a file. Errors that matter are raised as exceptions."""
    import vtk

    path.parent.mkdir(parents=True, exist_ok=True)
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    vtk.vtkLogger.LogToFile(str(path), vtk.vtkLogger.TRUNCATE, vtk.vtkLogger.VERBOSITY_INFO)
    window = vtk.vtkOutputWindow.GetInstance()
    window.SetDisplayModeToNever()
