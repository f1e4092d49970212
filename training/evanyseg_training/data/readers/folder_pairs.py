"""Image and mask folders as EvanySeg's repository wants them: `NAME/[PART/]images/FILE` with `NAME/[PART/]masks/FILE`.

Files pair by stem (extensions may differ). A mask with values 0 and 255 (or 0 and 1) is one object class; anything
between is a label map with one class per value.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import DataError, ManifestError
from ..manifest import USES
from .record import Record

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
IMAGES, MASKS = ("images", "image"), ("masks", "mask", "labels")


def read_folder_pairs(
    root: Path, use: str = "train", modality: str = "", subject_by: str | None = None
) -> Iterator[Record]:
    """Records of every `images` folder under `root` that has a `masks` folder beside it.

    `subject_by`: file names up to this text are the subject ('_' makes p07_slice3 subject p07); without it every image
    is a subject of its own. The set is the folder's name. Raises DataError when there is no pair, or an image has
    no mask.
    """
    if use not in USES:
        raise ManifestError(f"Unknown use '{use}'; write one of {', '.join(USES)}.")
    folders = sorted(p for p in [root, *root.rglob("*")] if p.is_dir() and p.name in IMAGES)
    if root.is_dir() and not folders:
        folders = [root / name for name in IMAGES if (root / name).is_dir()]
    found = False
    for images in folders:
        masks = next((images.parent / name for name in MASKS if (images.parent / name).is_dir()), None)
        if masks is None:
            continue
        by_stem = {p.stem: p for p in masks.iterdir() if p.suffix.lower() in SUFFIXES}
        name = _set_name(root, images.parent)
        for image in sorted(p for p in images.iterdir() if p.suffix.lower() in SUFFIXES):
            if image.stem not in by_stem:
                raise DataError(f"{image.name} in {images} has no mask of the same name in {masks}.")
            found = True
            mask = by_stem[image.stem]
            subject = image.stem.split(subject_by)[0] if subject_by else image.stem
            for value, label in _classes(mask):
                yield Record(
                    image=image,
                    mask=mask,
                    set=name,
                    source=name.split("/")[0],
                    subject=subject,
                    use=use,
                    modality=modality,
                    label=label,
                    mask_value=value,
                )
    if not found:
        raise DataError(f"{root} has no folder 'images' with a folder 'masks' beside it.")


def _set_name(root: Path, parent: Path) -> str:
    inner = parent.relative_to(root)
    return root.resolve().name if inner == Path(".") else inner.as_posix()


def _classes(mask: Path) -> list[tuple[str, str]]:
    from ..prepare import load_labels

    values = np.unique(load_labels(mask))
    values = values[values > 0]
    if len(values) <= 1 or values.max() == 255:  # binary, perhaps with JPEG's gray edges
        return [("nonzero" if len(values) <= 1 else ";".join(str(v) for v in values[values > 127]), "object")]
    return [(str(v), f"class {v}") for v in values]
