"""Where nilearn keeps the MNI152 brain template that the demo and the web page begin with: no download happens."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from evanyseg.errors import EvanySegError


def template_files() -> dict[str, Path]:
    """Paths of the T1, grey and white matter images inside nilearn (found without importing it: that takes seconds)."""
    spec = importlib.util.find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise EvanySegError("The demo's volume comes with nilearn, which is not installed: pip install nilearn.")
    folder = Path(spec.origin).parent / "datasets" / "data"
    files = {kind: folder / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz" for kind in ("t1", "gm", "wm")}
    for path in files.values():
        if not path.is_file():
            raise EvanySegError(f"This nilearn does not ship {path.name}; install nilearn 0.10 or newer.")
    return files
