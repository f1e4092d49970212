"""Training samples of the built-in segmenter: a crop of an image with a few prompts and their masks.

Every sample depends on (seed, epoch, index) only: not on workers, nor on what was drawn before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from torch.utils.data import Dataset, Sampler

from evanyseg.geometry.box_jitter import jittered
from evanyseg.prompts import BoxPrompt
from evanyseg.segmenters.crops import SIDE, Crop, full_crop, normalized, square_around
from evanyseg.segmenters.tokens import BOTTOM_RIGHT, NEGATIVE, NOT_A_POINT, POSITIVE, TOP_LEFT

from ..augment.geometry import dihedral, small_rotation
from ..augment.intensity import OBJECT_SHIFT_SHARE, intensities, object_intensity_shifted
from ..data.store import Store

POINTS = 3


@dataclass(frozen=True)
class SamplingPlan:
    """How samples are drawn. A set's weight is the root of its number of images, at most `cap` of them, times
    `weight_of` the set: large sets of one kind of image must not dominate. `side`: pixels of a sample."""

    seed: int = 0
    epoch_size: int = 1024
    prompts: int = 2
    cap: int = 300
    weight_of: Mapping[str, float] = field(default_factory=dict)
    small_side: int = 10
    side: int = SIDE


class SegmenterSamples(Dataset):
    """`rows`: manifest rows (ground truth) to train on. Items are dicts of numpy arrays, see `__getitem__`; item k of
    epoch e is number e * epoch_size + k, without end."""

    def __init__(self, store: Store, rows: np.ndarray, plan: SamplingPlan) -> None:
        self.store, self.rows, self.plan = store, np.asarray(rows), plan

    def __len__(self) -> int:
        return self.plan.epoch_size

    @cached_property
    def _tables(self) -> tuple[list[str], np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]], dict[int, np.ndarray]]:
        table = self.store.manifest.loc[self.rows]
        names, weights, per_set = [], [], {}
        for name, group in table.groupby("set"):
            side = np.minimum(group.x1 - group.x0, group.y1 - group.y0).to_numpy()
            per_image = group.groupby("image_id").row.transform("size").to_numpy()
            weight = np.where(side >= self.plan.small_side, 1.0, 0.15) / np.sqrt(per_image)
            per_set[name] = (group.row.to_numpy(), np.cumsum(weight / weight.sum()))
            names.append(name)
            count = min(group.image_id.nunique(), self.plan.cap)
            weights.append(np.sqrt(count) * self.plan.weight_of.get(name, 1.0))
        of_image = {i: g.to_numpy() for i, g in table.groupby("image_id").row}
        return names, np.cumsum(np.array(weights) / np.sum(weights)), per_set, of_image

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """image [3, side, side] float32, target [P, side / 2, side / 2] float32 (share of each cell inside the object),
        coords [P, 5, 2], labels [P, 5] (two box corners, three points)."""
        rng = np.random.default_rng((self.plan.seed, *divmod(index, self.plan.epoch_size)))
        names, cumulative, per_set, of_image = self._tables
        rows, chances = per_set[names[int(np.searchsorted(cumulative, rng.random()).clip(max=len(names) - 1))]]
        anchor = int(rows[int(np.searchsorted(chances, rng.random()).clip(max=len(rows) - 1))])
        image_id = int(self.store.manifest.image_id.iat[anchor])
        crop = self._crop(anchor, image_id, rng)
        chosen = self._companions(anchor, of_image[image_id], crop, rng)
        return self._rendered(image_id, crop, chosen, rng)

    def _crop(self, anchor: int, image_id: int, rng: np.random.Generator) -> Crop:
        shape = self.store.shape(image_id)
        box = self.store.box(anchor)
        longest = max(box.width, box.height)
        share = longest / max(shape)
        chance_of_crop = 1.0 if share < 0.2 else 0.5 if share < 0.35 else 0.3
        if rng.random() >= chance_of_crop:
            return full_crop(shape)
        side = max(longest / rng.uniform(0.3, 0.62), 20.0)
        dx, dy = rng.uniform(-0.1, 0.1, 2) * side
        return square_around(shape, (box.x0 + box.x1) / 2 + dx, (box.y0 + box.y1) / 2 + dy, side)

    def _companions(self, anchor: int, rows: np.ndarray, crop: Crop, rng: np.random.Generator) -> list[int]:
        fitting = []
        for row in rng.permutation(rows)[:12]:
            box = self.store.box(int(row))
            overlap = (min(box.x1, crop.x1) - max(box.x0, crop.x0)) * (min(box.y1, crop.y1) - max(box.y0, crop.y0))
            inside = overlap >= 0.9 * box.area and box.x0 < crop.x1 and box.y0 < crop.y1
            large = max(box.width, box.height) >= 0.12 * max(crop.shape)
            if inside and large and row != anchor:
                fitting.append(int(row))
        others = fitting[: self.plan.prompts - 1]
        return [anchor, *others, *[anchor] * (self.plan.prompts - 1 - len(others))]

    def _rendered(self, image_id: int, crop: Crop, rows: list[int], rng: np.random.Generator) -> dict[str, np.ndarray]:
        masks = {row: crop.cut(self.store.mask(row)).astype(np.uint8) * 255 for row in set(rows)}
        names = list(masks)
        pixels, *cut = dihedral([crop.cut(self.store.image(image_id)), *masks.values()], rng)
        turned = Crop(0, 0, pixels.shape[1], pixels.shape[0])
        side = self.plan.side
        height, width = (max(1, n * side // SIDE) for n in turned.fitted)
        method = cv2.INTER_AREA if height < turned.shape[0] else cv2.INTER_LINEAR
        pixels = intensities(cv2.resize(pixels, (width, height), interpolation=method), rng)
        layers = [cv2.resize(m, (width, height), interpolation=method) for m in cut]
        valid: np.ndarray = np.zeros((side, side), np.uint8)
        valid[:height, :width] = 1
        canvas: np.ndarray = np.zeros((side, side, 3), np.uint8)
        canvas[:height, :width] = pixels
        layers = [cv2.copyMakeBorder(m, 0, side - height, 0, side - width, cv2.BORDER_CONSTANT) for m in layers]
        if rng.random() < 0.35:
            matrix = small_rotation((height, width), rng)
            canvas = cv2.warpAffine(canvas, matrix, (side, side))
            valid = cv2.warpAffine(valid, matrix, (side, side), flags=cv2.INTER_NEAREST)
            layers = [cv2.warpAffine(m, matrix, (side, side)) for m in layers]
        if rng.random() < OBJECT_SHIFT_SHARE:
            canvas = object_intensity_shifted(canvas, layers[int(rng.integers(len(layers)))], rng)
        by_row = dict(zip(names, layers, strict=True))
        prompts = [prompt_for(by_row[row] > 127, rng) for row in rows]
        targets = [cv2.resize(by_row[row], (side // 2, side // 2), interpolation=cv2.INTER_AREA) for row in rows]
        return {
            "image": normalized(canvas, valid.astype(bool)),
            "target": np.stack(targets).astype(np.float32) / 255,
            "coords": np.stack([p[0] for p in prompts]),
            "labels": np.stack([p[1] for p in prompts]),
        }


class SampleNumbers(Sampler[int]):
    """The numbers of the next epoch's samples. `position()` says how many were used so far: a resumed run goes on with
    the sample that the uninterrupted one would have taken, whatever the trainer counts as an epoch."""

    def __init__(self, length: int, position: Callable[[], int]) -> None:
        self.length, self.position = length, position

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        first = self.position()
        return iter(range(first, first + self.length))


def prompt_for(mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random prompt for a mask [side, side]: coords [5, 2] float32 and labels [5] int64.

    A jittered box (seven in ten), a box with points (two), points alone (one).
    """
    coords = np.zeros((2 + POINTS, 2), np.float32)
    labels = np.full(2 + POINTS, NOT_A_POINT, np.int64)
    rows, cols = np.nonzero(mask)
    if rows.size == 0:  # turned out of the crop: nothing to segment anywhere
        coords[:2], labels[:2] = ((1, 1), (9, 9)), (TOP_LEFT, BOTTOM_RIGHT)
        return coords, labels
    kind = rng.random()
    box = BoxPrompt(float(cols.min()), float(rows.min()), float(cols.max() + 1), float(rows.max() + 1))
    if kind < 0.9:
        most = float(rng.choice((0.0, 0.06, 0.1, 0.2), p=(0.1, 0.3, 0.45, 0.15)))
        placed = jittered(box, mask.shape, rng, most, most / 2)
        coords[:2], labels[:2] = np.reshape(placed.as_tuple(), (2, 2)), (TOP_LEFT, BOTTOM_RIGHT)
    if kind >= 0.7:
        count = int(rng.integers(1, POINTS + 1))
        for slot in range(count):
            positive = slot == 0 or rng.random() < 0.6
            at = _inside(rows, cols, rng) if positive else _near_outside(mask, box, rng)
            if at is not None:
                coords[2 + slot], labels[2 + slot] = at, POSITIVE if positive else NEGATIVE
    return coords, labels


def _inside(rows: np.ndarray, cols: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    k = int(rng.integers(rows.size))
    return cols[k] + 0.5, rows[k] + 0.5


def _near_outside(mask: np.ndarray, box: BoxPrompt, rng: np.random.Generator) -> tuple[float, float] | None:
    margin = 0.3 * max(box.width, box.height) + 4
    for _ in range(8):
        x = rng.uniform(max(box.x0 - margin, 0), min(box.x1 + margin, len(mask) - 1))
        y = rng.uniform(max(box.y0 - margin, 0), min(box.y1 + margin, len(mask) - 1))
        if not mask[int(y), int(x)]:
            return x, y
    return None
