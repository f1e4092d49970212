"""The scene layer imports without slicer, vtk, Qt or torch: front ends may ask what there is before anything is."""

import subprocess
import sys
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "EvanySegSlicer"
LIB = MODULE / "EvanySegSlicerLib"


def test_every_module_of_the_scene_layer_imports_without_slicer_vtk_qt_or_torch():
    files = sorted(LIB.glob("scene/**/*.py"))
    names = [".".join(p.relative_to(MODULE).with_suffix("").parts) for p in files if p.stem != "__init__"]
    assert len(names) > 20
    code = (
        "import sys, importlib\n"
        f"sys.path.insert(0, {str(MODULE)!r})\n"
        "blocked = ('slicer', 'vtk', 'vtkmodules', 'qt', 'ctk', 'torch', 'PySide6')\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in blocked: raise ImportError('blocked: ' + name)\n"
        "sys.meta_path.insert(0, Block())\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
