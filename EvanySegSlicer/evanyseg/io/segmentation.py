"""Segmentations in memory: segments as label values in one or more layers (segments may overlap)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property

import numpy as np

from ..errors import ImageError
from ..geometry.plane_stack import PlaneStack
from ..geometry.volume import Volume
from .align import aligned, empty_like
from .dicom.codes import SegmentAlgorithm, SegmentedProperty

MAX_LABELS = 4096
"""With more different values it is an image, or a map of instances (cells, fibres)."""

MAX_INSTANCES = 65535
EVEN_NEIGHBORS = 0.5
"""Share of neighbouring labelled voxels that agree: most of them in a map of instances, few in an image."""

SHOWN = 30
"""Names that a message lists."""

ROUNDED = 1e-3
"""Labels stored as integers with a slope come back nearly whole: 3 as 3.00005."""

MANY_WITHOUT_GROUND = 16
"""So many values and not one background voxel: an image as well."""

MASK = "mask"
"""Id and name of the only object of a picture, or of all segments as one."""

DEFAULT_COLOR = (0.5, 0.68, 0.5)


@dataclass(frozen=True)
class Segment:
    """One structure: voxels of `layer` that hold `value`. color: red, green, blue in [0, 1].

    `property` (what it is, in codes) and `algorithm` (who made it) are None where the file does not say.
    """

    id: str
    name: str
    value: int
    layer: int = 0
    color: tuple[float, float, float] = DEFAULT_COLOR
    property: SegmentedProperty | None = None
    algorithm: SegmentAlgorithm | None = None


@dataclass(frozen=True)
class Segmentation:
    """Layers of integer labels [K, J, I] on one grid, and the segments they hold.

    `caveats`: doubts about the masks that reading them raised (cut fractions, drawn on another series, ...);
    `segment_caveats`: the same by segment id; `remarks`: sentences about what was left out or assumed.
    """

    grid: Volume = field(repr=False)
    layers: tuple[np.ndarray, ...] = field(repr=False)
    segments: tuple[Segment, ...]
    caveats: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    segment_caveats: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def mask(self, segment: Segment) -> np.ndarray:
        """bool [K, J, I] of one segment, on the segmentation's own grid."""
        return self.layers[segment.layer] == segment.value

    @cached_property
    def labels(self) -> dict[str, str]:
        """What each segment is called for a person, by id: its name, with the id where others share the name."""
        return segment_labels({s.id: s.name for s in self.segments})

    def named(self, name: str) -> Segment:
        """By name, else by id, else by label value. Raises ImageError that lists the names, and for a word that means
        several segments, with their ids."""
        number = name.strip().removesuffix(".0")  # as spreadsheets write whole numbers
        tests = (lambda s: s.name == name, lambda s: s.id == name, lambda s: str(s.value) == number)
        found = next((hits for test in tests if (hits := [s for s in self.segments if test(s)])), [])
        where = self.grid.name or "the segmentation"
        if len(found) > 1:
            ids = ", ".join(s.id for s in found)
            raise ImageError(f"'{name}' means {len(found)} segments of {where}; name one by its id: {ids}.")
        if not found:
            labels = list(self.labels.values())
            shown = ", ".join(labels[:SHOWN]) + (f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else "")
            near = get_close_matches(name, labels, 1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            raise ImageError(f"There is no segment '{name}' in {where}; it has {shown or 'none'}.{meant}")
        return found[0]

    def only(self, names: list[str]) -> Segmentation:
        """With the named segments alone, each once, in that order; all of them when `names` is empty."""
        return replace(self, segments=tuple(dict.fromkeys(map(self.named, names)))) if names else self

    def called(self, label: str) -> Segmentation:
        """With the segments of this name, id or value alone (several: `1;2`); the only object of a picture, which names
        nothing itself, is called so. Raises ImageError."""
        if len(self.segments) == 1 and self.segments[0].id == MASK and not label.isdecimal():
            return replace(self, segments=(replace(self.segments[0], name=label),))
        return self.only(label.split(";"))

    def caveats_of(self, segment: Segment) -> tuple[str, ...]:
        """Doubts about one segment: those about the whole file, and its own."""
        return self.caveats + self.segment_caveats.get(segment.id, ())

    @property
    def all_caveats(self) -> tuple[str, ...]:
        """Doubts about any segment, each once."""
        return tuple(dict.fromkeys(c for s in self.segments for c in self.caveats_of(s))) or self.caveats

    def on_grid_of(self, volume: Volume, allow_cropped: bool = False, planes: PlaneStack | None = None) -> Segmentation:
        """The same segments on the volume's voxels, with caveats about what that cost: see `align`.

        Raises ImageError when a 2D image's mask has another size, GeometryError when more than a hundredth of a segment
        lies outside the volume (`allow_cropped`: when all of it does).
        """
        return aligned(self, volume, allow_cropped, planes)


def whole_labels(values: np.ndarray, name: str) -> np.ndarray:
    """Labels as small unsigned integers; floats within `ROUNDED` of whole values are taken, anything else is refused.

    Raises ImageError for NaN, fractions, negative values, and more values than a label map has.
    """
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.size and not np.issubdtype(values.dtype, np.integer):
        if not np.isfinite(values).all():
            raise ImageError(f"The label map {name} has values that are not numbers.")
        whole = np.round(values)
        off = np.abs(values - whole) > ROUNDED
        if off.any():
            raise ImageError(
                f"The label map {name} has fractions such as {values[off].flat[0]:g}; is it an image, or a soft mask? "
                "--threshold 0.5 takes everything above that value as the mask."
            )
        values = whole
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if low < 0:
        raise ImageError(f"The label map {name} has negative labels (down to {low:g}); is it an image?")
    if high > 2**32 - 1:
        raise ImageError(f"The label map {name} has labels up to {high:g}, more than can be told apart.")
    kind = np.uint8 if high < 2**8 else np.uint16 if high < 2**16 else np.uint32
    return values.astype(kind, copy=False)


def segmentation_of_labels(labels: np.ndarray, grid: Volume) -> Segmentation:
    """One segment per non-zero value of integer labels [K, J, I], named 'Label 3' after the value.

    Raises ImageError when there are more values than a label map or a map of instances has.
    """
    found: set[int] = set()
    for plane in labels:  # one slice at a time: counting needs eight bytes a voxel
        found.update(values_of(plane).tolist())
    values = sorted(found - {0})
    full = len(values) > MANY_WITHOUT_GROUND and bool(labels.all())
    if full or len(values) > MAX_INSTANCES or (len(values) > MAX_LABELS and not _instances(labels)):
        ground = " and no background" if full else ""
        raise ImageError(f"{grid.name} has {len(values)} different labels{ground}; is it an image instead of a mask?")
    segments = tuple(Segment(f"Label_{v}", f"Label {v}", int(v), color=_color(n)) for n, v in enumerate(values))
    return Segmentation(empty_like(grid), (labels,), segments)


def values_of(labels: np.ndarray) -> np.ndarray:
    """The different values of integer labels that are not negative, ascending; small types are counted, not sorted."""
    small = labels.dtype.kind == "u" and labels.itemsize < 4
    return np.flatnonzero(np.bincount(labels.ravel())) if small else np.unique(labels)


def _instances(labels: np.ndarray) -> bool:
    """Whether labels [K, J, I] lie in patches of one value, as instances do."""
    same = pairs = 0
    for plane in labels:
        a, b = plane[:, :-1], plane[:, 1:]
        both = (a > 0) & (b > 0)
        pairs += int(np.count_nonzero(both))
        same += int(np.count_nonzero(both & (a == b)))
    return same > EVEN_NEIGHBORS * pairs


def segment_labels(names: Mapping[str, str]) -> dict[str, str]:
    """What each segment id is called for a person, from names by id: the name, with the id where others share it."""
    often = Counter(names.values())
    return {i: name if often[name] == 1 and name else f"{name} ({i})".lstrip() for i, name in names.items()}


def _color(index: int) -> tuple[float, float, float]:
    """Distinct hues by the golden angle: neighbours in the list never look alike."""
    import colorsys

    return colorsys.hsv_to_rgb((0.33 + index * 0.618034) % 1.0, 0.55, 0.9)
