"""Scene bundles (.mrb) from somebody else, unpacked and looked at before Slicer's readers see them.

A scene names files by path and, in Slicer, by URL: one that leads out of the bundle would make the reader open it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote
from xml.parsers import expat

from evanyseg.errors import EvanySegError, ImageError
from evanyseg.io.arrivals.archive import Limits, unpack
from evanyseg.io.arrivals.contained import check_contained
from evanyseg.io.scratch import SCENE, scratch_folder

KINDS = frozenset(
    {
        "mrml", "nrrd", "nhdr", "raw", "gz", "nii", "mha", "mhd", "vtk", "vtp", "vtu", "stl", "ply", "obj", "json",
        "fcsv", "acsv", "csv", "tsv", "txt", "ctbl", "h5", "tfm", "mat", "png", "jpg", "jpeg", "tif", "tiff", "bmp",
        "vp",
    }
)  # fmt: skip
"""Endings of what Slicer writes into a scene; a program or a script is none of these."""

_NAMES_FILE = re.compile(r"file|uri|directory|path", re.IGNORECASE)
_ELSEWHERE = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:|/|\\|~)")


@contextmanager
def unpacked_bundle(path: Path, limits: Limits | None = None) -> Iterator[Path]:
    """The scene's .mrml in a temporary folder that goes with the context. Raises EvanySegError."""
    if not path.is_file():
        raise EvanySegError(f"There is no scene file {path}.")
    with scratch_folder(SCENE) as folder:
        root = Path(folder)
        try:
            files = unpack(path, root, limits)
        except ImageError as error:
            raise EvanySegError(f"{path} could not be read as a Slicer scene: {error}") from None
        scenes = [file for file in files if file.suffix.lower() == ".mrml"]
        if len(scenes) != 1:
            raise EvanySegError(f"{path} could not be read as a Slicer scene: it holds {len(scenes)} .mrml files.")
        for file in files:
            if file.suffix[1:].lower() not in KINDS:
                raise EvanySegError(f"{path.name} was refused: a scene does not hold files like {file.name[:60]}.")
        check_contained(root, root)
        check_scene(scenes[0], root, path.name)
        yield scenes[0]


def check_scene(mrml: Path, root: Path, name: str) -> None:
    """Raises EvanySegError where the scene names a file outside `root`, or is no scene."""
    parser = expat.ParserCreate()

    def element(tag: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            if not _NAMES_FILE.search(key):
                continue
            for named in {value, unquote(value)}:
                inside = (mrml.parent / named).resolve().is_relative_to(root.resolve())
                if _ELSEWHERE.match(named.strip()) or not inside:
                    raise EvanySegError(
                        f"{name} was refused: it refers to a file outside itself ({named.strip()[:80]}); save the "
                        "scene again as .mrb."
                    )

    def declared(*_what: object) -> None:
        raise EvanySegError(f"{name} was refused: its scene declares XML entities, which Slicer never writes.")

    parser.StartElementHandler = element
    parser.EntityDeclHandler = declared
    parser.StartDoctypeDeclHandler = declared
    try:
        with mrml.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise EvanySegError(f"{name} could not be read as a Slicer scene: {error}.") from None
