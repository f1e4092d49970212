"""What a segment is, as a label that is the same in other scenes: its terminology code where there is one, else its
name."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.io.dicom.terminology import TAG, property_of_tags

from .segment_store import SegmentStore
from .volume_reader import VolumeSnapshot

if TYPE_CHECKING:
    from slicer import vtkSegment

GENERIC = {("SCT", "85756007"), ("SRT", "T-D0050")}
"""Tissue: what Slicer calls every new segment."""
HASHED_SLICES = 5
_UNNAMED = re.compile(r"(segment[ _]*\d*)?", re.IGNORECASE)


def label_of(segment: vtkSegment) -> str:
    """'Kidney Left [SCT 64033007, SCT 7771000]', or the name in lower case; '' for a segment that has only Slicer's own
    name (Segment_1): in another scene it is another structure."""
    import vtk

    text = vtk.reference("")
    segment.GetTag(TAG, text)
    known = property_of_tags(f"{TAG}:{text}|")
    if known is not None and (known.type.scheme, known.type.value) not in GENERIC:
        codes = (known.type, *known.modifiers, *known.regions)
        meaning = " ".join(code.meaning for code in codes if code.meaning)
        return f"{meaning} [{', '.join(f'{code.scheme} {code.value}' for code in codes)}]"
    name = " ".join(segment.GetName().split())
    return "" if _UNNAMED.fullmatch(name) else name.casefold()


def labels_of(store: SegmentStore, volume: VolumeSnapshot) -> dict[str, str]:
    """Segment id -> label; segments without a name of their own get one that holds in this volume alone."""
    labels = {}
    for segment_id in store.ids():
        known = label_of(store.segmentation.GetSegment(segment_id))
        labels[segment_id] = known or f"{store.name(segment_id)} of {subject_of(volume)}"
    return labels


def subject_of(volume: VolumeSnapshot) -> str:
    """Hex digits that stand for the volume's content, from a few of its slices: the same in every scene."""
    digest = hashlib.blake2b(str(volume.array.shape).encode(), digest_size=8)
    for index in sorted({round(n) for n in np.linspace(0, volume.dims[2] - 1, HASHED_SLICES)}):
        digest.update(volume.image_hash(volume.plane(2, index)).encode())
    return digest.hexdigest()
