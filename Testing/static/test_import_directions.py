"""desktop, web -> presenters -> scene -> engine <- training: nobody imports the other way, heavy packages stay put."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "EvanySegSlicer"
GUI = {"qt", "ctk", "slicer", "vtk", "vtkmodules", "PythonQt", "PySide6"}
# pip extras: the engine runs in a clinician's Slicer without them
EXTRAS = {
    "typer",
    "rich",
    "lightning",
    "monai",
    "torchmetrics",
    "sklearn",
    "skimage",
    "cv2",
    "pandas",
    "matplotlib",
    "nilearn",
    "fastapi",
    "starlette",
    "pydantic",
    "uvicorn",
}
EXTRAS |= {"pytorch_lightning", "transformers", "pyarrow"}
HEAVY = {"torch", "torchvision", "timm", "segment_anything", "sam2", "safetensors"}


def imports(path: Path, file_scope_only: bool = False) -> set[str]:
    """Absolute module names imported by a file (relative ones resolved to what follows the dots)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if file_scope_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.level == 0 and child.module:
                found.add(child.module)
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
            visit(child)

    visit(tree)
    return found


def tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def relative_tops(path: Path) -> set[str]:
    """What relative imports of a file of EvanySegSlicerLib reach: the folder below the package, or its dotted name."""
    package = path.relative_to(MODULE).with_suffix("").parts[:-1]
    found: set[str] = set(imports(path))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            found.add(".".join(base[:2]))
    return found


def files(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)
    assert found, f"no Python files in {folder}"
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", files(MODULE / "evanyseg"), ids=name)
def test_the_engine_imports_no_front_end_and_no_training(path: Path) -> None:
    wrong = tops(imports(path)) & (GUI | {"EvanySegSlicerLib", "EvanySegSlicer", "evanyseg_training"})
    assert not wrong, f"{name(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", files(MODULE / "evanyseg"), ids=name)
def test_torch_stays_out_of_file_scope_outside_nets(path: Path) -> None:
    if "nets" in path.parts:
        return
    wrong = tops(imports(path, file_scope_only=True)) & (HEAVY | EXTRAS)
    if "commands" in path.parts:  # imported by cli.main() only, after typer is known to be there
        wrong -= {"typer", "rich"}
    if "serving" in path.parts:  # imported by the command serve only, after they are known to be there
        wrong -= {"fastapi", "starlette", "pydantic", "uvicorn"}
    assert not wrong, f"{name(path)} imports {sorted(wrong)} at file scope"


SCENE_AND_PRESENTERS = files(MODULE / "EvanySegSlicerLib/scene") + files(MODULE / "EvanySegSlicerLib/presenters")


@pytest.mark.parametrize("path", SCENE_AND_PRESENTERS, ids=name)
def test_the_scene_layer_knows_no_qt_and_no_desktop(path: Path) -> None:
    found = imports(path)
    wrong = tops(found) & {"qt", "ctk", "PythonQt", "PySide6", "evanyseg_training"}
    wrong |= {f for f in found if f.startswith(("EvanySegSlicerLib.desktop", "slicer.util", "slicer.app"))}
    wrong |= tops(imports(path, file_scope_only=True)) & (HEAVY | EXTRAS)
    assert not wrong, f"{name(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", files(MODULE / "EvanySegSlicerLib/scene"), ids=name)
def test_the_scene_layer_knows_no_presenters(path: Path) -> None:
    reach = {"EvanySegSlicerLib.presenters", "EvanySegSlicerLib.demo", "presenters", "demo"}
    wrong = {found for found in relative_tops(path) if found in reach}
    assert not wrong, f"{name(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize(
    "path", files(MODULE / "EvanySegSlicerLib/desktop") + files(MODULE / "EvanySegSlicerLib"), ids=name
)
def test_the_desktop_layer_has_no_third_party_import_at_file_scope(path: Path) -> None:
    wrong = tops(imports(path, file_scope_only=True)) & (HEAVY | EXTRAS | {"PySide6", "PIL"})
    if path.name == "command.py":  # imported by the command line only, after typer is known to be there
        wrong -= {"typer"}
    assert not wrong, f"{name(path)} imports {sorted(wrong)} at file scope"


NOT_WEB = [path for path in files(MODULE) if "web" not in path.parts]


@pytest.mark.parametrize("path", NOT_WEB, ids=name)
def test_nothing_that_slicer_loads_imports_the_web_layer(path: Path) -> None:
    wrong = {found for found in imports(path) if found.startswith("EvanySegSlicerLib.web")}
    wrong |= tops(imports(path)) & {"trame", "trame_slicer", "trame_server", "aiohttp", "wslink"}
    if "EvanySegSlicerLib" in path.parts:
        wrong |= {found for found in relative_tops(path) if found in ("EvanySegSlicerLib.web", "web")}
    assert not wrong, f"{name(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", files(MODULE / "EvanySegSlicerLib/web"), ids=name)
def test_the_web_layer_knows_no_desktop_no_qt_and_no_torch(path: Path) -> None:
    wrong = tops(imports(path)) & ({"qt", "ctk", "PythonQt", "PySide6", "evanyseg_training"} | HEAVY)
    wrong |= {found for found in relative_tops(path) if found in ("EvanySegSlicerLib.desktop", "desktop")}
    assert not wrong, f"{name(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", files(MODULE / "EvanySegSlicerLib/presenters"), ids=name)
def test_presenters_know_no_front_end(path: Path) -> None:
    wrong = {f for f in relative_tops(path) if f in ("EvanySegSlicerLib.desktop", "EvanySegSlicerLib.web")}
    assert not wrong, f"{name(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", files(ROOT / "training/evanyseg_training"), ids=name)
def test_training_depends_on_the_engine_only(path: Path) -> None:
    wrong = tops(imports(path)) & (GUI | {"EvanySegSlicerLib", "EvanySegSlicer"})
    assert not wrong, f"{name(path)} imports {sorted(wrong)}"
