"""Names of label values, and a label map's segments under these names."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...errors import ImageError
from ..segmentation import Segment, Segmentation

IGNORED = "ignore"
"""nnU-Net's name for voxels that nobody has labelled: no structure."""


@dataclass(frozen=True)
class LabelName:
    """`values`: the label values that make the structure up; several for a region ('whole tumor' of 1, 2 and 3)."""

    name: str
    values: tuple[int, ...]
    color: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class LabelNames:
    """Entries for values above zero, in the file's order; `source`: where they come from, in words."""

    entries: tuple[LabelName, ...]
    source: str

    def covers(self, values: set[int]) -> bool:
        """Whether any of these values has a name."""
        return any(values & set(entry.values) for entry in self.entries)


def with_names(segmentation: Segmentation, names: LabelNames) -> Segmentation:
    """A label map's segments (one a value, one layer) under the names of its values.

    A region of several values becomes a segment of its own, on a layer of its own; values without a name keep their
    number unless a region has them. What is left out or unnamed is said in `remarks`. Raises ImageError when none of
    the values has a name.
    """
    known = {s.value: s for s in segmentation.segments}
    if known and not names.covers(set(known)):
        raise ImageError(
            f"{names.source} names the labels {_listed(v for e in names.entries for v in e.values)}, but "
            f"{segmentation.grid.name} has {_listed(known)}: do they belong together?"
        )
    segments: list[Segment] = []
    layers = list(segmentation.layers)
    named: set[int] = set()
    ignored: set[int] = set()
    for entry in names.entries:
        here = [v for v in entry.values if v in known]
        if entry.name.lower() == IGNORED:
            ignored.update(here)
            continue
        named.update(here)
        if len(entry.values) == 1:
            segments += [_named(known[v], entry) for v in here]
        elif here:
            layers.append(np.isin(segmentation.layers[0], here).astype(np.uint8))
            identity = "Region_" + "_".join(map(str, entry.values))
            segments.append(_named(Segment(identity, entry.name, 1, len(layers) - 1, known[here[0]].color), entry))
    unnamed = [s for s in segmentation.segments if s.value not in named | ignored]
    remarks = [f"Labels are named by {names.source}."] if known else []
    if unnamed:
        remarks.append(f"It has no name for the values {_listed(s.value for s in unnamed)}.")
    if ignored:
        remarks.append(f"The value {_listed(ignored)} is '{IGNORED}' there and is left out.")
    segments = sorted([*segments, *unnamed], key=lambda s: (s.layer, s.value))
    return replace(
        segmentation, layers=tuple(layers), segments=tuple(segments), remarks=(*segmentation.remarks, *remarks)
    )


def _named(segment: Segment, entry: LabelName) -> Segment:
    return replace(segment, name=entry.name, color=entry.color or segment.color)


def _listed(values: object) -> str:
    numbers = sorted(set(values))  # type: ignore[call-overload]
    shown = ", ".join(map(str, numbers[:12]))
    return f"{shown}, ..." if len(numbers) > 12 else shown
