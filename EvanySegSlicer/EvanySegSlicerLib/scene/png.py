"""Pictures as files, through VTK: desktop Slicer has no other writer that a pixmap and a browser both read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evanyseg.errors import OutputError
from evanyseg.io.write import atomic_path


def write_png(picture: np.ndarray, path: Path) -> Path:
    """uint8 RGB [H, W, 3] as PNG; the file appears complete or not at all. Raises OutputError."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    height, width, _ = picture.shape
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    flat = np.ascontiguousarray(picture[::-1]).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True))
    with atomic_path(path) as part:
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(str(part))
        writer.SetInputData(image)
        writer.Write()
        if writer.GetErrorCode() or part.stat().st_size == 0:
            raise OutputError(f"The image {path} could not be written; is the disk full or the folder read-only?")
    return path
