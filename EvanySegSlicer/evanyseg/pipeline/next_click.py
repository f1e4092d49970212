"""Where the next click would tell most: a segmenter's alternatives, their expected information gain, its maximum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import EvanySegError, ImageError
from ..prompts import BoxPrompt, PointPrompt
from ..protocols import Segmenter, ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Candidates, Embedding
from ..segmenters.clicking import alternatives, check_clicks
from .information_gain import information_gain
from .slice_pipeline import SliceInput

GRID = 30
"""Points a side that the paper considers."""
AS_GOOD = 0.98
"""Places with this share of the maximum count as good as it: of them the one farthest from worse ones is taken, since a
hand that clicks is not exact to the pixel."""
STRIP = 1 << 20
"""Pixels whose gain is computed at a time."""
UNIFORM, PREDICTED_IOU = "uniform", "predicted-iou"
WEIGHTS = (UNIFORM, PREDICTED_IOU)
"""How likely each mask head is: all alike, as in the paper, or as good as it says it is."""


@dataclass(frozen=True)
class NextClick:
    """A place to click, in pixels (x, y); `gain` in nats; `inside`: the alternatives' mean probability that it lies in
    the object; `gains` float32 [H, W]: the whole map (of a grid: its points, rows from the top)."""

    x: float
    y: float
    gain: float
    inside: float
    gains: np.ndarray = field(repr=False, compare=False)

    @property
    def positive(self) -> bool:
        """The suggested sign: whether the place more probably lies in the object."""
        return self.inside >= 0.5

    def answered(self, positive: bool) -> PointPrompt:
        """The prompt once a person has said whether it lies in the object."""
        return PointPrompt(self.x, self.y, positive)


def next_click(
    segmenter: Segmenter,
    candidates: Candidates,
    clicked: Sequence[PointPrompt] = (),
    grid: int | None = None,
    weights: str = UNIFORM,
) -> NextClick:
    """The place with the highest gain; places already clicked, and those next to them, are left out.

    grid: only the centers of `grid` x `grid` cells over the image, as in the paper; None: every pixel. weights: see
    `WEIGHTS`. Raises UnsupportedPromptError (`segmenters.clicking`), ImageError for an image that is clicked all over.
    """
    logits, iou = alternatives(segmenter, candidates)
    return best_click(logits, iou, clicked, grid, weights)


def best_click(
    logits: np.ndarray,
    predicted_iou: np.ndarray,
    clicked: Sequence[PointPrompt] = (),
    grid: int | None = None,
    weights: str = UNIFORM,
) -> NextClick:
    """The same of alternatives' logits [K, H, W] (zero at the mask's edge) and predicted IoU [K]."""
    height, width = logits.shape[1:]
    xs, ys, looked_up = _places(logits, grid)
    q = head_weights(predicted_iou, weights)
    gains = _gains(looked_up, q)
    free = np.ones(gains.shape, bool)
    reach = max(height, width) / (2 * GRID)  # half a cell of the paper's grid
    for point in clicked:
        free &= np.maximum(np.abs(ys - point.y)[:, None], np.abs(xs - point.x)[None, :]) > reach
    if not free.any():
        raise ImageError("There is no place left to click: every one lies next to a click that was made.")
    row, column = _deepest(np.where(free, gains, np.float32(-1.0)))
    beliefs = _sigmoid(looked_up[:, row, column])
    inside, gain = float(np.average(beliefs, weights=q)), float(information_gain(beliefs, q))
    return NextClick(float(xs[column]), float(ys[row]), gain, inside, gains)


def beliefs_at(logits: np.ndarray, grid: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x [cols], y [rows] and probabilities [K, rows, cols] of logits [K, H, W] at the centers of `grid` x `grid` cells,
    each looked up in the pixel that holds it; None: of every pixel."""
    xs, ys, looked_up = _places(logits, grid)
    return xs, ys, _sigmoid(looked_up)


