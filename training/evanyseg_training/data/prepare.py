"""From records to a store: open each file once, cut volumes into slices, find the objects, assign the splits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import yaml

from evanyseg.geometry.plane_stack import evenly
from evanyseg.geometry.volume import Volume
from evanyseg.io.interpolated import interpolated_values, line_of
from evanyseg.io.write import write_text
from evanyseg.pipeline.intensity import PRESETS
from evanyseg.protocols import Progress, no_progress

from ..errors import DataError
from .manifest import SplitPlan, assign_splits, write_splits
from .readers import Record
from .store import Store, StoreWriter
from .volumes import VolumeSlices, load_volume

LONGEST_SIDE = 512
PAPER_SIDE = 16
"""The paper prompts for components whose box has both sides of at least this many pixels."""


@dataclass(frozen=True)
class PrepareOptions:
    """`slices`: most slices taken from one volume for one label, evenly spread over those that show it (`slices_of`:
    the same for single sets). Smaller objects than `min_area` px or `min_side` px are noise; so are, in files with
    several labels, components that are nowhere `min_side` px thick: label maps that were once interpolated have such
    rims of label 2 between label 1 and label 3."""

    slices: int = 12
    slices_of: Mapping[str, int] = field(default_factory=dict)
    min_area: int = 12
    min_side: int = 3
    plan: SplitPlan = field(default_factory=SplitPlan)


def build_store(
    records: Iterable[Record], out: Path, options: PrepareOptions | None = None, progress: Progress = no_progress
) -> Store:
    """Write the store at `out` (a new folder) and open it.

    Raises DataError for unreadable files, masks of another shape than their image, or no records at all.
    """
    options = options or PrepareOptions()
    ordered = sorted(records, key=lambda r: (r.set, str(r.image)))
    if not ordered:
        raise DataError("There is nothing to prepare: the readers found no image with a mask.")
    splits = assign_splits(((r.source, r.subject, r.use) for r in ordered), options.plan)
    writer = StoreWriter(out)
    done = 0
    for _, group in groupby(ordered, key=lambda r: (r.set, r.image)):
        of_image = list(group)
        progress(done / len(ordered), of_image[0].set)
        _add_file(writer, of_image, splits[of_image[0].source, of_image[0].subject], options)
        done += len(of_image)
    write_splits(writer.partial / "splits.csv", splits, options.plan)
    described = {**asdict(options), "slices_of": dict(options.slices_of)}
    write_text(writer.partial / "prepare.yaml", yaml.safe_dump(described))
    progress(1.0, "done")
    return writer.close()


def _add_file(writer: StoreWriter, records: list[Record], split: str, options: PrepareOptions) -> None:
    first = records[0]
    shared = {n: getattr(first, n) for n in ("set", "source", "use", "modality", "subject")} | {"split": split}
    if not first.is_3d:
        pixels = _gray_or_color(load_image(first.image))
        _add_slice(writer, pixels, records, lru_cache(load_labels), shared, -1, options)
        return
    slices, labels = VolumeSlices(load_volume(first.image)), lru_cache(load_volume)
    for index in _chosen_slices(slices, records, labels, options):
        at: Callable[[Path], np.ndarray] = lambda path, k=index: slices.labels(labels(path), k)  # type: ignore[misc]
        _add_slice(writer, slices.image(index), records, at, shared, index, options)


def _add_slice(
    writer: StoreWriter,
    pixels: np.ndarray,
    records: list[Record],
    labels: Callable[[Path], np.ndarray],
    shared: dict[str, str],
    index: int,
    options: PrepareOptions,
) -> None:
    shape = pixels.shape[:2]
    small = _fitted(pixels, cv2.INTER_AREA)
    image_id = -1
    whole_rows: dict[tuple[Path, str, str], int] = {}
    for record in sorted(records, key=lambda r: r.prediction is not None):
        key = (record.mask, record.mask_value, record.label)
        if key not in whole_rows:
            map_ = labels(record.mask)
            if map_.shape != shape:
                raise DataError(f"{record.mask.name} has another size than its image {record.image.name}.")
            several = len({r.mask_value for r in records if r.mask == record.mask}) > 1
            fitted = _fitted(without_lines(map_) if several else map_, cv2.INTER_NEAREST)
            found = objects_of(fitted, record, options, artifacts=several)
            for mask, component, whole, count in found:
                if image_id < 0:
                    image_id = writer.add_image(small, **shared, path=_relative(record.image), slice=index)
                box, offset = writer.add_mask(mask)
                row = writer.add_row(
                    **shared, image_id=image_id, label=record.label, kind="object", component=component, whole=whole,
                    n_components=count, mask_value=record.mask_value, x0=box[0], y0=box[1], x1=box[2], y1=box[3],
                    paper=bool(component and min(box[2] - box[0], box[3] - box[1]) >= PAPER_SIDE),
                    area=int(mask.sum()), mask_offset=offset,
                )  # fmt: skip
                if whole:
                    whole_rows[key] = row
        if record.prediction is not None and key in whole_rows:
            _add_prediction(writer, record, labels(record.prediction), whole_rows[key], shape)


def _add_prediction(
    writer: StoreWriter, record: Record, map_: np.ndarray, reference: int, shape: tuple[int, int]
) -> None:
    if map_.shape != shape:
        raise DataError(f"{record.prediction} has another size than its image {record.image.name}.")
    box, offset = writer.add_mask(select_values(_fitted(map_, cv2.INTER_NEAREST), record.mask_value))
    kept = dict(writer.rows[reference])
    kept.pop("row")
    writer.add_row(
        **{
            **kept,
            "kind": "prediction",
            "reference": reference,
            "prediction_source": record.prediction_source,
            "human_annotator": record.prediction_source.startswith("human rater"),
            "px0": box[0],
            "py0": box[1],
            "px1": box[2],
            "py1": box[3],
            "prediction_offset": offset,
        }
    )


def objects_of(
    map_: np.ndarray, record: Record, options: PrepareOptions, artifacts: bool = False
) -> Iterator[tuple[np.ndarray, bool, bool, int]]:
    """(mask bool [H, W], is a component, is the whole, components in it) for each object of a label map [H, W].

    `artifacts`: the file may have interpolation artifacts; components that are nothing else are left out.
    """
    if record.mask_value == "instances":
        for value in np.unique(map_[map_ > 0]):
            for mask in components_of(map_ == value, options)[:1]:
                yield mask, True, True, 1
        return
    whole = select_values(map_, record.mask_value)
    components = components_of(whole, options)
    if artifacts:
        components = [p for p in components if _has_a_core(p, options.min_side)]
    if len(components) == 1:
        yield components[0], True, True, 1
    elif components:
        for component in components:
            yield component, True, False, 1
        yield np.any(components, axis=0), False, True, len(components)


def without_lines(map_: np.ndarray) -> np.ndarray:
    """A label map [H, W] in which the lines that interpolation has left between labels belong to the lower one."""
    values = interpolated_values(map_[None])
    if not values:
        return map_
    lower = cv2.erode(map_.astype(np.float32), np.ones((5, 5), np.uint8)).astype(map_.dtype)
    return np.where(np.logical_or.reduce([line_of(map_, value) for value in values]), lower, map_)


def components_of(mask: np.ndarray, options: PrepareOptions) -> list[np.ndarray]:
    """8-connected components of a bool [H, W] mask, largest first, without small ones."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = [
        i
        for i in range(1, count)
        if stats[i, cv2.CC_STAT_AREA] >= options.min_area
        and min(stats[i, cv2.CC_STAT_WIDTH], stats[i, cv2.CC_STAT_HEIGHT]) >= options.min_side
    ]
    return [labels == i for i in sorted(keep, key=lambda i: -stats[i, cv2.CC_STAT_AREA])]


