"""Neat outlines of the wrong thing: another structure wholly inside the prompt box, with hardly any overlap.

What a segmenter does that takes the wrong organ: nothing about the mask's shape tells it, only the image and what
was asked for. Two ways: a neighbor of the same image that lies inside the box, and the true outline of a structure of
somebody else, turned, mirrored and laid into the box where it covers (almost) nothing of the object, or a small part
of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage
from scipy.signal import fftconvolve

from evanyseg.geometry.box_jitter import moved
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, no_progress

from ..data.store import Store
from .mask_sources import OTHER_OBJECT
from .run import CandidateOptions, chosen_objects
from .store import CandidateWriter

MOST_DICE = 0.1
"""Masks that overlap the true object more than this are not those of another one."""
PER_OBJECT = (2, 8)
"""Least and most masks of an object."""
LOOSE, VERY_LOOSE = 0.25, 0.8
"""Edges of the prompt box lie up to this share of its side outside the object, so that it holds other things; in every
other case one horizontal and one vertical edge up to VERY_LOOSE."""
GRID = 96
"""Places are looked for on the box at this many pixels a side at most; the outline is drawn at native resolution."""
SIDES = (0.3, 0.95)
"""Longest side of an outline that is laid in, as a share of the box's shorter side; made smaller until it fits."""
LEAST_AREA = 12
NEAT = 0.9
"""Share of an outline's pixels that its largest component holds: scattered dots look like no organ."""
TRIES = 8


class OutlineSource:
    """True outlines of other people's structures, of the same split: half of them of the same set where it has any."""

    def __init__(self, store: Store) -> None:
        rows = store.manifest
        self.store = store
        self.rows = rows[(rows.kind == "object") & (rows.use == "train") & (rows.area >= 4 * LEAST_AREA)]
        self._of_split = {str(name): group for name, group in self.rows.groupby("split")}
        self._of_set = dict(iter(self.rows.groupby(["split", "set"])))

    def draw(self, row: dict[str, object], rng: np.random.Generator) -> np.ndarray | None:
        """bool [h, w]: a structure, cut to its box, turned by a quarter or mirrored at random; None if nobody else
        is there."""
        same_set = self._of_set.get((row["split"], row["set"]))
        pools = [p for p in (same_set, self._of_split.get(str(row["split"]))) if p is not None]
        for pool in pools if rng.uniform() < 0.5 else pools[::-1]:
            for _ in range(TRIES):
                other = pool.iloc[int(rng.integers(len(pool)))]
                if (other.source, other.subject) != (row["source"], row["subject"]):
                    mask = self.store.mask(int(other.row))[other.y0 : other.y1, other.x0 : other.x1]
                    turned = np.rot90(mask, int(rng.integers(4)))
                    return np.ascontiguousarray(turned[:, ::-1] if rng.uniform() < 0.5 else turned)
        return None


def other_object_masks(
    truth: np.ndarray,
    box: BoxPrompt,
    neighbors: Sequence[np.ndarray],
    source: OutlineSource,
    row: dict[str, object],
    count: int,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, str]]:
    """Up to `count` masks bool [H, W] with their method: wholly inside the box, Dice with `truth` [H, W] below
    MOST_DICE. First the neighbors [H, W] that are so, then outlines of other people."""
    inside = np.zeros(truth.shape, bool)
    x0, y0, x1, y1 = whole_pixels(box)
    inside[y0:y1, x0:x1] = True
    made = 0
    for neighbor in neighbors:
        fits = is_neat(neighbor) and not (neighbor & ~inside).any()
        if made < count and fits and dice(neighbor, truth) < MOST_DICE:
            made += 1
            yield neighbor, "neighbor"
    for _ in range(count - made):
        for _ in range(TRIES):
            outline = source.draw(row, rng)
            mask = None if outline is None else laid_inside(outline, truth, (x0, y0, x1, y1), rng)
            if mask is not None and is_neat(mask):
                yield mask, "another structure"
                break


