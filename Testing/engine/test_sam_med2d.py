"""SAM-Med2D: adapter arithmetic, 386 tensors, nearest resize, boxes scaled per axis, the predictor's own choice."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from segment_anything.modeling.image_encoder import window_partition, window_unpartition
from torch.nn import functional as F

from engine.sam_originals import SMALL, original_sam, scene
from evanyseg.nets.sam_build import build_sam
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.segmenters import sam_med2d
from evanyseg.segmenters.preprocess import NearestSquare


def adapter_state(original, seed: int = 7) -> dict[str, torch.Tensor]:
    """The original's tensors with adapters of a quarter of the width in every block, by the checkpoint's names."""
    generator = torch.Generator().manual_seed(seed)
    random = lambda *shape: torch.randn(*shape, generator=generator) * 0.05
    state = dict(original.state_dict())
    width = state["image_encoder.pos_embed"].shape[-1]
    hidden = width // 4
    for index in range(len(original.image_encoder.blocks)):
        name = f"image_encoder.blocks.{index}.Adapter."
        state |= {
            name + "norm.weight": 1 + random(width),
            name + "norm.bias": random(width),
            name + "channel.0.weight": random(hidden, width),
            name + "channel.2.weight": random(width, hidden),
            name + "spatial.0.weight": random(width, width, 3, 3),
            name + "spatial.2.weight": random(width, width, 4, 4),
        }
    return state


@pytest.fixture(scope="module")
def original():
    return original_sam(**SMALL, seed=4)


@pytest.fixture(scope="module")
def state(original):
    return adapter_state(original)


@pytest.fixture(scope="module")
def segmenter(state):
    return sam_med2d.from_state(state, "cpu")


def adapter_formula(x: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """LN(x + relu(up(relu(down(x * sigmoid(W2 relu(W1 mean(x)))))))) over [B, H, W, C], from the paper's figure."""
    squeeze = x.flatten(1, 2).mean(1)
    gate = torch.sigmoid(torch.relu(squeeze @ weights["channel.0.weight"].T) @ weights["channel.2.weight"].T)
    gated = torch.einsum("bhwc,bc->bchw", x, gate)
    down = torch.relu(F.conv2d(gated, weights["spatial.0.weight"], stride=2, padding=1))
    up = torch.relu(F.conv_transpose2d(down, weights["spatial.2.weight"], stride=2, padding=1))
    summed = x + up.movedim(1, 3)
    return F.layer_norm(summed, summed.shape[-1:], weights["norm.weight"], weights["norm.bias"], 1e-5)


@torch.no_grad()
def encoder_formula(original, state, pixels: torch.Tensor) -> torch.Tensor:
    """The original's encoder, block by block, with the adapter beside the MLP."""
    encoder = original.image_encoder
    x = encoder.patch_embed(pixels) + encoder.pos_embed
    for index, block in enumerate(encoder.blocks):
        prefix = f"image_encoder.blocks.{index}.Adapter."
        weights = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        inner = block.norm1(x)
        if block.window_size:
            size = inner.shape[1:3]
            inner, padded = window_partition(inner, block.window_size)
            inner = window_unpartition(block.attn(inner), block.window_size, padded, size)
        else:
            inner = block.attn(inner)
        x = x + inner
        normal = block.norm2(x)
        x = x + block.mlp(normal) + adapter_formula(normal, weights)
    return encoder.neck(x.permute(0, 3, 1, 2))


def square_by_hand(image: np.ndarray, side: int) -> torch.Tensor:
    """Mean and deviation, then for each output pixel the input pixel at floor(i * n / side)."""
    normal = (image - np.array([123.675, 116.28, 103.53])) / np.array([58.395, 57.12, 57.375])
    rows = np.arange(side) * image.shape[0] // side
    columns = np.arange(side) * image.shape[1] // side
    return torch.tensor(normal[rows][:, columns]).float().permute(2, 0, 1)[None]


def test_the_encoder_equals_the_paper_with_adapters_in_every_block(original, state, segmenter):
    image = scene(90, 150)
    expected = encoder_formula(original, state, square_by_hand(image, 256))
    torch.testing.assert_close(segmenter.embed(image).features, expected, atol=1e-4, rtol=0)
    plain = original.image_encoder(square_by_hand(image, 256))
    assert (plain - expected).abs().max() > 0.01  # the adapters matter


@pytest.mark.parametrize("shape", [(90, 150), (512, 300), (255, 257)])
def test_the_square_is_opencvs_nearest(shape):
    cv2 = pytest.importorskip("cv2")
    image = scene(*shape, seed=1)
    found = NearestSquare().tensor(image, 256)
    torch.testing.assert_close(found, square_by_hand(image, 256), atol=1e-5, rtol=0)
    nearest = cv2.resize(image, (256, 256), interpolation=cv2.INTER_NEAREST).astype(np.float64)
    normal = (nearest - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    np.testing.assert_allclose(found[0].permute(1, 2, 0).numpy(), normal, atol=1e-5)


@torch.no_grad()
def test_masks_and_iou_equal_the_predictors_route(original, state, segmenter):
    image = scene(90, 150)
    features = encoder_formula(original, state, square_by_hand(image, 256))
    scale = np.array([256 / 150, 256 / 90])
    box, point = BoxPrompt(20, 10, 120, 77), PointPrompt(33.5, 44.5)
    for given, boxes, points in (
        ((box, ()), np.array(box.as_tuple()).reshape(2, 2) * scale, None),
        ((None, [point]), None, np.array([[33, 44]]) * scale),
    ):
        sparse, dense = original.prompt_encoder(
            points=(torch.tensor(points).float()[None], torch.tensor([[1]])) if points is not None else None,
            boxes=torch.tensor(boxes).float().reshape(1, 4) if boxes is not None else None,
            masks=None,
        )
        low, iou = original.mask_decoder(features, original.prompt_encoder.get_dense_pe(), sparse, dense, True)
        full = F.interpolate(low, (256, 256), mode="bilinear", align_corners=False)
        full = F.interpolate(full, (90, 150), mode="bilinear", align_corners=False)[0].numpy()
        found = segmenter.segment(segmenter.embed(image), *given)
        np.testing.assert_allclose(found.logits, full, atol=1e-4)
        np.testing.assert_allclose(found.predicted_iou, iou[0].numpy(), atol=1e-4)
        assert found.best == int(iou[0].argmax())  # what its predictor answers with


def test_read_only_images_are_taken_without_a_warning(segmenter, recwarn):
    image = scene(40, 50)
    image.setflags(write=False)
    assert segmenter.embed(image).features.isfinite().all()
    assert not [w for w in recwarn if "not writable" in str(w.message)]


def test_386_tensors_with_adapters_and_314_without(original, state):
    full = original_sam(**{**SMALL, "depth": 12})
    assert len(full.state_dict()) == 314
    with_adapters = adapter_state(full)
    assert len(with_adapters) == 386
    assert len(build_sam(with_adapters).state_dict()) == 386
    assert set(build_sam(state).state_dict()) == set(state)
    plain = sam_med2d.from_state(original.state_dict(), "cpu")
    assert plain.embed(scene(40, 50)).features.shape == (1, 256, 16, 16)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_full_size_equals_the_formula():
    original = original_sam(768, 12, 12, 256, (2, 5, 8, 11))
    state = adapter_state(original)
    assert len(state) == 386
    image = scene(300, 420)
    expected = encoder_formula(original, state, square_by_hand(image, 256))
    found = sam_med2d.from_state(state, "cpu").embed(image).features
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
