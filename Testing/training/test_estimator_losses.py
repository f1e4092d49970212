"""The estimator's losses, against numbers worked out by hand."""

import math

import pytest
import torch

from evanyseg.nets.builtin_estimator import EstimatorOutput
from evanyseg_training.estimator.losses import map_loss, pinball_loss, published_loss, ranking_loss


def test_pinball_by_hand():
    quantiles, true = torch.tensor([[0.2, 0.6]]), torch.tensor([0.5])
    # level .1: .1 * .3 = .03; level .9: (.9 - 1) * (-.1) = .01
    assert pinball_loss(quantiles, true, (0.1, 0.9)).item() == pytest.approx(0.02)


def test_ranking_by_hand():
    true = torch.tensor([0.9, 0.5, 0.1])
    predicted = torch.tensor([0.5, 0.6, 0.0])
    owner = torch.tensor([0, 0, 1])  # the third belongs to another object: no pair with it
    # pair (0, 1): half of .4 minus (.5 - .6) = .3
    assert ranking_loss(predicted, true, owner).item() == pytest.approx(0.3)
    assert ranking_loss(predicted, true, torch.tensor([0, 1, 2])).item() == 0


def test_map_loss_falls_when_the_right_pixels_rise():
    mask = torch.zeros(1, 8, 8)
    mask[:, :4] = 1
    maps = torch.zeros(1, 2, 8, 8)
    maps[:, 0, :2] = 1
    flat = torch.full((1, 8, 8), -2.0)
    right = flat.clone()
    right[:, :2] = 2.0
    wrong = flat.clone()
    wrong[:, 2:4] = 2.0
    off = flat.clone()
    off[:, 6:] = 2.0  # outside the mask nothing can be a false positive: it does not count
    values = [map_loss(x, flat, maps, mask).item() for x in (right, flat, wrong, off)]
    assert values[0] < values[1] < values[2]
    assert values[3] == pytest.approx(values[1])


def test_maps_answer_for_the_pixels_that_can_be_wrong():
    """A cell that the mask covers to a third, all of it wrongly, is wrong, not a third wrong."""
    mask = torch.zeros(1, 4, 4)
    mask[:, 1] = 1 / 3
    maps = torch.zeros(1, 2, 4, 4)
    maps[:, 0, 1] = 1 / 3
    right = torch.full((1, 4, 4), -12.0)
    sure, third = right.clone(), right.clone()
    sure[:, 1], third[:, 1] = 12.0, math.log(0.5)
    assert map_loss(sure, right, maps, mask).item() == pytest.approx(0.0, abs=1e-3)
    assert map_loss(third, right, maps, mask).item() > 0.3


def test_published_loss_by_hand():
    nothing = torch.zeros(2, 4, 4)
    out = EstimatorOutput(
        torch.tensor([0.5, 1.0]), torch.zeros(2, 5), torch.tensor([10.0, 3.0]), nothing, nothing, nothing
    )
    batch = {"dice": torch.tensor([0.7, 1.0]), "hd95": torch.tensor([20.0, float("nan")])}
    loss, _ = published_loss(out, batch)
    assert loss.item() == pytest.approx(0.04 / 2 + 1e-4 * 100)