def laid_inside(
    outline: np.ndarray, truth: np.ndarray, box: tuple[int, int, int, int], rng: np.random.Generator
) -> np.ndarray | None:
    """The outline [h, w] somewhere inside the box (x0, y0, x1, y1) with a Dice below MOST_DICE: as large as was drawn
    if a place is left, else smaller. None where there is no place for it at all."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    step = max(1.0, max(width, height) / GRID)
    here = _resized(truth[y0:y1, x0:x1], round(height / step), round(width / step))
    scale = rng.uniform(*SIDES) * min(width, height) / max(outline.shape)
    while True:
        h, w = max(round(outline.shape[0] * scale), 1), max(round(outline.shape[1] * scale), 1)
        shape = _resized(outline, h, w)
        if shape.sum() < LEAST_AREA:
            return None
        small = _resized(outline, max(round(h / step), 1), max(round(w / step), 1))
        if small.any() and all(a <= b for a, b in zip(small.shape, here.shape, strict=True)):
            shared = fftconvolve(here.astype(np.float32), small[::-1, ::-1].astype(np.float32), mode="valid")
            free = np.argwhere(2 * shared < 0.8 * MOST_DICE * (here.sum() + small.sum()))
            for row, column in free[rng.permutation(len(free))[:TRIES]]:
                top, left = min(round(row * step), height - h), min(round(column * step), width - w)
                mask = np.zeros_like(truth)
                mask[y0 + top : y0 + top + h, x0 + left : x0 + left + w] = shape
                if dice(mask, truth) < MOST_DICE:
                    return mask
        scale *= 0.75


def is_neat(mask: np.ndarray) -> bool:
    """Whether a mask [H, W] is one component, but for a little, of at least LEAST_AREA pixels."""
    if mask.sum() < LEAST_AREA:
        return False
    components, _ = ndimage.label(mask, np.ones((3, 3)))
    return bool(np.bincount(components[mask]).max() >= NEAT * mask.sum())


def loose_box(box: BoxPrompt, shape: tuple[int, int], rng: np.random.Generator) -> BoxPrompt:
    """A box on an image (H, W) that holds the object's own and more."""
    room = rng.uniform(0, LOOSE, 4)
    if rng.uniform() < 0.5:
        room[[int(rng.choice((0, 2))), int(rng.choice((1, 3)))]] = rng.uniform(LOOSE, VERY_LOOSE, 2)
    return moved(box, shape, room * (-1, -1, 1, 1))


def whole_pixels(box: BoxPrompt) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the pixels that lie wholly inside a box."""
    return int(np.ceil(box.x0)), int(np.ceil(box.y0)), int(np.floor(box.x1)), int(np.floor(box.y1))


def _resized(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    size = max(width, 1), max(height, 1)
    way = cv2.INTER_AREA if size[0] < mask.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(mask.astype(np.float32), size, interpolation=way) >= 0.5


def make_other_objects(
    store: Store,
    folder: Path,
    options: CandidateOptions,
    shard: tuple[int, int] = (0, 1),
    name: str = "other-object",
    progress: Progress = no_progress,
) -> int:
    """Masks of other objects for every `shard[1]`-th object from `shard[0]` on, each with the prompt box that it lies
    in; the number of masks written. `options.masks` of a set within PER_OBJECT."""
    objects = chosen_objects(store, options)
    per_set = objects.groupby("set").size()
    counts = (options.masks / per_set).clip(*PER_OBJECT).round().astype(int)
    objects = objects.iloc[shard[0] :: shard[1]]
    by_image = store.manifest[store.manifest.kind == "object"].groupby("image_id").row.apply(list)
    source = OutlineSource(store)
    writer = CandidateWriter(folder, f"{name}-{shard[0]:02d}of{shard[1]:02d}")
    for done, row in enumerate(objects.to_dict("records")):
        rng = np.random.default_rng([options.seed, 5, row["row"]])
        truth = store.mask(row["row"])
        box = loose_box(store.box(row["row"]), truth.shape, rng)
        others = [int(n) for n in by_image[row["image_id"]] if n != row["row"]]
        near = [store.mask(n) for n in rng.permutation(others)[:20]]
        for mask, mask_method in other_object_masks(truth, box, near, source, row, int(counts[row["set"]]), rng):
            writer.add(row, truth, mask, OTHER_OBJECT, mask_method, box)
        progress((done + 1) / len(objects), row["set"])
    writer.close()
    return len(writer.rows)
