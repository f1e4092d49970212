"""The built-in networks' own blocks against the originals they stand in for, with the same weights."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from segment_anything.modeling.mask_decoder import MaskDecoder
from segment_anything.modeling.prompt_encoder import PromptEncoder
from segment_anything.modeling.transformer import TwoWayTransformer as Original
from timm.models.vision_transformer import Block as TimmBlock

from evanyseg.nets.builtin.segmenter_decoder import TwoWayTransformer
from evanyseg.nets.builtin.segmenter_prompts import Prompts
from evanyseg.nets.builtin.vit_block import Block
from evanyseg.nets.builtin_segmenter import BuiltinSegmenterNet, SegmenterArchitecture


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_block_is_timms() -> None:
    theirs, ours = TimmBlock(40, 5, mlp_ratio=3, qkv_bias=True).eval(), Block(40, 5, widening=3).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    tokens = torch.randn(2, 37, 40)
    equal(ours(tokens), theirs(tokens))


@pytest.mark.parametrize("depth", [1, 2])
def test_the_two_way_transformer_is_sams(depth: int) -> None:
    theirs, ours = Original(depth, 96, 6, 384).eval(), TwoWayTransformer(depth, 96, 6, 384).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    image, code, tokens = torch.randn(2, 96, 8, 8), torch.randn(2, 96, 8, 8), torch.randn(2, 9, 96)
    for mine, other in zip(ours(image, code, tokens), theirs(image, code, tokens), strict=True):
        equal(mine, other)


def test_prompts_are_coded_as_sam_codes_them() -> None:
    theirs, ours = PromptEncoder(96, (32, 32), (256, 256), 16).eval(), Prompts(96).eval()
    missing, unexpected = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert set(missing) == {"maps.weight", "maps.bias"}
    assert not unexpected
    points, labels = torch.rand(2, 3, 2) * 250, torch.tensor([[1, 0, -1], [0, 1, 1]])
    box = torch.tensor([[20.0, 30, 100, 120], [3, 4, 200, 250]])
    # SAM adds half a pixel to what it is given; ours takes coordinates as they are
    sparse, _ = theirs((points - 0.5, labels), box - 0.5, None)
    corners = torch.tensor([[2, 3], [2, 3]])
    equal(ours.tokens(torch.cat([points, box.reshape(2, 2, 2)], 1), torch.cat([labels, corners], 1)), sparse)
    equal(ours.place_code((32, 32), (0, 0)), theirs.get_dense_pe())
    masks = torch.randn(2, 1, 128, 128)
    equal(ours.mask_downscaling(masks), theirs.mask_downscaling(masks))


def test_decoder_weights_are_named_and_shaped_as_sams() -> None:
    arch = SegmenterArchitecture()
    theirs = MaskDecoder(transformer_dim=96, transformer=Original(1, 96, 6, 384))
    named = {k: tuple(v.shape) for k, v in BuiltinSegmenterNet(arch).decoder.state_dict().items()}
    assert {k: tuple(v.shape) for k, v in theirs.state_dict().items()}.items() <= named.items()


def test_with_torch_the_built_in_networks_load_neither_timm_nor_torchvision() -> None:
    code = (
        "import sys, json, evanyseg.nets.builtin_segmenter, evanyseg.nets.builtin_estimator, evanyseg.nets.interrupt\n"
        "print(json.dumps([m for m in ('timm', 'torchvision', 'segment_anything') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == []
