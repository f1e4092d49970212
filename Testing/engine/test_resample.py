"""Resampling without torch, against torch's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from evanyseg.geometry.resample import along_axes, axis_weights, resized, resized_bytes


def torchs(pixels: np.ndarray, shape: tuple[int, int], antialias: bool = True) -> np.ndarray:
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
    out = interpolate(planes, shape, mode="bilinear", antialias=antialias, align_corners=False)
    return out[0].numpy().transpose(1, 2, 0)


@given(st.integers(2, 300), st.integers(2, 300), st.integers(8, 130), st.integers(1, 3), st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_bytes_are_torchs_to_the_last_bit(rows: int, columns: int, side: int, channels: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, channels), dtype=np.uint8)
    found = resized_bytes(pixels, side)
    assert found.dtype == np.uint8
    if rows == side or columns == side:  # torch leaves an axis of the right size alone, and so do whole weights
        assert np.abs(found.astype(int) - torchs(pixels, (side, side))).max() <= 1
    else:
        np.testing.assert_array_equal(found, torchs(pixels, (side, side)))


def test_extremes_stay_within_a_byte() -> None:
    checks = (255 * (np.indices((97, 97)).sum(axis=0) % 2)).astype(np.uint8)[..., None]
    for side in (13, 96, 200):
        np.testing.assert_array_equal(resized_bytes(checks, side), torchs(checks, (side, side)))
    full = np.full((200, 200, 3), 255, np.uint8)
    assert (resized_bytes(full, 96) == 255).all()


@pytest.mark.parametrize("antialias", [True, False])
@given(
    st.tuples(st.integers(2, 200), st.integers(2, 200)), st.tuples(st.integers(2, 200), st.integers(2, 200)),
    st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_floats_are_torchs(antialias: bool, before: tuple[int, int], after: tuple[int, int], seed: int) -> None:
    pixels = np.random.default_rng(seed).normal(size=(*before, 2)).astype(np.float32)
    np.testing.assert_allclose(
        resized(pixels, after, antialias), torchs(pixels, after, antialias), atol=1e-4
    )  # torch keeps the weights in float32


def test_two_steps_are_one_product() -> None:
    maps = np.random.default_rng(0).normal(size=(4, 32, 32)).astype(np.float32)
    rows = axis_weights(40, 77, False) @ axis_weights(32, 64, False)[:40]
    columns = axis_weights(64, 51, False) @ axis_weights(32, 64, False)
    large = torchs(maps.transpose(1, 2, 0), (64, 64), False)[:40]
    np.testing.assert_allclose(
        along_axes(maps, rows, columns), torchs(large, (77, 51), False).transpose(2, 0, 1), atol=1e-5
    )
    assert along_axes(maps, rows, columns).dtype == np.float32
