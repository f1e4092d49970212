"""The Medical Segmentation Decathlon: `dataset.json` lists pairs of files under "training"."""

from __future__ import annotations

from pathlib import Path

from ...errors import ImageError
from ..case import AuditCase
from .described import Description, ending_of, images_in


def decathlon_cases(folder: Path, described: Description, masks: Path | None) -> list[AuditCase]:
    """Raises ImageError for entries that are no pairs, or that lead out of the folder."""
    predicted = images_in(masks) if masks is not None else None
    names = described.names_in(folder)
    cases = []
    for entry in described.content["training"]:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(k), str) for k in ("image", "label")):
            raise ImageError(
                f"{folder / 'dataset.json'}: an entry of 'training' is no pair of image and label: {entry!r}."
            )
        image, label = (_inside(folder, entry[key]) for key in ("image", "label"))
        name = image.name[: -len(ending_of(image))] if ending_of(image) else image.name
        if predicted is None:
            cases.append(AuditCase(name, image, label, name, names=names))
        elif name in predicted:
            cases.append(AuditCase(name, image, predicted[name], name, names=names))
    return sorted(cases, key=lambda case: case.name)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ImageError(f"{folder / 'dataset.json'} names {name}, which lies outside of the data set.")
    return path
