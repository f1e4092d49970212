"""Weights in 8 bits per channel: what is kept, what is refused, and that trees lose nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evanyseg.errors import WeightsError
from evanyseg.quality.gbdt import _below
from evanyseg.weights.eight_bits import SCALE, packed, rounded, unpacked

RNG = np.random.default_rng(0)
STATE = {
    "conv.weight": (RNG.normal(size=(16, 48, 3, 3)) * RNG.lognormal(size=(16, 1, 1, 1))).astype(np.float32),
    "conv.bias": RNG.normal(size=16).astype(np.float32),
    "position": RNG.normal(size=(1, 64, 64)).astype(np.float32),
}


def test_every_channel_keeps_seven_bits_and_a_sign() -> None:
    back = rounded(STATE)
    assert {k: v.dtype for k, v in back.items()} == dict.fromkeys(STATE, np.dtype(np.float32))
    largest = np.abs(STATE["conv.weight"]).max(axis=(1, 2, 3), keepdims=True)
    assert (np.abs(back["conv.weight"] - STATE["conv.weight"]) <= largest / 127 / 2 * 1.001).all()
    for name in ("conv.bias", "position"):  # small, or without channels: half precision
        np.testing.assert_allclose(back[name], STATE[name], rtol=1e-3)


def test_a_byte_a_weight() -> None:
    stored = packed(STATE)
    assert stored["conv.weight"].dtype == np.int8
    assert stored["conv.weight" + SCALE].shape == (16,)
    assert sum(a.nbytes for a in packed({"w": np.ones((64, 64), np.float32)}).values()) == 64 * 64 + 4 * 64


def test_rounding_what_is_rounded_changes_nothing() -> None:
    once = rounded(STATE)
    for name, array in rounded(once).items():
        np.testing.assert_allclose(array, once[name], rtol=1e-6)


def test_plain_files_read_the_same_way() -> None:
    plain = {k: v.astype(np.float16) for k, v in STATE.items()}
    for name, array in unpacked(plain).items():
        np.testing.assert_array_equal(array, plain[name].astype(np.float32))


def test_a_channel_of_zeros_stays_one() -> None:
    state = {"w": np.zeros((4, 1024), np.float32)}
    np.testing.assert_array_equal(rounded(state)["w"], state["w"])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(WeightsError, match="not finite"):
        packed({"w": np.array([[bad, 1.0]])})


def test_parts_that_do_not_belong_together_are_refused() -> None:
    stored = packed(STATE)
    missing = {k: v for k, v in stored.items() if not k.endswith(SCALE)}
    with pytest.raises(WeightsError, match="scale is missing"):
        unpacked(missing)
    with pytest.raises(WeightsError, match="without its tensor"):
        unpacked({"x" + SCALE: np.ones(3, np.float32)})
    for wrong in (np.ones(3, np.float32), np.full(16, np.nan, np.float32)):
        with pytest.raises(WeightsError, match="do not belong together"):
            unpacked({**stored, "conv.weight" + SCALE: wrong})


@given(st.floats(allow_nan=False, width=64), st.floats(allow_nan=False, width=32))
@settings(max_examples=300)
def test_thresholds_in_half_the_bytes_send_every_input_the_same_way(threshold: float, value: float) -> None:
    with np.errstate(over="ignore"):
        short = _below(np.array([threshold]))
    assert short.dtype == np.float32
    assert (np.float64(value) <= threshold) == (np.float32(value) <= short[0])
