"""Corruption that knows nothing of the image: outlines that wave, move, lose parts, have holes, or are too coarse."""

from __future__ import annotations

import cv2
import numpy as np

from .base import MaskAtStrength, ObjectPatch, direction_field, signed_distance, smooth_noise


def elastic_deformation(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """A smooth displacement of the signed distance plus a smooth offset of the outline, in or out."""
    shape = patch.truth.shape
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    reach = patch.radius * rng.uniform(0.2, 1.5)
    move = [reach * smooth_noise(shape, rng.uniform(2, 8), rng) for _ in range(2)]
    bias = rng.choice([-1.0, 1.0]) * patch.radius * rng.uniform(0.7, 2.5)
    offset = bias + rng.uniform(0.1, 0.6) * patch.radius * smooth_noise(shape, rng.uniform(4, 16), rng)

    def make(strength: float) -> np.ndarray:
        moved = cv2.remap(
            patch.distance,
            cols + strength * move[1],
            rows + strength * move[0],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return moved - strength * offset < 0

    return make


def affine(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """Shift, scale and rotation about the centroid."""
    angle = rng.uniform(-70, 70)
    scale = np.exp(rng.uniform(-0.6, 0.5))
    direction = rng.uniform(0, 2 * np.pi)
    # a shift by 2 to 3 radii usually separates the copies, so that every target can be reached
    step = patch.radius * rng.uniform(1.2, 3.5)
    cy, cx = patch.center

    def make(strength: float) -> np.ndarray:
        matrix = np.array(cv2.getRotationMatrix2D((cx, cy), strength * angle, scale**strength), np.float64)
        matrix[:, 2] += strength * step * np.array([np.cos(direction), np.sin(direction)])
        size = patch.truth.shape[::-1]
        moved = cv2.warpAffine(
            patch.distance, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1e3
        )
        return moved < 0

    return make


def staircase(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """The mask of a much coarser grid: cells of growing size, with a random phase and a random inclusion share."""
    height, width = patch.truth.shape
    truth = patch.truth.astype(np.float32)
    phase = rng.uniform(0, 1, 2)
    share = rng.uniform(0.15, 0.85)
    largest = 4.0 * patch.radius

    def make(strength: float) -> np.ndarray:
        cell = 1.0 + strength * largest
        rows = ((np.arange(height) + phase[0] * cell) // cell).astype(int)
        cols = ((np.arange(width) + phase[1] * cell) // cell).astype(int)
        flat = rows[:, None] * (cols[-1] + 1) + cols[None]
        covered = np.bincount(flat.ravel(), truth.ravel()) / np.maximum(np.bincount(flat.ravel()), 1)
        return covered[flat] > share

    return make


def part_only(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """One side of the object is missing, along a wavy cut."""
    ramp = direction_field(patch, rng)
    levels = np.sort(ramp[patch.truth])

    def make(strength: float) -> np.ndarray:
        cut = levels[min(int((1 - strength) * len(levels)), len(levels) - 1)]
        return patch.truth & (ramp < cut)

    return make


def holes_and_islands(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """Blobs taken out of the object and blobs added around it."""
    noise = smooth_noise(patch.truth.shape, rng.uniform(6, 24), rng)
    near = patch.distance < rng.uniform(0.5, 2.0) * patch.radius
    near &= ~patch.truth
    holes = np.sort(noise[patch.truth])
    islands = np.sort(noise[near]) if near.any() else np.array([np.inf])
    with_holes, with_islands = rng.uniform(0.0, 1.0), rng.uniform(0.0, 1.0)
    if rng.uniform() < 0.4:
        with_islands = 0.0
    most = max(with_holes, with_islands, 1e-6)
    with_holes, with_islands = with_holes / most, with_islands / most

    def make(strength: float) -> np.ndarray:
        out = patch.truth & (noise >= _quantile(holes, strength * with_holes))
        if strength * with_islands > 0:
            out |= near & (noise > _quantile(islands, 1 - strength * with_islands))
        return out

    return make


def towards_simple_shape(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """Blends the outline into a box or an ellipse, of about the object's size but not quite at its place."""
    rows, cols = np.nonzero(patch.truth)
    height, width = np.ptp(rows) + 1, np.ptp(cols) + 1
    cy, cx = (rows.min() + rows.max()) / 2, (cols.min() + cols.max()) / 2
    cy += rng.normal(0, 0.25) * height
    cx += rng.normal(0, 0.25) * width
    ry, rx = (np.exp(rng.normal(0, 0.35, 2)) * np.array([height, width])) / 2
    y, x = np.mgrid[: patch.truth.shape[0], : patch.truth.shape[1]]
    y, x = (y - cy) / max(ry, 0.6), (x - cx) / max(rx, 0.6)
    shape = np.maximum(abs(y), abs(x)) <= 1 if rng.uniform() < 0.4 else y * y + x * x <= 1
    if not shape.any():
        shape = patch.truth
    other = signed_distance(shape)

    def make(strength: float) -> np.ndarray:
        return (1 - strength) * patch.distance + strength * other < 0

    return make


def _quantile(levels: np.ndarray, share: float) -> float:
    """The level below which `share` of the sorted values lie; infinite ends, so that 0 and 1 are exact."""
    index = int(share * len(levels))
    return float(levels[index]) if index < len(levels) else np.inf
