"""Synthetic errors: from a true mask, masks that are wrong by a chosen amount. numpy and scipy only.

Each family turns a strength in [0, 1] into a mask; the strength is searched for a Dice that is drawn flat, so that the
kind of error does not give the answer away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..geometry.square_grid import resize
from ..overlap import dice

Errors = Callable[[float], np.ndarray]
"""strength in [0, 1] -> mask bool [h, w]; 0 is close to the truth, 1 is the worst that this draw can do."""
MARGIN = 1.5
"""Of the object's longer side: how far around it errors may reach."""
EDGE_COST = 25.0
"""How many pixels of flat ground the strongest edges cost a leak."""
STEPS = 10
TRIES, NEAR = 3, 0.06
"""Families tried for one target, and how near is near enough."""
SIDE = 128
"""Errors are made at this many pixels at most, then laid over the mask as it is."""


@dataclass(frozen=True, eq=False)
class Window:
    """grey float32 [h, w] in [0, 1] and truth bool [h, w] (not empty), cropped around the object."""

    gray: np.ndarray
    truth: np.ndarray

    @cached_property
    def distance(self) -> np.ndarray:
        """Signed distance to the outline in pixels, negative inside."""
        return signed_distance(self.truth)

    @cached_property
    def radius(self) -> float:
        return float(np.sqrt(self.truth.sum() / np.pi))

    @cached_property
    def arrival(self) -> np.ndarray:
        """float32 [h, w]: how late a leak reaches a pixel; far ones and those behind edges are late."""
        smooth = ndimage.gaussian_filter(self.gray, 1.0)
        slope = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
        slope /= max(float(np.percentile(slope, 95)), 1e-4)
        inside = self.gray[self.truth]
        other = np.abs(self.gray - np.median(inside)) / max(float(inside.std()), 0.05)
        cost = 1 + EDGE_COST * np.clip(slope, 0, 1) + np.clip(other, 0, 4)
        return (np.maximum(self.distance, 0) * ndimage.uniform_filter(cost, 5)).astype(np.float32)


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """float32 [h, w], negative inside; half a pixel off the outline on either side."""
    outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    return np.where(mask, 0.5 - inside, outside - 0.5).astype(np.float32)


