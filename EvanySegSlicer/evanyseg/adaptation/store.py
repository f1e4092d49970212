"""References that a user's reviews have given, on this computer: a folder he sees, exports and clears.

One folder a label (what the structure is), one file a slice: numpy's .npz without pickle, pixels as models see them and
packed masks. A file's name says what kind of evidence it is, of which volume and which place, so that counting opens
nothing and a slice that is corrected again replaces itself.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import EvanySegError, ImageError, OutputError
from ..io.write import atomic_path
from ..prompts import BoxPrompt
from ..weights.settings import references_folder
from .reference import GradedMask, Reference

CORRECTED, ACCEPTED = "corrected", "accepted"
LABEL_FILE = "label.json"
_NAME = re.compile(rf"({CORRECTED}|{ACCEPTED})-([0-9a-f]+)-([0-9a-f]+)\.npz")


@dataclass(frozen=True)
class Place:
    """Which slice of which volume a reference is of. kind: CORRECTED (its truth is known) or ACCEPTED; subject: hex
    digits that stand for the volume; where: hex digits that stand for segment and slice."""

    kind: str
    subject: str
    where: str

    @property
    def filename(self) -> str:
        return f"{self.kind}-{self.subject}-{self.where}.npz"

    @property
    def slice(self) -> tuple[str, str]:
        return self.subject, self.where


class ReferenceStore:
    """The folder; made when first written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def default(cls) -> ReferenceStore:
        return cls(references_folder())

    def folder_of(self, label: str) -> Path:
        """Where the references of a label are, and what was learned from them."""
        readable = re.sub(r"[^a-z0-9]+", "-", label.casefold()).strip("-")[:40]
        return self.folder / f"{readable or 'label'}-{hashlib.blake2b(label.encode(), digest_size=4).hexdigest()}"

    def labels(self) -> list[str]:
        """All that have a folder."""
        found = []
        for path in sorted(self.folder.glob(f"*/{LABEL_FILE}")):
            try:
                found.append(str(json.loads(path.read_text(encoding="utf-8"))["label"]))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # a folder that somebody else made
        return found

    def places(self, label: str) -> list[Place]:
        """Which slices are kept."""
        names = (_NAME.fullmatch(path.name) for path in sorted(self.folder_of(label).glob("*.npz")))
        return [Place(*match.groups()) for match in names if match]

    def keep(self, label: str, found: Mapping[Place, Reference], taken_back: Iterable[Place] = ()) -> None:
        """Write references, each in place of what was kept of its slice; `taken_back`: slices that are evidence no
        longer. Raises OutputError."""
        folder = self.folder_of(label)
        for place in taken_back:
            self._forget(label, place)
        for place, reference in found.items():
            self._forget(label, place, but=place.filename)
            with atomic_path(folder / place.filename) as part:
                np.savez_compressed(part, **_arrays(reference))  # type: ignore[arg-type]
        if found and not (folder / LABEL_FILE).exists():
            with atomic_path(folder / LABEL_FILE) as part:
                part.write_text(json.dumps({"label": label}), encoding="utf-8")

    def references(self, label: str) -> tuple[list[Reference], list[str]]:
        """All of a label, in the order of their names, and a sentence for each file that cannot be read."""
        found, problems = [], []
        for place in self.places(label):
            path = self.folder_of(label) / place.filename
            try:
                found.append(read_reference(path, place.subject))
            except EvanySegError as error:
                problems.append(str(error))
        return found, problems

    def export(self, target: Path) -> int:
        """Corrected slices as pictures with a table that `evanyseg adapt` reads, a folder per label; how many there
        were. Raises OutputError, EvanySegError when there are none."""
        count = 0
        for label in self.labels():
            lines: list[dict[str, object]] = []
            folder = target / self.folder_of(label).name
            for place in self.places(label):
                if place.kind == CORRECTED:
                    reference = read_reference(self.folder_of(label) / place.filename, place.subject)
                    lines += _images(folder, place, reference)
                    count += 1
            if lines:
                _write_table(folder / "references.csv", lines)
        if not count:
            raise EvanySegError("There are no corrected slices to export yet.")
        return count

    def clear(self) -> int:
        """Delete every label's folder; bytes freed. Only what this class wrote is touched. Raises OutputError."""
        freed = 0
        for label in self.labels():
            folder = self.folder_of(label)
            try:
                freed += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
                shutil.rmtree(folder)
            except OSError as error:
                raise OutputError(f"{folder} could not be deleted: {error.strerror or error}.") from error
        return freed

    def _forget(self, label: str, place: Place, but: str = "") -> None:
        for kind in (CORRECTED, ACCEPTED):
            name = Place(kind, *place.slice).filename
            if name != but:
                try:
                    (self.folder_of(label) / name).unlink(missing_ok=True)
                except OSError as error:
                    raise OutputError(f"{name} could not be deleted: {error.strerror or error}.") from error


