"""The built-in segmenter's weights (refusals, what ships) and the crops it encodes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from doubles.small_segmenter import SMALL, image, needs_weights, segmenter
from evanyseg.errors import WeightsError
from evanyseg.nets.builtin_segmenter import BuiltinSegmenterNet
from evanyseg.prompts import BoxPrompt
from evanyseg.segmenters.builtin import WEIGHTS, BuiltinSegmenter, load
from evanyseg.segmenters.canvas import canvas
from evanyseg.segmenters.crops import SIDE, Crop, crop_for, full_crop, normalized, square_around
from evanyseg.weights.eight_bits import SCALE

__all__ = ["image", "segmenter"]  # fixtures


def saved(segmenter: BuiltinSegmenter, path: Path, **changes: torch.Tensor) -> Path:
    tensors = {**{k: v.half().contiguous() for k, v in segmenter.net.module.state_dict().items()}, **changes}
    save_file(tensors, str(path), metadata={"architecture": json.dumps(SMALL.as_dict())})
    return path


def test_weights_survive_a_round_trip(segmenter: BuiltinSegmenter, image: np.ndarray, tmp_path: Path) -> None:
    again = load(saved(segmenter, tmp_path / "w.safetensors"), "cpu")
    box = BoxPrompt(150, 60, 270, 140)
    expected = segmenter.segment(segmenter.embed(image), box).logits
    assert again.segment(again.embed(image), box).logits == pytest.approx(expected, abs=0.05)  # fp16


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weight file"):
        load(tmp_path / "nothing.safetensors", "cpu")


def test_truncated_weights_are_refused(segmenter: BuiltinSegmenter, tmp_path: Path) -> None:
    path = saved(segmenter, tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load(path, "cpu")


def test_weights_of_something_else_are_refused(segmenter: BuiltinSegmenter, tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, str(tmp_path / "a.safetensors"))
    with pytest.raises(WeightsError, match="architecture"):
        load(tmp_path / "a.safetensors", "cpu")
    with pytest.raises(WeightsError, match="unexpected"):
        load(saved(segmenter, tmp_path / "b.safetensors", extra=torch.zeros(1)), "cpu")
    wrong = {"encoder.position": torch.zeros(1, 3, 3)}
    with pytest.raises(WeightsError, match="another shape"):
        load(saved(segmenter, tmp_path / "c.safetensors", **wrong), "cpu")


def test_an_architecture_with_unknown_sizes_is_refused(tmp_path: Path) -> None:
    meta = {"architecture": json.dumps({"width": 3})}
    save_file({"a": torch.zeros(2)}, str(tmp_path / "a.safetensors"), metadata=meta)
    with pytest.raises(WeightsError, match="architecture"):
        load(tmp_path / "a.safetensors", "cpu")


@given(st.integers(8, 900), st.integers(8, 900), st.tuples(*[st.floats(0, 1)] * 4))
@settings(max_examples=50, deadline=None)
def test_every_box_lies_in_its_crop(height: int, width: int, place: tuple[float, ...]) -> None:
    x0, x1 = sorted((place[0] * (width - 2), place[1] * (width - 2)))
    y0, y1 = sorted((place[2] * (height - 2), place[3] * (height - 2)))
    box = BoxPrompt(x0, y0, x1 + 2, y1 + 2)
    crop = crop_for((height, width), box)
    assert crop.x0 <= box.x0
    assert crop.y0 <= box.y0
    assert crop.x1 >= box.x1
    assert crop.y1 >= box.y1
    assert 0 <= crop.x0 < crop.x1 <= width
    assert 0 <= crop.y0 < crop.y1 <= height
    corner = crop.to_canvas(np.array([[crop.x1, crop.y1]]))[0]
    assert max(corner) == pytest.approx(SIDE, abs=0.01)


def test_large_boxes_see_the_whole_image() -> None:
    assert crop_for((512, 512), BoxPrompt(0, 0, 128, 20)) == full_crop((512, 512))
    assert crop_for((512, 512), BoxPrompt(0, 0, 127, 20)) != full_crop((512, 512))


def test_squares_move_into_the_image() -> None:
    assert square_around((100, 60), 0, 100, 40) == Crop(0, 60, 40, 100)
    assert square_around((100, 60), 30, 50, 80) == Crop(0, 10, 60, 90)


def test_normalizing_makes_contrast_and_brightness_irrelevant() -> None:
    pixels = np.random.default_rng(0).uniform(20, 120, (16, 16, 3))
    np.testing.assert_allclose(normalized(pixels), normalized(pixels * 2 + 10), atol=1e-4)


def test_the_canvas_is_padded_at_the_right_and_bottom(image: np.ndarray) -> None:
    drawn = canvas(image)
    assert drawn.shape == (3, SIDE, SIDE)
    assert (drawn[:, 160:] == 0).all()
    assert drawn[:, :160].std() == pytest.approx(1, abs=0.02)


def test_a_window_of_a_crop_is_answered_like_the_same_place_of_the_crop() -> None:
    """Codes of place move with the window; only what convolutions and attention see beyond it may differ."""
    net = BuiltinSegmenterNet(SMALL).eval()
    coords, labels = torch.tensor([[[70.0, 80], [110, 120], [0, 0]]]), torch.tensor([[2, 3, -1]])
    whole = net.prompts.ellipse(coords, labels, net.prompts.grid((128, 128), (0, 0), True))
    part = net.prompts.ellipse(coords, labels, net.prompts.grid((64, 64), (1, 2), True))
    torch.testing.assert_close(part, whole[..., 16:80, 32:96])
    torch.testing.assert_close(
        net.prompts.place_code((16, 16), (1, 2)), net.prompts.place_code((32, 32), (0, 0))[..., 4:20, 8:24]
    )


@needs_weights
def test_the_shipped_weights_load_and_are_small() -> None:
    assert WEIGHTS.stat().st_size <= 7.5e6
    stored = load_file(WEIGHTS)
    in_bytes = sum(v.numel() for v in stored.values() if v.dtype == torch.int8)
    assert in_bytes > 0.99 * sum(v.numel() for k, v in stored.items() if not k.endswith(SCALE))
    assert load(None, "cpu").name == "builtin"
    told = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["parameters"] <= 8_000_000
    assert "licence" in WEIGHTS.with_suffix(".md").read_text(encoding="utf-8").lower()


@needs_weights
@pytest.mark.parametrize("box", [BoxPrompt(145, 55, 274, 146), BoxPrompt(26, 36, 54, 64)])
def test_the_shipped_weights_segment_plain_blobs(image: np.ndarray, box: BoxPrompt) -> None:
    shipped = load(None, "cpu")
    found = shipped.segment(shipped.embed(image), box)
    y, x = np.mgrid[:200, :320]
    large = ((x - 210) / 60) ** 2 + ((y - 100) / 40) ** 2 < 1
    truth = large if box.width > 100 else (x - 40) ** 2 + (y - 50) ** 2 < 144
    mask = found.masks[found.best]
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.9


@needs_weights
def test_damaged_copies_of_the_shipped_weights_are_refused(tmp_path: Path) -> None:
    path = Path(shutil.copy(WEIGHTS, tmp_path / "segmenter.safetensors"))
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError):
        load(path, "cpu")
