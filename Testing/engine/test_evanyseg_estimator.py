"""The published EvanySeg networks against Hugging Face's ViT and torchvision's ResNet with the same random weights."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from evanyseg.errors import ImageError, PromptError, WeightsError
from evanyseg.nets.evanyseg_resnet import build_evanyseg_resnet
from evanyseg.nets.evanyseg_vit import build_evanyseg_vit
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import QualityEstimator
from evanyseg.quality import evanyseg_estimator
from evanyseg.quality.paper_crop import paper_input
from evanyseg.results import Caveat, QualityCase

SMALL_VIT = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 512}
VIT_B = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
VIT_L = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}


class PaperVit(nn.Module):
    """As the authors' files were made: Hugging Face's ViT without pooler, linear heads on the class token."""

    def __init__(self, sizes: dict[str, int], heads: int = 1) -> None:
        super().__init__()
        transformers = pytest.importorskip("transformers")
        self.vit = transformers.ViTModel(transformers.ViTConfig(**sizes), add_pooling_layer=False)
        self.classifier = nn.Linear(sizes["hidden_size"], 1)
        if heads == 2:
            self.hd_classifier = nn.Linear(sizes["hidden_size"], 1)

    def forward(self, pixels):
        token = self.vit(pixels).last_hidden_state[:, 0]
        return [head(token)[:, 0] for name, head in self.named_children() if name != "vit"]


RENAMED = (
    (r"^vit\.layers\.", "vit.encoder.layer."),
    (r"\.attention\.q_proj\.", ".attention.attention.query."),
    (r"\.attention\.k_proj\.", ".attention.attention.key."),
    (r"\.attention\.v_proj\.", ".attention.attention.value."),
    (r"\.attention\.o_proj\.", ".attention.output.dense."),
    (r"\.mlp\.fc1\.", ".intermediate.dense."),
    (r"\.mlp\.fc2\.", ".output.dense."),
)
"""transformers 5 -> transformers 4, whose names the released files have (nothing to do under 4)."""


def released(net: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict under the names of the authors' files."""
    out = {}
    for name, tensor in net.state_dict().items():
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        out[name] = tensor
    return out


class PaperResNet(nn.Module):
    """torchvision's ResNet101 without its last layer, as a sequence of its children, with linear heads."""

    def __init__(self, heads: int = 1) -> None:
        super().__init__()
        from torchvision.models import resnet101

        self.backbone = nn.Sequential(*list(resnet101(weights=None).children())[:-1])
        self.dice_classifier = nn.Linear(2048, 1)
        if heads == 2:
            self.hd_classifier = nn.Linear(2048, 1)

    def forward(self, pixels):
        feature = self.backbone(pixels).flatten(1)
        return [head(feature)[:, 0] for name, head in self.named_children() if name != "backbone"]


