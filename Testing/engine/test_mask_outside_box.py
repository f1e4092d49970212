"""One rule says when a mask lies outside its box, and every path to a score follows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import evanyseg as api
from doubles import BrightSegmenter
from engine import files
from engine.cli_fixtures import table
from engine.estimator_files import write_estimator
from evanyseg import models
from evanyseg.models import ModelSpec
from evanyseg.pipeline.intensity import preset_named
from evanyseg.pipeline.slice_pipeline import SliceInput, SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.builtin import load
from evanyseg.quality.doubts import OUTSIDE_SHARE, doubts_about_mask, pixels_inside
from evanyseg.quality.regressor import MaskRegressor
from evanyseg.results import Caveat

SHAPE = (60, 80)
BOX = BoxPrompt(10, 10, 60, 50)


def mask_with(outside: float) -> np.ndarray:
    """20 rows of 50 pixels in BOX, and a share of all pixels right of it."""
    mask = np.zeros(SHAPE, bool)
    mask[20:40, 10:60] = True
    count = int(outside * 1000 / (1 - outside))
    mask[20:40, 60:80].T.flat[:count] = True
    assert np.count_nonzero(mask) == 1000 + count
    return mask


JUST, MORE = mask_with(OUTSIDE_SHARE), mask_with(OUTSIDE_SHARE + 0.002)


def regressor() -> MaskRegressor:
    """A brought-in model without a box of its own, whose network says 0.5."""

    class Half(nn.Module):
        def forward(self, pixels):
            return torch.full((len(pixels),), 0.5)

    prepare = lambda image, mask, box, label: {"pixels": torch.zeros(1)}
    return MaskRegressor("half", Half(), "cpu", prepare, lambda net, inputs: {"dice": net(inputs["pixels"])})


@pytest.fixture(params=["builtin", "regressor"])
def estimator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    return regressor() if request.param == "regressor" else load(write_estimator(tmp_path_factory.mktemp("weights")))


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)


def said(estimate) -> bool:
    return Caveat.MASK_OUTSIDE_BOX in estimate.caveats


# ---- the rule ----------------------------------------------------------------------------------------------------


def test_the_share_decides() -> None:
    assert [Caveat.MASK_OUTSIDE_BOX in doubts_about_mask(m, BOX) for m in (JUST, MORE)] == [False, True]
    assert doubts_about_mask(MORE, None) == []
    assert doubts_about_mask(np.zeros(SHAPE, bool), BOX) == [Caveat.EMPTY_MASK]
    assert doubts_about_mask(np.ones(SHAPE, bool), BOX) == [Caveat.FULL_MASK, Caveat.MASK_OUTSIDE_BOX]


@given(st.lists(st.floats(-5, 25), min_size=4, max_size=4), st.integers(0, 2**32 - 1))
def test_a_pixel_is_inside_when_its_center_is(corners: list[float], seed: int) -> None:
    mask = np.random.default_rng(seed).random((20, 20)) < 0.5
    box = BoxPrompt.from_corners(*corners)
    y, x = np.nonzero(mask)
    inside = (x + 0.5 >= box.x0) & (x + 0.5 < box.x1) & (y + 0.5 >= box.y0) & (y + 0.5 < box.y1)
    assert pixels_inside(mask, box) == np.count_nonzero(inside)


# ---- every path --------------------------------------------------------------------------------------------------


def test_estimators(estimator, image) -> None:
    color = np.repeat(image[..., None], 3, axis=-1)
    found = estimator.estimate(color, np.stack([JUST, MORE, MORE]), [BOX, BOX, None])
    assert [said(e) for e in found] == [False, True, False]


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 2.0), (3.0, 1.0)])
def test_the_pipeline_whatever_the_pixels_shape(estimator, image, spacing: tuple[float, float]) -> None:
    slice_ = SliceInput(image, preset_named("percentile").fit(image), spacing)
    cases = [(slice_, mask, BOX) for mask in (mask_with(0.03), mask_with(0.08))]
    assert [said(e) for e in SlicePipeline(estimator).score(cases)] == [False, True]


def test_segmenting(estimator, image) -> None:
    class Given(BrightSegmenter):
        def segment(self, *arguments, **options):
            masks = np.stack([JUST, MORE])
            return replace(super().segment(*arguments, **options), logits=np.where(masks, 4.0, -4.0).astype(np.float32),
                           predicted_iou=np.ones(2), stability=np.ones(2))  # fmt: skip

    slice_ = SliceInput(image, preset_named("percentile").fit(image), (1.0, 1.0))
    found = SlicePipeline(estimator, Given()).segment(slice_, BOX).estimates
    assert [said(e) for e in found] == [False, True]


def test_the_function_for_one_mask(estimator, image) -> None:
    assert [said(api.score(image, m, BOX, estimator=estimator)) for m in (JUST, MORE)] == [False, True]


def test_the_commands(evanyseg, estimator, image, tmp_path: Path) -> None:
    picture = files.write_image_2d(tmp_path / "i.png", image)
    named = {"j": JUST, "m": MORE}
    masks = [files.write_image_2d(tmp_path / f"{n}.png", m.astype(np.uint8) * 255) for n, m in named.items()]
    box = ("--box", *map(int, BOX.as_tuple()))
    models.estimators.register(ModelSpec("tested", "", lambda spec, path, device: estimator))
    try:
        for mask, expected in zip(masks, (False, True), strict=True):
            code, out, err = evanyseg("score", picture, mask, *box, "--estimator", "tested", "--json")
            assert code == 0, err
            assert (Caveat.MASK_OUTSIDE_BOX in json.loads(out)["rows"][0]["caveats"]) == expected
            assert Caveat.MASK_OUTSIDE_BOX not in evanyseg("score", picture, mask, "--estimator", "tested", "--json")[1]
        corners = ",".join(map(str, BOX.as_tuple()))
        (tmp_path / "p.csv").write_text(f"image,mask,x0,y0,x1,y1\ni.png,j.png,{corners}\ni.png,m.png,{corners}\n")
        pairs = ("--pairs", tmp_path / "p.csv", "-o", tmp_path / "s.csv")
        assert evanyseg("score", *pairs, "--estimator", "tested")[0] == 0
        found = [Caveat.MASK_OUTSIDE_BOX in r["caveats"] for r in table(tmp_path / "s.csv")]
        assert found == [False, True]
        ranking = json.loads(evanyseg("select", picture, *masks, *box, "--estimator", "tested", "--json")[1])["ranking"]
        found = {Path(r["candidate"]).stem: Caveat.MASK_OUTSIDE_BOX in r["caveats"] for r in ranking}
        assert found == {"j": False, "m": True}
    finally:
        models.estimators.remove("tested")
