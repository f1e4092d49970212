"""MobileSAM: its file's keys on timm's TinyViT blocks, against TinyViT written out as formulas over those keys."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor
from torch.nn import functional as F

from engine.sam_originals import SMALL, check_next_click, original_sam, scene
from evanyseg.errors import WeightsError
from evanyseg.nets.tiny_vit import build_mobile_sam
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.segmenters import mobile_sam
from evanyseg.segmenters.preprocess import LongestSide

WINDOWS = (7, 7, 14, 7)
TINY = ((16, 24, 32, 40), (1, 2, 1, 1), (1, 2, 2, 5))
REAL = ((64, 128, 160, 320), (2, 2, 6, 2), (2, 4, 5, 10))


def mobile_state(widths, depths, heads, seed: int = 0) -> dict[str, Tensor]:
    """Random tensors under the names of mobile_sam.pt: encoder, unused classifier head, SAM's prompt part at 1024."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def normal(name: str, *shape: int, around: float = 0.0) -> None:
        fan = max(int(np.prod(shape[1:])), 1)
        state[f"image_encoder.{name}"] = around + torch.randn(*shape, generator=generator) / fan**0.5

    def conv_bn(name: str, out: int, inside: int, size: int) -> None:
        normal(f"{name}.c.weight", out, inside, size, size)
        for part, around in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0)):
            state[f"image_encoder.{name}.bn.{part}"] = around + 0.1 * torch.randn(out, generator=generator)
        state[f"image_encoder.{name}.bn.running_var"] = 0.5 + torch.rand(out, generator=generator)
        state[f"image_encoder.{name}.bn.num_batches_tracked"] = torch.tensor(5)

    def linear(name: str, out: int, inside: int) -> None:
        normal(f"{name}.weight", out, inside)
        normal(f"{name}.bias", out)

    def norm(name: str, width: int) -> None:
        state[f"image_encoder.{name}.weight"] = 1 + 0.1 * torch.randn(width, generator=generator)
        state[f"image_encoder.{name}.bias"] = 0.1 * torch.randn(width, generator=generator)

    conv_bn("patch_embed.seq.0", widths[0] // 2, 3, 3)
    conv_bn("patch_embed.seq.2", widths[0], widths[0] // 2, 3)
    for layer, width in enumerate(widths):
        for block in range(depths[layer]):
            name = f"layers.{layer}.blocks.{block}"
            if layer == 0:
                conv_bn(f"{name}.conv1", 4 * width, width, 1)
                conv_bn(f"{name}.conv2", 4 * width, 1, 3)
                conv_bn(f"{name}.conv3", width, 4 * width, 1)
                continue
            state[f"image_encoder.{name}.attn.attention_biases"] = torch.randn(
                heads[layer], WINDOWS[layer] ** 2, generator=generator
            )
            norm(f"{name}.attn.norm", width)
            linear(f"{name}.attn.qkv", 3 * width, width)
            linear(f"{name}.attn.proj", width, width)
            conv_bn(f"{name}.local_conv", width, 1, 3)
            norm(f"{name}.mlp.norm", width)
            linear(f"{name}.mlp.fc1", 4 * width, width)
            linear(f"{name}.mlp.fc2", width, 4 * width)
        if layer < 3:
            conv_bn(f"layers.{layer}.downsample.conv1", widths[layer + 1], width, 1)
            conv_bn(f"layers.{layer}.downsample.conv2", widths[layer + 1], 1, 3)
            conv_bn(f"layers.{layer}.downsample.conv3", widths[layer + 1], widths[layer + 1], 1)
    norm("norm_head", widths[-1])
    linear("head", 10, widths[-1])
    normal("neck.0.weight", 256, widths[-1], 1, 1)
    norm("neck.1", 256)
    normal("neck.2.weight", 256, 256, 3, 3)
    norm("neck.3", 256)
    prompt_part = original_sam(**SMALL, seed=seed).state_dict()
    return state | {k: v for k, v in prompt_part.items() if not k.startswith("image_encoder.")}


def bias_index(window: int) -> Tensor:
    """[N, N]: which bias a pair of window positions shares: numbered by |dy|, |dx| in the order they first occur."""
    points = list(itertools.product(range(window), repeat=2))
    offsets = [[(abs(a[0] - b[0]), abs(a[1] - b[1])) for b in points] for a in points]
    # from the first position all offsets occur, in reading order
    return torch.tensor([[dy * window + dx for dy, dx in row] for row in offsets])


@torch.no_grad()
def encoder_formula(state: dict[str, Tensor], x: Tensor, heads) -> Tensor:
    """TinyViT (Wu et al. 2022) with MobileSAM's last merging at stride 1, over the file's own names."""
    get = lambda name: state[f"image_encoder.{name}"]
    has = lambda name: f"image_encoder.{name}" in state

    def conv_bn(x: Tensor, name: str, **how) -> Tensor:
        y = F.conv2d(x, get(f"{name}.c.weight"), **how)
        mean, var = get(f"{name}.bn.running_mean"), get(f"{name}.bn.running_var")
        return F.batch_norm(y, mean, var, get(f"{name}.bn.weight"), get(f"{name}.bn.bias"), eps=1e-5)

    def layer_norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], get(f"{name}.weight"), get(f"{name}.bias"), 1e-5)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, get(f"{name}.weight"), get(f"{name}.bias"))

    def attention(x: Tensor, name: str, count: int, window: int) -> Tensor:
        """Per image and window, one at a time: [B, H, W, C]."""
        batch, height, width, channels = x.shape
        down, right = -height % window, -width % window
        padded = F.pad(x, (0, 0, 0, right, 0, down))
        out = torch.zeros_like(padded)
        size = channels // count
        bias = get(f"{name}.attention_biases")[:, bias_index(window)]
        for top in range(0, height + down, window):
            for left in range(0, width + right, window):
                tokens = padded[:, top : top + window, left : left + window].reshape(batch, -1, channels)
                qkv = linear(layer_norm(tokens, f"{name}.norm"), f"{name}.qkv").reshape(batch, -1, count, 3, size)
                q, k, v = qkv.permute(3, 0, 2, 1, 4)
                mixed = ((q @ k.mT) / size**0.5 + bias).softmax(-1) @ v
                tokens = linear(mixed.transpose(1, 2).reshape(batch, -1, channels), f"{name}.proj")
                out[:, top : top + window, left : left + window] = tokens.reshape(batch, window, window, channels)
        return out[:, :height, :width]

    x = F.gelu(conv_bn(x, "patch_embed.seq.0", stride=2, padding=1))
    x = conv_bn(x, "patch_embed.seq.2", stride=2, padding=1)
    for layer in range(4):
        blocks = {int(k.split(".")[4]) for k in state if k.startswith(f"image_encoder.layers.{layer}.blocks.")}
        for block in sorted(blocks):
            name = f"layers.{layer}.blocks.{block}"
            if layer == 0:
                y = F.gelu(conv_bn(x, f"{name}.conv1"))
                y = F.gelu(conv_bn(y, f"{name}.conv2", padding=1, groups=y.shape[1]))
                x = F.gelu(x + conv_bn(y, f"{name}.conv3"))
                continue
            tokens = x.permute(0, 2, 3, 1)
            tokens = tokens + attention(tokens, f"{name}.attn", heads[layer], WINDOWS[layer])
            x = conv_bn(tokens.permute(0, 3, 1, 2), f"{name}.local_conv", padding=1, groups=x.shape[1])
            tokens = x.permute(0, 2, 3, 1)
            hidden = F.gelu(linear(layer_norm(tokens, f"{name}.mlp.norm"), f"{name}.mlp.fc1"))
            x = (tokens + linear(hidden, f"{name}.mlp.fc2")).permute(0, 3, 1, 2)
        if has(f"layers.{layer}.downsample.conv1.c.weight"):
            name = f"layers.{layer}.downsample"
            x = F.gelu(conv_bn(x, f"{name}.conv1"))
            x = F.gelu(conv_bn(x, f"{name}.conv2", padding=1, groups=x.shape[1], stride=1 if layer == 2 else 2))
            x = conv_bn(x, f"{name}.conv3")
    for index in (0, 2):
        x = F.conv2d(x, get(f"neck.{index}.weight"), padding=index // 2)
        norm = LayerNorm2d(256)
        norm.load_state_dict({p: get(f"neck.{index + 1}.{p}") for p in ("weight", "bias")})
        x = norm(x)
    return x


@pytest.fixture(scope="module")
def state():
    return mobile_state(*TINY)


@pytest.fixture(scope="module")
def segmenter(state):
    return mobile_sam.from_state(state, "cpu")


def test_the_encoder_equals_tinyvit_written_out(state, segmenter):
    image = scene(90, 150)
    expected = encoder_formula(state, LongestSide().tensor(image, 1024), TINY[2])
    found = segmenter.embed(image).features
    assert found.shape == (1, 256, 64, 64)
    assert found.std() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_biases_are_those_of_the_file_although_eval_ran_before_loading(state):
    """The original caches gathered biases in eval(): a file loaded after that must not run with the old ones."""
    other = {k: v + 1 if k.endswith("attention_biases") and "layers.2" in k else v for k, v in state.items()}
    other = {k: torch.flip(v, (-1,)) if k.endswith("attention_biases") else v for k, v in other.items()}
    pixels = LongestSide().tensor(scene(64, 64), 1024)
    net = build_mobile_sam(state).image_encoder
    with torch.no_grad():
        before = net(pixels)
        changed = build_mobile_sam(other).image_encoder(pixels)
    assert not net.training
    assert (before - changed).abs().max() > 1e-3
    torch.testing.assert_close(changed, encoder_formula(other, pixels, TINY[2]), atol=1e-4, rtol=0)


def test_prompts_equal_the_original_decoder(state, segmenter):
    original = original_sam(**SMALL)
    image, box, point = scene(100, 200), BoxPrompt(20, 10, 150, 90), PointPrompt(60.5, 50.5)
    embedding = segmenter.embed(image)
    found = segmenter.segment(embedding, box, [point])
    scale = 1024 / 200
    prompt_encoder = segmenter.net.prompt_encoder  # the original's weights on a 64 x 64 grid
    for name, tensor in prompt_encoder.state_dict().items():
        torch.testing.assert_close(tensor, original.prompt_encoder.state_dict()[name], atol=0, rtol=0)
    with torch.no_grad():
        sparse, dense = prompt_encoder(
            (torch.tensor([[[60.0, 50.0]]]) * scale, torch.tensor([[1]])),
            torch.tensor([[20.0, 10.0, 150.0, 90.0]]) * scale,
            None,
        )
        low, iou = original.mask_decoder(embedding.features, prompt_encoder.get_dense_pe(), sparse, dense, True)
    np.testing.assert_allclose(found.low_resolution_logits[1:], low[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(found.predicted_iou[1:], iou[0].numpy(), atol=1e-4)
    full = F.interpolate(low, (1024, 1024), mode="bilinear", align_corners=False)[..., :512, :]
    full = F.interpolate(full, (100, 200), mode="bilinear", align_corners=False)[0].numpy()
    np.testing.assert_allclose(found.logits[1:], full, atol=1e-4)


def test_its_alternatives_say_where_the_next_click_goes(segmenter):
    check_next_click(segmenter)


def test_the_classifier_head_is_left_out_and_everything_else_is_strict(state):
    assert not any("head." in k and "iou" not in k for k in build_mobile_sam(state).state_dict())
    short = {k: v for k, v in state.items() if k != "image_encoder.layers.1.blocks.1.attn.qkv.bias"}
    with pytest.raises(WeightsError, match=r"1 missing \(image_encoder.stages.1.blocks.1.attn.qkv.bias"):
        build_mobile_sam(short)
    with pytest.raises(WeightsError, match="Not a whole MobileSAM file"):
        build_mobile_sam({"image_encoder.layers.0.blocks.0.conv1.c.weight": torch.zeros(4, 1, 1, 1)})


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_full_size_equals_tinyvit_written_out():
    state = mobile_state(*REAL)
    image = scene(300, 420)
    expected = encoder_formula(state, LongestSide().tensor(image, 1024), REAL[2])
    found = mobile_sam.from_state(state, "cpu").embed(image).features
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
