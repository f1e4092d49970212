"""BIDS derivatives: `sub-X/anat/sub-X_..._dseg.nii.gz` with `participants.tsv`; images there or in the raw data set."""

from __future__ import annotations

from pathlib import Path

from ...errors import ImageError
from ...io.tables import open_table
from ..case import AuditCase

MASKS = ("_dseg.nii.gz", "_dseg.nii", "_mask.nii.gz", "_mask.nii")
NOT_OF_IMAGES = ("desc", "label", "res", "den")
"""Entities that a derivative adds to the name of the image it was made from."""
PARTICIPANT = "participant_id"
PARTICIPANTS = "participants.tsv"


def is_bids(folder: Path) -> bool:
    return any(True for ending in MASKS for _ in folder.glob(f"sub-*/**/*{ending}"))


def bids_cases(folder: Path, masks: Path | None) -> list[AuditCase]:
    """A mask belongs to the image that agrees in every entity both name, in the same folder or in the raw data set
    (`derivatives/NAME` lies within it). Metadata come from `participants.tsv`. Raises ImageError."""
    root = masks or folder
    raw = next((p for p in (folder, *folder.parents[:2]) if any(p.glob("sub-*/**/*.nii*")) and p != root), folder)
    people = _people(folder) or _people(raw)
    cases = []
    for path in sorted(p for ending in MASKS for p in root.glob(f"sub-*/**/*{ending}")):
        image = _image_of(path, (path.parent, raw / path.parent.relative_to(root)))
        subject = _entities(path).get("sub", "")
        name = path.name[: -next(len(e) for e in MASKS if path.name.endswith(e))]
        cases.append(AuditCase(name, image, path, subject, metadata=people.get(f"sub-{subject}", {})))
    known = {column for case in cases for column in case.metadata}
    return [
        AuditCase(c.name, c.image, c.mask, c.subject, metadata={**dict.fromkeys(sorted(known), ""), **c.metadata})
        for c in cases
    ]


def _entities(path: Path) -> dict[str, str]:
    parts = path.name.split(".")[0].split("_")
    return {key: value for part in parts if "-" in part for key, _, value in [part.partition("-")]}


def _image_of(mask: Path, folders: tuple[Path, ...]) -> Path:
    wanted = {k: v for k, v in _entities(mask).items() if k not in NOT_OF_IMAGES}
    found: list[tuple[int, Path]] = []
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.glob("*.nii*")) if folder.is_dir() else ():
            own = _entities(path)
            if path.name.endswith(MASKS) or own.get("sub") != wanted.get("sub"):
                continue
            if all(own.get(k, v) == v for k, v in wanted.items()) and all(
                wanted.get(k, v) == v for k, v in own.items()
            ):
                found.append((sum(own.get(k) == v for k, v in wanted.items()), path))
    best = [path for score, path in found if score == max(s for s, _ in found)]
    if not best:
        raise ImageError(f"There is no image for {mask}; looked in {' and '.join(map(str, dict.fromkeys(folders)))}.")
    if len({path.name for path in best}) > 1:
        raise ImageError(f"{mask.name} fits several images: {', '.join(sorted({p.name for p in best})[:4])}.")
    return best[0]


def _people(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / PARTICIPANTS
    if not path.is_file():
        return {}
    table = open_table(path, [PARTICIPANT])
    return {
        row[PARTICIPANT].strip(): {
            k: "" if v.strip() == "n/a" else v.strip() for k, v in row.items() if k and k != PARTICIPANT
        }
        for row in table.rows()
    }
