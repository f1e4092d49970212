"""What lies in a watched folder: images with their masks, and whether their files have come to rest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..audit.layouts.described import images_in
from ..audit.layouts.nnunet import FIRST_CHANNEL
from ..errors import ImageError
from ..io.dicom.headers import mask_objects
from ..io.sniff import FileKind, sniff

MASK_ENDINGS = (".seg", "_seg", "-seg", "_mask", "-mask", "_label", "_labels", "_segmentation")
"""`NAME_seg.nii.gz` is the mask of `NAME.nii.gz` (or of `NAME_0000.nii.gz`) beside it."""
DICOM = ".dcm"


@dataclass(frozen=True)
class Arrival:
    """One mask and its image (a file, or the folder of a DICOM series). fingerprint: of the names, sizes and times of
    all files that belong to it: another one is another arrival. dicom: the mask is a DICOM object of that folder."""

    name: str
    image: Path
    mask: Path
    fingerprint: str
    dicom: bool = False


@dataclass
class Inbox:
    """folder: what arrives, subfolders included; masks: a folder with the masks, named as the images are (None: they
    lie beside the images); settle: seconds for which files must not have changed.

    A hidden file, and one without the ending of an image, is somebody's copy in progress and is not looked at.
    """

    folder: Path
    masks: Path | None = None
    settle: float = 10.0
    clock: Callable[[], float] = time.monotonic
    unsettled: int = 0
    _first_seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    _objects: dict[Path, tuple[str, list[Path]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in (self.folder, *([self.masks] if self.masks is not None else [])):
            if not folder.is_dir():
                raise ImageError(f"{folder} is no folder.")

    def ready(self, done: Callable[[str, str], bool]) -> list[Arrival]:
        """Arrivals at rest, by name; `done` says of (name, fingerprint) whether it is known. Afterwards `unsettled`
        tells how many others there are."""
        now, found, seen = self.clock(), [], {}
        self.unsettled = 0
        for one in self.arrivals():
            if done(one.name, one.fingerprint):
                continue
            before, since = self._first_seen.get(one.name, ("", now))
            since = since if before == one.fingerprint else now
            seen[one.name] = (one.fingerprint, since)
            if now - since >= self.settle:
                found.append(one)
            else:
                self.unsettled += 1
        self._first_seen = seen
        return found

    def arrivals(self) -> Iterator[Arrival]:
        """Everything that lies there now, whole or not, sorted."""
        for folder in _folders(self.folder):
            dicom = _dicom_files(folder)
            if dicom:
                yield from self._of_dicom(folder, dicom)
            else:
                yield from self._of_files(folder)

    def _of_files(self, folder: Path) -> Iterator[Arrival]:
        names = images_in(folder)
        for stem, path in names.items():
            image: Path | None = path
            mask: Path | None = path
            if self.masks is not None:
                masks = images_in(self.masks / folder.relative_to(self.folder))
                plain = stem.removesuffix(FIRST_CHANNEL)
                tried = (stem, plain, *(plain + ending for ending in MASK_ENDINGS))
                mask = next((masks[name] for name in tried if name in masks), None)
            else:
                image = self._image_of(stem, names)
            if image is not None and mask is not None:
                yield Arrival(self._name(folder, mask), image, mask, _fingerprint([image, mask]))

    @staticmethod
    def _image_of(stem: str, names: dict[str, Path]) -> Path | None:
        """The image that a mask of this name belongs to."""
        for ending in MASK_ENDINGS:
            plain = stem.removesuffix(ending)
            if plain != stem:
                return names.get(plain) or names.get(plain + FIRST_CHANNEL)
        return None

    def _of_dicom(self, folder: Path, files: Sequence[Path]) -> Iterator[Arrival]:
        state = _fingerprint(files)
        known, masks = self._objects.get(folder, ("", []))
        if known != state:  # headers are read once, not at each look
            masks = mask_objects(folder)
            self._objects[folder] = (state, masks)
        for mask in masks if len(files) > 1 else []:
            yield Arrival(self._name(folder, mask), folder, mask, state, dicom=True)
        for path in images_in(folder).values():  # a NIfTI mask of a series, say
            if path.suffix.lower() != DICOM:
                yield Arrival(self._name(folder, path), folder, path, _fingerprint([*files, path]))

    def _name(self, folder: Path, mask: Path) -> str:
        """Of the mask, with the subfolders above it: unique, and a name for a folder of results."""
        stem = mask.name
        for known in (".nii.gz", ".seg.nrrd", mask.suffix):
            if known and stem.lower().endswith(known):
                stem = stem[: -len(known)]
                break
        return "__".join([*folder.relative_to(self.folder).parts, stem])


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    for below in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        yield from _folders(below)


def _dicom_files(folder: Path) -> list[Path]:
    """The folder's files when it is one of DICOM files: they end with .dcm, or (as scanners write them) with
    nothing."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    named = [p for p in files if p.suffix.lower() == DICOM]
    if named:
        return named
    bare = [p for p in files if not p.suffix or p.suffix[1:].isdigit()]
    return bare if bare and _is_dicom(bare[0]) else []


def _is_dicom(path: Path) -> bool:
    try:
        return sniff(path).kind is FileKind.DICOM
    except (ImageError, OSError):
        return False


def _fingerprint(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        try:
            found = path.stat()
            digest.update(f"{path.name}|{found.st_size}|{found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        except OSError:  # it went while we looked: the next look sees another folder
            digest.update(f"{path.name}|gone\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]
