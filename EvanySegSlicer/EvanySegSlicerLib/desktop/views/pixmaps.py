"""Arrays on labels and list items, by way of a PNG file: works alike in PythonQt and elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import qt
import slicer

from ...scene.png import write_png


def pixmap(picture: np.ndarray, name: str) -> qt.QPixmap:
    """A QPixmap of uint8 RGB [H, W, 3]; `name` tells the temporary files apart."""
    path = Path(slicer.app.temporaryPath) / f"evanyseg-{name}.png"
    made = qt.QPixmap(str(write_png(picture, path)))
    path.unlink(missing_ok=True)
    return made