def _has_a_core(mask: np.ndarray, side: int) -> bool:
    """Whether a square of `side` px fits somewhere into a bool [H, W] mask."""
    return bool(cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8)).any())


def select_values(map_: np.ndarray, mask_value: str) -> np.ndarray:
    """bool [H, W]: pixels with one of the values 'a;b'; 'nonzero' and 'instances' mean any."""
    if mask_value in ("nonzero", "instances"):
        return map_ > 0
    return np.isin(map_, [int(v) for v in mask_value.split(";")])


def load_image(path: Path) -> np.ndarray:
    """uint8 or uint16 [H, W, 1 or 3] (RGB). Raises DataError when it cannot be read."""
    pixels = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    if pixels is None:
        raise DataError(f"{path} is missing or not a readable image.")
    return pixels[..., None] if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 2::-1])


def load_labels(path: Path) -> np.ndarray:
    """Integer label map [H, W] of an image file. Raises DataError when it cannot be read."""
    map_ = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if map_ is None:
        raise DataError(f"{path} is missing or not a readable mask.")
    return map_ if map_.ndim == 2 else map_[..., :3].max(axis=2)


def _gray_or_color(pixels: np.ndarray) -> np.ndarray:
    gray = pixels.shape[2] == 1 or (np.array_equal(pixels[..., 0], pixels[..., 1])
                                    and np.array_equal(pixels[..., 1], pixels[..., 2]))  # fmt: skip
    if not gray:
        return PRESETS["rgb"].fit(pixels).apply(pixels)
    return PRESETS["percentile"].fit(pixels[..., 0]).apply(pixels[..., 0])[..., :1]


def _fitted(pixels: np.ndarray, interpolation: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    source = pixels if pixels.dtype != np.int32 else pixels.astype(np.float32)  # cv2 cannot resize int32
    out = cv2.resize(source, size, interpolation=interpolation)
    return out[..., None] if pixels.ndim == 3 and out.ndim == 2 else out


def _chosen_slices(
    slices: VolumeSlices, records: list[Record], labels: Callable[[Path], Volume], options: PrepareOptions
) -> list[int]:
    most = options.slices_of.get(records[0].set, options.slices)
    chosen: set[int] = set()
    for record in records:
        shown = slices.showing(select_values(np.rint(labels(record.mask).array), record.mask_value))
        if shown.size:
            chosen.update(int(k) for k in evenly(shown, most))
    return sorted(chosen)


def _relative(path: Path) -> str:
    """The last three parts: enough to find the file, without the machine's folders."""
    return "/".join(path.parts[-3:])
