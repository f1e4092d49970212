"""nnU-Net's folders: `imagesTr/NAME_0000.nii.gz` (one file a channel) beside `labelsTr/NAME.nii.gz`."""

from __future__ import annotations

from pathlib import Path

from ...errors import ImageError
from ..case import AuditCase
from .described import Description, images_in

FIRST_CHANNEL = "_0000"


def nnunet_cases(folder: Path, described: Description, masks: Path | None) -> list[AuditCase]:
    """The first channel is what is looked at. With a folder of masks, images of `imagesTs` count as well.

    Raises ImageError for a mask without its image.
    """
    images: dict[str, Path] = {}
    for part in ("imagesTr", "imagesTs") if masks is not None else ("imagesTr",):
        found = images_in(folder / part)
        images |= {n.removesuffix(FIRST_CHANNEL): p for n, p in found.items() if n.endswith(FIRST_CHANNEL)}
        # version 1 wrote pictures of one channel without a number
        images |= {n: p for n, p in found.items() if n[-5:-4] != "_" or not n[-4:].isdigit()}
    labels = images_in(masks or folder / "labelsTr")
    without = [name for name in labels if name not in images]
    if without:
        raise ImageError(
            f"{len(without)} masks of {masks or folder / 'labelsTr'} have no image in {folder / 'imagesTr'}: "
            f"{', '.join(without[:3])}."
        )
    names = described.names_in(folder)
    return [AuditCase(name, images[name], path, name, names=names) for name, path in labels.items()]