def scrambled(net: nn.Module, seed: int = 0) -> nn.Module:
    """Every tensor random, norms and running statistics too, so that a swapped pair would show."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in net.state_dict().items():
        if tensor.ndim >= 2 and "position" not in name and "cls_token" not in name:
            continue
        if tensor.is_floating_point():
            noise = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(0.75 + 0.5 * noise if "norm" in name or "bn" in name or "var" in name else noise - 0.5)
    return net.eval()


def pixels(count: int = 3) -> torch.Tensor:
    noise = torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    return noise * torch.arange(1, count + 1).view(-1, 1, 1, 1)


@torch.no_grad()
def assert_equal(original: nn.Module, build) -> None:
    given = pixels()
    expected = original(given)
    found = build(released(original))(given)
    assert list(found) == ["dice", "distance"][: len(expected)]
    for ours, theirs in zip(found.values(), expected, strict=True):
        assert theirs.std() > 1e-3  # different inputs, different answers
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def small_vit():
    torch.manual_seed(0)
    return scrambled(PaperVit(SMALL_VIT, heads=2))


@pytest.mark.parametrize("heads", [1, 2])
def test_vit_equals_hugging_face(heads):
    torch.manual_seed(heads)
    assert_equal(scrambled(PaperVit(SMALL_VIT, heads)), build_evanyseg_vit)


def test_the_layer_norm_epsilon_is_the_files_not_timms(small_vit):
    net = build_evanyseg_vit(released(small_vit))
    assert {m.eps for m in net.modules() if isinstance(m, nn.LayerNorm)} == {1e-12}
    assert small_vit.vit.config.layer_norm_eps == 1e-12


@pytest.mark.parametrize(
    ("sizes", "heads", "count", "parameters"),
    [(VIT_B, 1, 200, 85_799_425), (VIT_B, 2, 202, 85_800_194), (VIT_L, 1, 392, 303_302_657), (VIT_L, 2, 394, None)],
)
def test_vit_files_have_the_published_number_of_tensors(sizes, heads, count, parameters):
    with torch.device("meta"):
        original = PaperVit(sizes, heads)
    state = released(original)
    assert len(state) == count
    if parameters is not None:
        assert sum(t.numel() for t in state.values()) == parameters
    assert "vit.encoder.layer.0.attention.attention.query.weight" in state


@pytest.mark.parametrize("heads", [1, 2])
def test_resnet_equals_torchvisions_children(heads):
    torch.manual_seed(heads)
    original = PaperResNet(heads).eval()
    for name, tensor in original.state_dict().items():
        if name.endswith("bn3.weight"):
            tensor.fill_(0.2)  # 33 blocks of residuals stay within float32's comfort
    assert len(original.state_dict()) == 626 + 2 * (heads - 1)
    if heads == 1:
        trained = sum(p.numel() for p in original.parameters())
        assert trained == 42_502_209
    assert_equal(original, build_evanyseg_resnet)


def a_case():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    return image, mask


@pytest.fixture(scope="module")
def estimator(small_vit):
    return evanyseg_estimator.from_state(released(small_vit), "cpu")


def test_an_estimate_is_the_originals_number_on_the_papers_crop(small_vit, estimator):
    image, mask = a_case()
    boxes = [BoxPrompt(25, 15, 55, 45), None, BoxPrompt(28, 18, 52, 42)]
    with torch.no_grad():
        given = torch.stack([paper_input(image, mask, box) for box in boxes])
        dice, distance = (head.tolist() for head in small_vit(given))
    found = estimator.estimate(image, np.stack([mask] * 3), boxes)
    assert isinstance(estimator, QualityEstimator)
    assert [e.dice for e in found] == pytest.approx([min(max(d, 0), 1) for d in dice], abs=1e-5)
    assert [e.hd_max for e in found] == pytest.approx([max(d, 0) for d in distance], abs=1e-5)
    one_by_one = [estimator.estimate(image, mask[None], [box])[0].dice for box in boxes]
    assert one_by_one == pytest.approx([e.dice for e in found], abs=1e-6)


def test_no_interval_is_claimed_and_the_distance_is_called_what_it_is(estimator):
    image, mask = a_case()
    found = estimator.estimate(image, mask[None], [BoxPrompt(25, 15, 55, 45)])[0]
    assert np.isnan([found.low, found.high]).all()
    assert Caveat.NO_INTERVAL in found.caveats
    assert found.hd95 is None  # it predicts the largest distance
    assert found.hd_max is not None
    assert found.false_positive is None


def test_numbers_beyond_one_are_shown_as_one(small_vit):
    state = dict(released(small_vit))
    state["classifier.bias"] = torch.tensor([50.0])
    image, mask = a_case()
    assert evanyseg_estimator.from_state(state, "cpu").estimate(image, mask[None])[0].dice == 1.0
    state["classifier.bias"] = torch.tensor([-50.0])
    assert evanyseg_estimator.from_state(state, "cpu").estimate(image, mask[None])[0].dice == 0.0


def test_empty_masks_full_masks_tiny_masks_and_leaks_are_said(estimator):
    image, mask = a_case()
    empty, box = np.zeros_like(mask), BoxPrompt(25, 15, 55, 45)
    scored, unscored = estimator.estimate(image, np.stack([empty, empty]), [box, None])
    assert scored.dice == 0.0
    assert Caveat.EMPTY_MASK in scored.caveats
    assert not unscored.scored
    assert Caveat.EMPTY_MASK in unscored.caveats
    tiny = empty.copy()
    tiny[3, 3:6] = True
    for given, where, caveat in (
        (np.ones_like(mask), None, Caveat.FULL_MASK),
        (tiny, None, Caveat.TINY),
        (mask, BoxPrompt(25, 15, 40, 30), Caveat.MASK_OUTSIDE_BOX),
        (mask, BoxPrompt(25, 15, 95, 45), Caveat.BOX_OFF_IMAGE),
    ):
        assert caveat in estimator.estimate(image, given[None], [where])[0].caveats
    dark = estimator.estimate(np.zeros_like(image), mask[None])[0]
    assert Caveat.CONSTANT_IMAGE in dark.caveats


def test_cases_are_scored_lazily_in_order_and_in_batches(estimator):
    image, mask = a_case()
    taken = []

    def cases():
        for index in range(19):
            taken.append(index)
            shifted = np.roll(mask, index, axis=1) if index % 5 else np.zeros_like(mask)
            yield QualityCase(image, shifted, None, ("a doubt",))

    results = estimator.estimate_cases(cases())
    next(results)
    assert len(taken) < 19
    rest = list(results)
    assert len(rest) == 18
    assert [i + 1 for i, e in enumerate(rest) if not e.scored] == [5, 10, 15]
    assert all("a doubt" in e.caveats for e in rest)


def test_wrong_input_is_refused_in_words(estimator):
    image, mask = a_case()
    with pytest.raises(ImageError, match="2 masks but 1 boxes"):
        estimator.estimate(image, np.stack([mask, mask]), [None])
    with pytest.raises(ImageError, match="must be the same"):
        estimator.estimate(image, mask[None, :30])
    with pytest.raises(PromptError, match="inverted"):
        estimator.estimate(image, mask[None], [BoxPrompt(30, 30, 10, 40)])


def test_keys_are_strict(small_vit):
    state = dict(released(small_vit))
    del state["vit.encoder.layer.1.attention.attention.key.bias"]
    with pytest.raises(WeightsError, match=r"1 missing \(vit.blocks.1.attn.qkv.bias"):
        build_evanyseg_vit(state)
    with pytest.raises(WeightsError, match="1 unexpected"):
        build_evanyseg_vit({**released(small_vit), "vit.pooler.dense.bias": torch.zeros(128)})
    with pytest.raises(WeightsError, match=r"dice_classifier\.weight"):
        build_evanyseg_resnet({"backbone.0.weight": torch.zeros(1)})


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("sizes", [VIT_B, VIT_L], ids=["vit-b", "vit-l"])
def test_full_size_vit_equals_hugging_face(sizes):
    torch.manual_seed(0)
    assert_equal(scrambled(PaperVit(sizes, 2)), build_evanyseg_vit)
