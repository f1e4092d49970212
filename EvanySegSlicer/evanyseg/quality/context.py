"""The built-in estimator's input: a square window around the box, wide enough that leakage stays visible.

One window per mask: centred on the box (or on the mask's bounding box), side = factor x the box's longer side, rounded
to whole pixels so that maps can be pasted back exactly; aspect kept. Sampled to `size` x `size` with antialiasing.
Beyond the image: the edge is repeated for the image, zero for the mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from ..errors import ImageError
from ..geometry.resample import along_axes, axis_weights, resized_bytes
from ..prompts import BoxPrompt
from .modes import WITH_BOX
from .shape import FEATURES, GrayWindow, shape_features

WINDOW_SIZE = 128
MIN_SIDE = 12
"""Smallest window in pixels: below it there is nothing to see around the object."""
DISTANCE_LIMIT = 12.0
"""The signed distance is cut at this many pixels of the half-size grid and divided by it."""
AUXILIARY = (
    "has box",
    "box fill",
    "leak",
    "mask outside window",
    "log mask area over window",
    "log mask box over prompt box",
    "log aspect",
    "log window side over 128",
    "window off image",
    "mask box offset",
)
"""The auxiliary features of mask and prompt, an input of the network beside the image; `shape.FEATURES` follow them."""
AUXILIARY_COUNT = len(AUXILIARY) + len(FEATURES)


@dataclass(frozen=True)
class ContextWindow:
    """Square window in pixels of the image: x0, y0 (may be negative), side; `shape` (H, W) of the image."""

    x0: int
    y0: int
    side: int
    shape: tuple[int, int]

    @classmethod
    def around(cls, box: BoxPrompt, shape: tuple[int, ...], factor: float = WITH_BOX) -> ContextWindow:
        side = max(math.ceil(max(box.width, box.height) * factor), MIN_SIDE)
        x0 = round((box.x0 + box.x1 - side) / 2)
        y0 = round((box.y0 + box.y1 - side) / 2)
        return cls(x0, y0, side, (int(shape[0]), int(shape[1])))

    @property
    def clipped(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of the part on the image (empty when x1 <= x0)."""
        height, width = self.shape
        x0, y0 = min(max(self.x0, 0), width), min(max(self.y0, 0), height)
        return x0, y0, max(min(self.x0 + self.side, width), x0), max(min(self.y0 + self.side, height), y0)

    def crop(self, array: np.ndarray, edge: bool) -> np.ndarray:
        """[side, side, ...] of an array [H, W, ...]; beyond the image its edge (`edge`) or zero."""
        x0, y0, x1, y1 = self.clipped
        part = array[y0:y1, x0:x1]
        if not part.size:
            return np.zeros((self.side, self.side, *array.shape[2:]), array.dtype)
        before_y, before_x = y0 - self.y0, x0 - self.x0
        pads = [(before_y, self.side - before_y - (y1 - y0)), (before_x, self.side - before_x - (x1 - x0))]
        if not any(any(p) for p in pads):
            return part
        pads += [(0, 0)] * (array.ndim - 2)
        return np.pad(part, pads, mode="edge" if edge else "constant")

    def paste(self, small: np.ndarray, beyond: float = 0.0) -> np.ndarray:
        """float32 [H, W]: a map over the window [n, n] resampled (linear) onto the image; `beyond` outside of it."""
        out = np.full(self.shape, beyond, np.float32)
        x0, y0, x1, y1 = self.clipped
        if x1 > x0 and y1 > y0:
            weights = axis_weights(small.shape[0], self.side)
            rows, columns = weights[y0 - self.y0 : y1 - self.y0], weights[x0 - self.x0 : x1 - self.x0]
            out[y0:y1, x0:x1] = along_axes(small[None], rows, columns)[0]
        return out


@dataclass(frozen=True)
class WindowImage:
    """What a window shows without any mask, read once for all masks of a prompt: pixels uint8 [3, size, size] (RGB),
    their grey; measured: what else was measured of it, by name."""

    pixels: np.ndarray
    gray: GrayWindow
    measured: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, image: np.ndarray, window: ContextWindow, size: int) -> WindowImage:
        pixels = np.broadcast_to(window_image(image, window, size), (3, size, size))  # an image may have one channel
        return cls(pixels, GrayWindow.of(pixels))


@dataclass(frozen=True)
class ContextInput:
    """pixels uint8 [5, size, size] (RGB, mask and box coverage 0..255), distance float32 [size/2, size/2] in [-1, 1]
    (negative inside), auxiliary float32 [AUXILIARY_COUNT], mask_in and mask_out: mask pixels in and outside the
    window."""

    pixels: np.ndarray
    distance: np.ndarray
    auxiliary: np.ndarray
    window: ContextWindow
    mask_in: float
    mask_out: float
    shown: WindowImage