def smooth_noise(shape: tuple[int, int], cells: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [h, w], zero mean, unit deviation, with about `cells` bumps along the longer side."""
    coarse = [max(round(cells * n / max(shape)) + 3, 4) for n in shape]
    zoom = [n / c for n, c in zip(shape, coarse, strict=True)]
    fine = ndimage.zoom(rng.standard_normal(coarse), zoom, order=3, mode="nearest", grid_mode=True)[
        : shape[0], : shape[1]
    ]
    return ((fine - fine.mean()) / max(float(fine.std()), 1e-6)).astype(np.float32)


def deformed(window: Window, rng: np.random.Generator) -> Errors:
    """The outline waves, and lies too far in or out."""
    shape, radius = window.truth.shape, window.radius
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    moves = [radius * rng.uniform(0.2, 1.5) * smooth_noise(shape, rng.uniform(2, 8), rng) for _ in range(2)]
    offset = rng.choice([-1.0, 1.0]) * radius * rng.uniform(0.5, 2.0)
    offset = offset + radius * rng.uniform(0.1, 0.6) * smooth_noise(shape, rng.uniform(4, 12), rng)

    def make(strength: float) -> np.ndarray:
        places = [rows + strength * moves[0], cols + strength * moves[1]]
        return ndimage.map_coordinates(window.distance, places, order=1, mode="nearest") - strength * offset < 0

    return make


def moved(window: Window, rng: np.random.Generator) -> Errors:
    """Shifted and scaled about its center."""
    angle, scale = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(-0.6, 0.5))
    step = window.radius * rng.uniform(0.8, 3.0) * np.array([np.sin(angle), np.cos(angle)])
    center = np.array(ndimage.center_of_mass(window.truth))

    def make(strength: float) -> np.ndarray:
        factor = 1 / scale**strength
        start = center - factor * (center + strength * step)
        out = ndimage.affine_transform(
            window.distance, np.full(2, factor), start, order=1, mode="constant", cval=float(window.distance.max())
        )
        return out < 0

    return make


def part(window: Window, rng: np.random.Generator) -> Errors:
    """One side of the object is missing, along a wavy cut."""
    ramp = _ramp(window, rng)
    levels = np.sort(ramp[window.truth])
    return lambda strength: window.truth & (ramp < levels[min(int((1 - strength) * len(levels)), len(levels) - 1)])


def leaked(window: Window, rng: np.random.Generator) -> Errors:
    """Runs out over ground that looks like the object, through a random part of the outline; may shrink elsewhere."""
    ramp = _ramp(window, rng)
    where = ramp > rng.uniform(-1.5, 0.7)
    order = np.sort(window.arrival[where & ~window.truth])
    most = min(int(30 * window.truth.sum()), len(order))
    shrinks = rng.uniform() < 0.4
    depth = np.sort(-window.distance[window.truth & ~where]) if shrinks else np.zeros(0)

    def make(strength: float) -> np.ndarray:
        out = window.truth.copy()
        if most and strength > 0:
            out |= where & (window.arrival <= order[min(int(strength**1.5 * most), len(order) - 1)])
        if len(depth):
            out &= where | (-window.distance > depth[min(int(0.8 * strength * len(depth)), len(depth) - 1)])
        return out

    return make


def speckled(window: Window, rng: np.random.Generator) -> Errors:
    """Holes in the object and islands beside it."""
    noise = smooth_noise(window.truth.shape, rng.uniform(6, 20), rng)
    near = ~window.truth & (window.distance < rng.uniform(0.5, 2.0) * window.radius)
    shares = rng.uniform(0, 1, 2)
    shares /= max(shares.max(), 1e-6)
    holes, islands = np.sort(noise[window.truth]), np.sort(noise[near])

    def make(strength: float) -> np.ndarray:
        first = min(int(strength * shares[0] * len(holes)), len(holes) - 1)
        out = window.truth & (noise >= holes[first])
        if len(islands):
            last = int((1 - strength * shares[1]) * len(islands))
            out |= near & (noise > (islands[last] if last < len(islands) else np.inf))
        return out

    return make


def simplified(window: Window, rng: np.random.Generator) -> Errors:
    """Towards an ellipse of about its size near its place: smooth, plausible, blind to the image."""
    rows, cols = np.nonzero(window.truth)
    size = np.array([np.ptp(rows) + 1, np.ptp(cols) + 1]) / 2 * np.exp(rng.normal(0, 0.35, 2))
    center = np.array([rows.mean(), cols.mean()]) + rng.normal(0, 0.25, 2) * 2 * size
    y, x = np.mgrid[: window.truth.shape[0], : window.truth.shape[1]]
    other = (np.hypot((y - center[0]) / size[0], (x - center[1]) / size[1]) - 1) * float(size.mean())
    return lambda strength: (1 - strength) * window.distance + strength * other < 0


FAMILIES = {"deformed": deformed, "moved": moved, "part": part, "leaked": leaked, "speckled": speckled,
            "simplified": simplified}  # fmt: skip


class Surroundings:
    """The neighborhood of an object at SIDE pixels at most, where errors are made, and the way back to the image."""

    def __init__(self, image: np.ndarray, truth: np.ndarray) -> None:
        rows, cols = np.nonzero(truth)
        reach = int(MARGIN * max(np.ptp(rows), np.ptp(cols)) / 2) + 8
        self.where = (
            slice(max(int(rows.min()) - reach, 0), int(rows.max()) + reach + 1),
            slice(max(int(cols.min()) - reach, 0), int(cols.max()) + reach + 1),
        )
        self.truth, part = truth, truth[self.where]
        self.shape = (part.shape[0], part.shape[1])
        scale = min(1.0, SIDE / max(self.shape))
        small = (max(round(self.shape[0] * scale), 4), max(round(self.shape[1] * scale), 4))
        gray = image[self.where].mean(axis=-1, dtype=np.float32) / 255
        coarse = resize(part.astype(np.float32), small, order=1) > 0.5
        if not coarse.any():
            coarse[tuple(n // 2 for n in small)] = True
        self.window = Window(resize(gray, small, order=1), coarse)

    def on_image(self, mask: np.ndarray) -> np.ndarray:
        """bool [H, W]: the true mask with what `mask` changes; outlines that are right stay exact."""
        out = self.truth.copy()
        changed = resize((mask ^ self.window.truth).astype(np.float32), self.shape, order=1) > 0.5
        out[self.where] ^= changed
        return out


def synthetic_errors(
    image: np.ndarray, truth: np.ndarray, count: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, float]]:
    """`count` masks bool [H, W] with their Dice, of an image uint8 [H, W, 3] and a true mask that is not empty: targets
    spread evenly over [0.05, 0.98], families in turn."""
    around = Surroundings(image, truth)
    names = list(FAMILIES)
    targets = rng.permutation((np.arange(count) + rng.uniform(0, 1, count)) / max(count, 1)) * 0.93 + 0.05
    found = []
    for number, target in enumerate(targets):
        tries: list[tuple[np.ndarray, float]] = []
        for attempt in range(TRIES):
            make = FAMILIES[names[(number + attempt + int(rng.integers(2))) % len(names)]](around.window, rng)
            mask = around.on_image(_nearest(make, around.window.truth, float(target)))
            tries.append((mask, dice(mask, truth)))
            if abs(tries[-1][1] - target) < NEAR:
                break
        gaps = [abs(value - target) for _, value in tries]
        found.append(tries[int(np.argmin(gaps))])
    return found


def _nearest(make: Errors, truth: np.ndarray, target: float) -> np.ndarray:
    """Dice falls with strength only roughly: the nearest of all that were tried is kept."""
    low, high = 0.0, 1.0
    best, gap = truth, 1.0 - target
    for _ in range(STEPS):
        middle = (low + high) / 2
        mask = make(middle)
        value = dice(mask, truth)
        if abs(value - target) < gap:
            best, gap = mask, abs(value - target)
        if gap < 0.01:
            break
        low, high = (middle, high) if value > target else (low, middle)
    return best


def _ramp(window: Window, rng: np.random.Generator) -> np.ndarray:
    """Across the object in a random direction with a wavy front, in units of its radius."""
    angle = rng.uniform(0, 2 * np.pi)
    center = ndimage.center_of_mass(window.truth)
    rows, cols = np.mgrid[: window.truth.shape[0], : window.truth.shape[1]]
    ramp = (rows - center[0]) * np.sin(angle) + (cols - center[1]) * np.cos(angle)
    return (ramp / window.radius + 0.35 * smooth_noise(window.truth.shape, 5, rng)).astype(np.float32)
