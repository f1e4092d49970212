"""Slicer's `.seg.nrrd`: NRRD with one `SegmentN_...` group of metadata per segment, and layers for overlaps.

Format: the NRRD definition (teem) and Slicer's segmentation file format page; the layers are the first, fastest axis
of kind `list`.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ImageError
from ..geometry.volume import Volume
from .align import empty_like
from .dicom.terminology import property_of_tags, tags_of_property
from .formats.nrrd import segment_numbers
from .segmentation import Segment, Segmentation, whole_labels
from .write import atomic_path

_REPRESENTATIONS = tuple(
    f"Segmentation_{kind}" for kind in ("MasterRepresentation", "SourceRepresentation", "ContainedRepresentationNames")
)
_TYPES = {"uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int"}


def is_seg_nrrd(path: Path, meta: dict[str, str]) -> bool:
    return bool(segment_numbers(meta)) or path.name.lower().endswith((".seg.nrrd", ".seg.nhdr"))


def segmentation_of_nrrd(volume: Volume, meta: dict[str, str]) -> Segmentation:
    """Segments as the metadata names them; voxels as read (`volume.array` [K, J, I] or [K, J, I, layers]).

    Values that no segment claims become segments of their own when there is no metadata at all, else they are left
    out with a remark; so are segments without voxels. Ids are made unique.
    Raises ImageError for fractional maps, and for metadata that contradicts the voxels.
    """
    if any("fractional" in meta.get(key, "").lower() for key in _REPRESENTATIONS):
        raise ImageError(
            f"{volume.name} holds a fractional label map (shares of voxels); export it as a binary label map, in "
            "Slicer's module Segmentations."
        )
    array = volume.array
    layers = (array,) if array.ndim == 3 else tuple(np.ascontiguousarray(array[..., n]) for n in range(array.shape[-1]))
    layers = tuple(whole_labels(layer, volume.name) for layer in layers)
    grid = empty_like(volume)
    # numbers may have gaps: another program deleted a segment
    segments = _with_unique_ids([
        _segment(meta, number, place, len(layers), volume.name) for place, number in enumerate(segment_numbers(meta))
    ])  # fmt: skip
    held = [set(np.unique(layer).tolist()) - {0} for layer in layers]
    if not segments:
        found = [(n, v) for n, values in enumerate(held) for v in sorted(values)]
        named = tuple(Segment(f"Segment_{n}_{v}", f"Label {v}", v, n) for n, v in found)
        return Segmentation(grid, layers, named)
    return Segmentation(grid, layers, tuple(segments), remarks=_checked(segments, held, volume.name))


def _checked(segments: list[Segment], held: list[set[int]], name: str) -> tuple[str, ...]:
    """Remarks about segments and voxels that do not belong together. Raises ImageError when nothing does."""
    claimed: dict[tuple[int, int], Segment] = {}
    for segment in segments:
        other = claimed.setdefault((segment.layer, segment.value), segment)
        if other is not segment:
            raise ImageError(f"{name} gives '{other.name}' and '{segment.name}' the same voxels; save it again.")
    unclaimed = sorted({v for n, values in enumerate(held) for v in values if (n, v) not in claimed})
    empty = [s for s in segments if s.value not in held[s.layer]]
    values = ", ".join(map(str, unclaimed[:12])) + ", ..." * (len(unclaimed) > 12)
    if unclaimed and len(empty) == len(segments):
        raise ImageError(
            f"{name} names segments that none of its voxels belongs to: the voxels hold {values}, the header knows "
            f"{', '.join(str(s.value) for s in segments[:12])}; save it again."
        )
    remarks = []
    if unclaimed:
        remarks.append(f"{name} has voxels of the value {values}, which no segment claims: they are left out.")
    if empty:
        remarks.append(f"Without voxels, and so without a score: {', '.join(s.name for s in empty)}.")
    return tuple(remarks)


def _with_unique_ids(segments: list[Segment]) -> list[Segment]:
    seen: set[str] = set()
    found = []
    for segment in segments:
        identity, count = segment.id, 1
        while identity in seen:
            count += 1
            identity = f"{segment.id}_{count}"
        seen.add(identity)
        found.append(replace(segment, id=identity))
    return found


def write_seg_nrrd(path: Path, segmentation: Segmentation) -> None:
    """Write so that Slicer opens it with names, colours and layers. Atomic. Raises OutputError."""
    grid, layers = segmentation.grid, segmentation.layers
    kind = max((layer.dtype for layer in layers), key=lambda d: d.itemsize)
    if kind.name not in _TYPES:
        raise ImageError(f"Labels of type {kind.name} cannot be written to {path.name}.")
    data = layers[0].astype(kind, copy=False) if len(layers) == 1 else np.stack(layers, axis=-1).astype(kind)
    with atomic_path(path) as part, open(part, "wb") as file:
        file.write(_header(segmentation, grid, kind.name, len(layers)).encode("utf-8"))
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=4, mtime=0) as packed:
            packed.write(np.ascontiguousarray(data).data)


def _header(segmentation: Segmentation, grid: Volume, kind: str, layers: int) -> str:
    k, j, i = grid.shape
    several = layers > 1
    matrix = grid.ijk_to_lps[:3, :3]
    axes = " ".join(f"({','.join(_number(v) for v in matrix[:, a])})" for a in range(3))
    lines = [
        "NRRD0005",
        "# Written by EvanySeg",
        f"type: {_TYPES[kind]}",
        f"dimension: {4 if several else 3}",
        "space: left-posterior-superior",
        f"sizes: {f'{layers} ' if several else ''}{i} {j} {k}",
        f"space directions: {'none ' if several else ''}{axes}",
        f"kinds: {'list ' if several else ''}domain domain domain",
        *(["endian: little"] if kind != "uint8" else []),
        "encoding: gzip",
        f"space origin: ({','.join(_number(v) for v in grid.origin)})",
        "Segmentation_MasterRepresentation:=Binary labelmap",
        "Segmentation_SourceRepresentation:=Binary labelmap",
        "Segmentation_ContainedRepresentationNames:=Binary labelmap|",
        "Segmentation_ReferenceImageExtentOffset:=0 0 0",
    ]
    for n, segment in enumerate(segmentation.segments):
        lines += [
            f"Segment{n}_ID:={_text(segment.id)}",
            f"Segment{n}_Name:={_text(segment.name)}",
            f"Segment{n}_NameAutoGenerated:=0",
            f"Segment{n}_Color:={' '.join(f'{c:.6g}' for c in segment.color)}",
            f"Segment{n}_ColorAutoGenerated:=0",
            f"Segment{n}_LabelValue:={segment.value}",
            f"Segment{n}_Layer:={segment.layer}",
            f"Segment{n}_Extent:=0 {i - 1} 0 {j - 1} 0 {k - 1}",
            *([f"Segment{n}_Tags:={_text(tags_of_property(segment.property))}"] if segment.property else []),
        ]
    return "\n".join(lines) + "\n\n"


def _segment(meta: dict[str, str], index: int, place: int, layers: int, name: str) -> Segment:
    """Segment number `index`, the `place`-th of the file."""

    def get(key: str, other: str) -> str:
        return meta.get(f"Segment{index}_{key}", other).strip()

    try:
        value, layer = int(get("LabelValue", "1")), int(get("Layer", str(min(place, layers - 1))))
        red, green, blue = (float(v) for v in get("Color", "0.5 0.68 0.5").split())
    except ValueError:
        raise ImageError(f"{name} has metadata of segment {index} that cannot be read; save it again.") from None
    if not 0 <= layer < layers:
        raise ImageError(f"{name} says that segment {index} is in layer {layer}, but it has {layers}.")
    identity = get("ID", f"Segment_{index}")
    known = property_of_tags(get("Tags", ""))
    return Segment(identity, get("Name", identity), value, layer, (red, green, blue), known)


def _number(value: float) -> str:
    return f"{float(value):.17g}"


def _text(value: str) -> str:
    """One line, as the format asks for: backslash and newline are escaped in key/value pairs."""
    return value.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n")