def _arrays(reference: Reference) -> dict[str, np.ndarray]:
    image = reference.image
    gray = bool((image == image[..., :1]).all())
    masks = [
        *([] if reference.truth is None else [reference.truth]),
        *reference.predictions,
        *(g.mask for g in reference.graded),
    ]
    numbers = {
        "truth": int(reference.truth is not None),
        "predictions": len(reference.predictions),
        "dice": [g.dice for g in reference.graded],
        "graded_weight": [g.weight for g in reference.graded],
        "within": [g.within for g in reference.graded],
        "box": list(reference.box.as_tuple()) if reference.box is not None else [],
        "weight": reference.weight,
    }
    return {
        "image": image[..., 0] if gray else image,
        "masks": np.packbits(np.array(masks, bool)),
        "description": np.frombuffer(json.dumps(numbers).encode(), np.uint8),
    }


def read_reference(path: Path, subject: str) -> Reference:
    """Raises ImageError for a file that is damaged or another kind of file; nothing of it is ever executed."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            image, packed = stored["image"], stored["masks"]
            said = json.loads(stored["description"].tobytes())
        image = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError("no image")
        height, width = image.shape[:2]
        truths, predictions, dice = int(said["truth"]), int(said["predictions"]), [float(d) for d in said["dice"]]
        count = truths + predictions + len(dice)
        masks = np.unpackbits(packed, count=count * height * width).reshape(count, height, width).astype(bool)
        weights = [float(w) for w in said["graded_weight"]]
        within = [_bounds(b) for b in said.get("within", [None] * len(dice))]  # files of before know none
        graded = tuple(
            GradedMask(mask, d, w, b)
            for mask, d, w, b in zip(masks[truths + predictions :], dice, weights, within, strict=True)
        )
        box = BoxPrompt(*map(float, said["box"])) if said["box"] else None
        return Reference(
            image,
            masks[0] if truths else None,
            box,
            tuple(masks[truths : truths + predictions]),
            graded,
            subject,
            float(said["weight"]),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, EvanySegError) as error:
        raise ImageError(f"The reference {path} cannot be read ({error}); delete it.") from error


def _bounds(stored: Sequence[float] | None) -> tuple[float, float] | None:
    if stored is None:
        return None
    low, high = map(float, stored)
    if not 0 <= low <= high <= 1:
        raise ValueError("a Dice within no bounds")
    return low, high


def _images(folder: Path, place: Place, reference: Reference) -> list[dict[str, object]]:
    import SimpleITK as sitk

    def write(name: str, picture: np.ndarray) -> str:
        with atomic_path(folder / name) as part:
            sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=picture.ndim == 3), str(part))
        return name

    stem = f"{place.subject}-{place.where}"
    assert reference.truth is not None
    row: dict[str, object] = {
        "image": write(f"{stem}.png", reference.image),
        "truth": write(f"{stem}-truth.png", reference.truth.astype(np.uint8) * 255),
        "subject": place.subject,
    }
    if reference.box is not None:
        row |= dict(zip(("x0", "y0", "x1", "y1"), reference.box.as_tuple(), strict=True))
    names = [
        write(f"{stem}-prediction{n}.png", mask.astype(np.uint8) * 255) for n, mask in enumerate(reference.predictions)
    ]
    return [{**row, "prediction": name} for name in names] or [row]


def _write_table(path: Path, lines: Sequence[Mapping[str, object]]) -> None:
    columns = ("image", "truth", "prediction", "x0", "y0", "x1", "y1", "subject")
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(lines)
