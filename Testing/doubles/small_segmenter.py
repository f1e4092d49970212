"""A built-in segmenter of few weights, and a picture for it: fixtures of several test files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evanyseg.nets.builtin.torch_segmenter import TorchSegmenterNet
from evanyseg.nets.builtin_segmenter import BuiltinSegmenterNet, SegmenterArchitecture
from evanyseg.segmenters.builtin import WEIGHTS, BuiltinSegmenter

SMALL = SegmenterArchitecture((16, 16, 32, 32), (1, 1, 1, 1), 1, 32, 1, 64, 4, light=True)
needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason="the shipped weights are not in this checkout")


@pytest.fixture(scope="module")
def segmenter() -> BuiltinSegmenter:
    torch.manual_seed(0)
    return BuiltinSegmenter(TorchSegmenterNet(BuiltinSegmenterNet(SMALL)))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:200, :320]
    blob = 90 * (((x - 210) / 60) ** 2 + ((y - 100) / 40) ** 2 < 1) + 60 * ((x - 40) ** 2 + (y - 50) ** 2 < 144)
    return np.clip(blob[..., None] + rng.normal(80, 6, (200, 320, 3)), 0, 255).astype(np.uint8)
