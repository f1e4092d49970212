"""`evanyseg next-click`: the map as a picture, the suggestion in words and as JSON, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli_fixtures import S
from evanyseg import models
from evanyseg.models import ModelSpec
from evanyseg.pipeline.next_click import NextClick
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.report.click_map import LEGEND_HEIGHT, SIDE, click_picture


def test_the_picture_has_map_marker_and_legend(evanyseg, picture, tmp_path: Path) -> None:
    image, _, mask = picture
    out = tmp_path / "eig.png"
    code, told, err = evanyseg("next-click", image, "--box", 5, 5, 75, 55, "-o", out, *S)
    assert code == 0, err
    assert told == ""
    assert "of 0.693 nats" in err
    assert "Next click: -" in err or "Next click: +" in err
    made = np.asarray(Image.open(out))
    assert made.shape == (round(SIDE * mask.shape[0] / max(mask.shape)) + LEGEND_HEIGHT, SIDE, 3)
    colored = np.ptp(made[:-LEGEND_HEIGHT].astype(int), axis=2) > 20
    assert colored.mean() > 0.1, "the masks disagree over a part of the slice"
    assert colored[:, : SIDE // 20].sum() == 0, "and nowhere outside the box"


def test_json_says_where_which_sign_and_how_much(evanyseg, picture) -> None:
    image, _, mask = picture
    code, told, err = evanyseg(
        "next-click", image, "--box", 5, 5, 75, 55, "--point", "40,30", "--point", "8,8,-", *S, "--json"
    )
    assert code == 0, err
    found = json.loads(told)
    assert found["out"] is None
    assert found["points"] == [[40, 30, "+"], [8, 8, "-"]]
    assert found["eig"]["unit"] == "nats"
    assert 0 < found["eig"]["maximum"] <= found["eig"]["possible"]
    place = found["next"]
    # of the stand-in's masks (bright pixels, the box, a corner) two say yes on the object, one in the rest of the box
    inside = bool(mask[int(place["y"]), int(place["x"])])
    assert place["sign"] == ("+" if inside else "-")
    assert place["inside"] == pytest.approx(2 / 3 if inside else 1 / 3, abs=0.02)


def test_a_slice_of_a_volume_in_the_display_frame(evanyseg, volume, tmp_path: Path) -> None:
    arguments = ("--box", 4, 4, 40, 36, "--box-frame", "display", "--slice", 6)
    code, told, err = evanyseg("next-click", volume[0], *arguments, "-o", tmp_path / "eig.png", *S, "--json")
    assert code == 0, err
    found = json.loads(told)
    assert (found["plane"], found["index"], found["box"]) == ("axial", 6, [4, 4, 40, 36])
    assert (tmp_path / "eig.png").is_file()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "say where the object is"),
        (("--box", 5, 5, 75, 55, "--weights", "best"), "choose one of uniform, predicted-iou"),
        (("--point", "12"), "'12' is no point"),
        (("--point", "4000,3"), "outside the image"),
        (("--box", 50, 5, 5, 55), "is inverted or empty"),
        (("--box", 5, 5, 75, 55, "-o", "eig.txt"), "a picture of the map cannot be written as '.txt'"),
        (("--box", 5, 5, 75, 55, "-o", "eig.jpg"), "cannot be written as '.jpg'"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(evanyseg, picture, more, words) -> None:
    code, _, err = evanyseg("next-click", picture[0], *more, *S)
    assert code == 2
    assert words in " ".join(err.replace("│", " ").split())


def test_the_input_is_never_replaced(evanyseg, picture) -> None:
    before = picture[0].read_bytes()
    code, _, err = evanyseg("next-click", picture[0], "--box", 5, 5, 75, 55, "-o", picture[0], *S)
    assert code == 2
    assert "would replace the input" in err
    assert picture[0].read_bytes() == before


def test_a_segmenter_without_points_is_refused_in_a_sentence(evanyseg, picture, tmp_path: Path) -> None:
    from doubles import BrightSegmenter

    class BoxesOnly(BrightSegmenter):
        name = "boxes-only"
        supports_points = False

    models.segmenters.register(ModelSpec("boxes-only", "", lambda spec, path, device: BoxesOnly()))
    try:
        out = tmp_path / "o.png"
        given = ("--box", 5, 5, 75, 55, "-o", out, "--segmenter", "boxes-only")
        code, _, err = evanyseg("next-click", picture[0], *given)
    finally:
        models.segmenters.remove("boxes-only")
    assert code == 2
    assert "boxes-only cannot say where to click next: it was trained with boxes only" in " ".join(err.split())
    assert not out.exists()


def test_masks_that_agree_are_said_to(evanyseg, picture) -> None:
    from doubles import BrightSegmenter

    class Agreeing(BrightSegmenter):
        name = "agreeing"

        def segment(self, *given, **named):
            found = super().segment(*given, **named)
            found.logits[:] = found.logits[:1]
            return found

    models.segmenters.register(ModelSpec("agreeing", "", lambda spec, path, device: Agreeing()))
    try:
        code, _, err = evanyseg("next-click", picture[0], "--box", 5, 5, 75, 55, "--segmenter", "agreeing")
    finally:
        models.segmenters.remove("agreeing")
    assert code == 0
    assert "The segmenter's masks agree everywhere" in " ".join(err.split())


def test_the_built_in_segmenter_answers(evanyseg, picture, tmp_path: Path) -> None:
    code, told, err = evanyseg("next-click", picture[0], "--box", 15, 10, 65, 50, "-o", tmp_path / "o.png", "--json")
    assert code == 0, err
    found = json.loads(told)
    assert found["segmenter"] == "builtin"
    assert 0 < found["eig"]["maximum"] < 0.6366, "three heads, all alike: one against two is the most there can be"


def test_the_map_lies_on_the_slice_also_with_thick_pixels() -> None:
    gains = np.zeros((30, 60), np.float32)
    gains[10:20, 40:50] = 0.6
    click = NextClick(45.0, 15.0, 0.6, 0.4, gains)
    made = click_picture(
        np.full((30, 60, 3), 90, np.uint8), click, BoxPrompt(30, 5, 58, 25), [PointPrompt(32, 8)], (2, 1)
    )
    assert made.shape == (SIDE + LEGEND_HEIGHT, SIDE, 3)
    rows, cols = np.nonzero(np.ptp(made[:SIDE].astype(int), axis=2) > 20)
    assert (rows.min(), rows.max()) == (pytest.approx(240, abs=14), pytest.approx(480, abs=14))
    assert (cols.min(), cols.max()) == (pytest.approx(480, abs=8), pytest.approx(600, abs=8))
