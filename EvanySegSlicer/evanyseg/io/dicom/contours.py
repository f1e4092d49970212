"""Closed contours to pixels: a pixel belongs to a polygon when its centre lies inside, by the even-odd rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def filled(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """bool [H, W] of one closed polygon; points [N, 2] as (x, y) with pixel centres at whole numbers.

    Even-odd: the two sides of a keyhole's channel cancel, so that its hole stays open. An edge belongs to the pixel
    right of it and below its upper end: polygons that share an edge share no pixel and leave none out.
    """
    height, width = shape
    start, stop = points, np.roll(points, -1, axis=0)
    upward = start[:, 1] > stop[:, 1]  # both sides of a keyhole must round alike: every edge is walked downwards
    start, stop = np.where(upward[:, None], stop, start), np.where(upward[:, None], start, stop)
    first, last = np.ceil(start[:, 1]).astype(int), np.ceil(stop[:, 1]).astype(int)
    first, last = np.clip(first, 0, height), np.clip(last, 0, height)
    counts = last - first
    edge = np.repeat(np.arange(len(points)), counts)
    rows = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    (x0, y0), (x1, y1) = start[edge].T, stop[edge].T
    columns = np.clip(np.ceil(x0 + (rows - y0) * (x1 - x0) / (y1 - y0)), 0, width).astype(int)
    flips = np.zeros((height, width + 1), bool)
    np.logical_xor.at(flips, (rows, columns), True)
    return np.logical_xor.accumulate(flips, axis=1)[:, :width]


def combined(masks: Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
    """(bool [H, W], whether some outlines crossed) of the filled contours of one object on one slice.

    The larger come first: what lies inside is a hole, inside a hole an island again. Outlines that cross are neither;
    they are joined.
    """
    ordered = sorted(masks, key=lambda m: -int(np.count_nonzero(m)))
    whole = np.zeros_like(ordered[0])
    crossing = False
    for mask in ordered:
        shared = int(np.count_nonzero(whole & mask))
        if shared == 0:
            whole |= mask
        elif shared == int(np.count_nonzero(mask)):
            whole &= ~mask
        else:
            whole |= mask
            crossing = True
    return whole, crossing
