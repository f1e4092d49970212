"""Segmentations in memory: segments as label values in one or more layers (segments may overlap)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import ImageError
from ..geometry.plane_stack import PlaneStack
from ..geometry.volume import Volume
from .align import aligned, empty_like
from .dicom.codes import SegmentAlgorithm, SegmentedProperty

MAX_LABELS = 4096
"""More different values than any label map has: an image was given where a mask was expected."""

ROUNDED = 1e-3
"""Labels stored as integers with a slope come back nearly whole: 3 as 3.00005."""

MANY_WITHOUT_GROUND = 16
"""So many values and not one background voxel: an image as well."""

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

    def named(self, name: str) -> Segment:
        """By name, id or label value. Raises ImageError that lists the names."""
        for segment in self.segments:
            if name in (segment.name, segment.id, str(segment.value)):
                return segment
        known = ", ".join(s.name for s in self.segments)
        raise ImageError(f"There is no segment '{name}' in {self.grid.name or 'the segmentation'}; it has {known}.")

    def only(self, names: list[str]) -> Segmentation:
        """With the named segments alone (in that order); all of them when `names` is empty."""
        return replace(self, segments=tuple(self.named(n) for n in names)) if names else self

    def caveats_of(self, segment: Segment) -> tuple[str, ...]:
        """Doubts about one segment: those about the whole file, and its own."""
        return self.caveats + self.segment_caveats.get(segment.id, ())

    @property
    def all_caveats(self) -> tuple[str, ...]:
        """Doubts about any segment, each once."""
        return tuple(dict.fromkeys(c for s in self.segments for c in self.caveats_of(s))) or self.caveats

    def on_grid_of(self, volume: Volume, allow_cropped: bool = False, planes: PlaneStack | None = None) -> Segmentation:
        """The same segments on the volume's voxels, with caveats about what that cost: see `align`.

        Raises ImageError when a picture's mask has another size, GeometryError when more than a hundredth of a segment
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

    Raises ImageError when there are more values than a label map has.
    """
    found: set[int] = set()
    for plane in labels:  # one slice at a time: counting needs eight bytes a voxel
        found.update((np.flatnonzero(np.bincount(plane.ravel())) if plane.itemsize < 4 else np.unique(plane)).tolist())
    values = sorted(found - {0})
    full = len(values) > MANY_WITHOUT_GROUND and bool(labels.all())
    if full or len(values) > MAX_LABELS:
        ground = " and no background" if full else ""
        raise ImageError(f"{grid.name} has {len(values)} different labels{ground}; is it an image instead of a mask?")
    segments = tuple(Segment(f"Label_{v}", f"Label {v}", int(v), color=_color(n)) for n, v in enumerate(values))
    return Segmentation(empty_like(grid), (labels,), segments)


def _color(index: int) -> tuple[float, float, float]:
    """Distinct hues by the golden angle: neighbours in the list never look alike."""
    import colorsys

    return colorsys.hsv_to_rgb((0.33 + index * 0.618034) % 1.0, 0.55, 0.9)