def context_input(
    image: np.ndarray,
    mask: np.ndarray,
    box: BoxPrompt | None = None,
    factor: float = WITH_BOX,
    size: int = WINDOW_SIZE,
    mask_box: BoxPrompt | None = None,
    shown: dict[ContextWindow, WindowImage] | None = None,
) -> ContextInput:
    """What the network sees of one mask. image uint8 [H, W, 3] (or 1: grey), mask bool [H, W], box or None (the
    mask's bounding box).

    `mask_box` is the mask's bounding box where the caller already has it; `shown`: what windows of this very image
    show, filled here: several masks of one box share a window. Raises ImageError for other shapes and for an empty mask
    without a box."""
    if image.ndim != 3 or image.shape[2] not in (1, 3) or mask.shape != image.shape[:2]:
        raise ImageError(f"Need an image [H, W, 3] and a mask [H, W], got {list(image.shape)} and {list(mask.shape)}.")
    mask_box = mask_box or BoxPrompt.of_mask(mask)
    around = box or mask_box
    if around is None:
        raise ImageError("An empty mask has no window of its own; give the box it was made with.")
    window = ContextWindow.around(around, mask.shape, factor)
    known = shown if shown is not None else {}
    if window not in known:
        known[window] = WindowImage.of(image, window, size)
    background = known[window]
    planes = np.empty((5, size, size), np.uint8)
    planes[:3] = background.pixels
    inside = window.crop(mask, edge=False)
    planes[3] = coverage(inside, size)
    planes[4] = box_coverage(box, window, size) if box is not None else 0
    mask_in, total = float(np.count_nonzero(inside)), float(_area(mask, mask_box))
    distance = signed_distance(planes[3])
    shape = shape_features(background.gray, distance, box, mask_box, total / mask_box.area if mask_box else 0.0)
    auxiliary = np.concatenate([_auxiliary(mask, box, mask_box, around, window, mask_in, total), shape])
    return ContextInput(planes, distance, auxiliary, window, mask_in, total - mask_in, background)


def stacked(seen: Sequence[ContextInput]) -> dict[str, np.ndarray]:
    """The network's input of N masks: pixels uint8 [N, 5, n, n], distance float32 [N, n/2, n/2], auxiliary float32
    [N, AUXILIARY_COUNT], areas float32 [N, 2] (mask in and outside the window, as shares of the window's area)."""
    cells = [float(s.window.side**2) for s in seen]
    areas = [[s.mask_in / c, s.mask_out / c] for s, c in zip(seen, cells, strict=True)]
    parts = {name: np.stack([getattr(s, name) for s in seen]) for name in ("pixels", "distance", "auxiliary")}
    return {**parts, "areas": np.array(areas, np.float32)}


def window_image(image: np.ndarray, window: ContextWindow, size: int) -> np.ndarray:
    """uint8 [3, size, size] of an image uint8 [H, W, 3]."""
    return resized_bytes(window.crop(image, edge=True), size).transpose(2, 0, 1)


def coverage(inside: np.ndarray, size: int) -> np.ndarray:
    """uint8 [..., size, size]: 255 x the share of each cell that boolean crops [..., side, side] cover."""
    planes = inside.view(np.uint8) * np.uint8(255)
    if inside.ndim == 2:
        return resized_bytes(planes[..., None], size)[..., 0]
    return np.ascontiguousarray(resized_bytes(planes.transpose(1, 2, 0), size).transpose(2, 0, 1))


def box_coverage(box: BoxPrompt, window: ContextWindow, size: int) -> np.ndarray:
    """uint8 [size, size]: 255 x the share of each cell inside the box (exact, with fractional edges)."""
    scale = size / window.side
    edges = np.arange(size)

    def share(low: float, high: float) -> np.ndarray:
        return np.clip(np.minimum(edges + 1, high) - np.maximum(edges, low), 0, 1)

    rows = share((box.y0 - window.y0) * scale, (box.y1 - window.y0) * scale)
    cols = share((box.x0 - window.x0) * scale, (box.x1 - window.x0) * scale)
    return np.round(255 * rows[:, None] * cols[None]).astype(np.uint8)


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """float32 [n/2, n/2] in [-1, 1]: distance to the outline of a coverage map uint8 [n, n], negative inside."""
    n = mask.shape[0] // 2
    wide = mask.astype(np.uint16)
    half = wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2] >= 510
    if not half.any():
        return np.ones((n, n), np.float32)
    outside = ndimage.distance_transform_edt(~half)
    inside = ndimage.distance_transform_edt(half) if not half.all() else np.full((n, n), DISTANCE_LIMIT)
    return (np.clip(outside - inside, -DISTANCE_LIMIT, DISTANCE_LIMIT) / DISTANCE_LIMIT).astype(np.float32)


def _auxiliary(
    mask: np.ndarray,
    box: BoxPrompt | None,
    mask_box: BoxPrompt | None,
    around: BoxPrompt,
    window: ContextWindow,
    mask_in: float,
    total: float,
) -> np.ndarray:
    """`around`: the prompt, or the mask's bounding box where there is none."""
    in_box = _area(mask, around)
    x0, y0, x1, y1 = window.clipped
    off = 1.0 - (x1 - x0) * (y1 - y0) / window.side**2
    ratio, offset = 0.0, 0.0
    if box is not None and mask_box is not None:
        ratio = math.log(mask_box.area / box.area)
        dx, dy = (mask_box.x0 + mask_box.x1 - box.x0 - box.x1) / 2, (mask_box.y0 + mask_box.y1 - box.y0 - box.y1) / 2
        offset = math.hypot(dx / box.width, dy / box.height)
    return np.array(
        [
            float(box is not None),
            min(in_box / max(around.area, 1.0), 1.0),
            1.0 - in_box / total if total else 0.0,
            1.0 - mask_in / total if total else 0.0,
            math.log((total + 1.0) / window.side**2) / 3,
            float(np.clip(ratio, -4, 4)) / 2,
            abs(math.log(around.width / around.height)),
            math.log(window.side / 128.0) / 2,
            off,
            min(offset, 3.0),
        ],
        np.float32,
    )


def _area(mask: np.ndarray, box: BoxPrompt | None) -> int:
    """True pixels of the mask inside the box (rounded to pixels)."""
    if box is None:
        return 0
    rows = slice(max(round(box.y0), 0), max(round(box.y1), 0))
    cols = slice(max(round(box.x0), 0), max(round(box.x1), 0))
    return int(np.count_nonzero(mask[rows, cols]))