def _places(logits: np.ndarray, grid: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with the logits as they are."""
    height, width = logits.shape[1:]
    rows, cols = (height, width) if grid is None else (grid, grid)
    xs, ys = (np.arange(cols) + 0.5) * width / cols, (np.arange(rows) + 0.5) * height / rows
    here = logits if grid is None else logits[:, ys.astype(int)][:, :, xs.astype(int)]
    return xs, ys, here


def _gains(logits: np.ndarray, q: np.ndarray) -> np.ndarray:
    """float32 [rows, cols] of logits [K, rows, cols], a strip of rows at a time: beliefs in double precision take six
    times the memory of what they are made of, and pictures of 10^8 pixels exist."""
    _, rows, cols = logits.shape
    gains = np.empty((rows, cols), np.float32)
    step = max(STRIP // cols, 1)
    for first in range(0, rows, step):
        strip = np.s_[first : first + step]
        gains[strip] = information_gain(_sigmoid(logits[:, strip]), q)
    return gains


def head_weights(predicted_iou: np.ndarray, weights: str = UNIFORM) -> np.ndarray:
    """q [K], summing to one. Raises EvanySegError for other words than `WEIGHTS`."""
    if weights not in WEIGHTS:
        raise EvanySegError(f"'{weights}' says nothing about mask heads; choose one of {', '.join(WEIGHTS)}.")
    iou = np.clip(np.nan_to_num(predicted_iou.astype(np.float64)), 0, 1)
    if weights == UNIFORM or not iou.sum() > 0:
        iou = np.ones(len(iou))
    return np.asarray(iou / iou.sum())


def suggest_click(
    segmenter: Segmenter,
    slice_: SliceInput,
    box: BoxPrompt | None = None,
    points: Sequence[PointPrompt] = (),
    mask_input: np.ndarray | None = None,
    weights: str = UNIFORM,
    embed: Callable[[], Embedding] | None = None,
    should_cancel: ShouldCancel = never_cancel,
) -> NextClick:
    """Where to click next on a slice that was prompted with a box and/or points (in its own pixels); the map is on its
    own grid. `mask_input`: what the prompt was given with, so that the answer is the same one; `embed`: where the
    slice's embedding comes from (`SlicePipeline.embed` keeps it).

    Raises UnsupportedPromptError before anything is computed, PromptError, CancelledError.
    """
    check_clicks(segmenter)
    head_weights(np.ones(1), weights)  # a wrong word is refused before the network runs
    grid = slice_.grid
    box = box.validated(grid.shape) if box is not None else None
    points = [p.validated(grid.shape) for p in points]
    embedding = embed() if embed is not None else segmenter.embed(slice_.model_image(), should_cancel)
    raise_if_cancelled(should_cancel)
    square_box, square_points = (grid.box(box) if box is not None else None), [grid.point(p) for p in points]
    found = segmenter.segment(embedding, square_box, square_points, mask_input, should_cancel)
    raise_if_cancelled(should_cancel)
    logits, iou = alternatives(segmenter, found)
    return best_click(grid.back(logits), iou, points, None, weights)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(logits.astype(np.float64)))


def _deepest(gains: np.ndarray) -> tuple[int, int]:
    """Row and column of the place as good as the maximum that is farthest from worse ones; of several, the best."""
    from scipy.ndimage import distance_transform_edt

    most = float(gains.max())
    good = gains >= AS_GOOD * most if most > 0 else gains == most
    rows, cols = (np.flatnonzero(good.any(axis=axis)) for axis in (1, 0))
    (y0, y1), (x0, x1) = ((int(at[0]), int(at[-1]) + 1) for at in (rows, cols))
    part, values = good[y0:y1, x0:x1], gains[y0:y1, x0:x1]
    depth = distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    best = np.where(depth >= depth.max() - 1e-9, values, -np.inf)
    row, column = np.unravel_index(int(np.argmax(best)), best.shape)
    return y0 + int(row), x0 + int(column)
