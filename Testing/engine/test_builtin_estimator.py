"""The built-in estimator: the protocol, odd cases, batches, cancelling, memory, files."""

import json

import numpy as np
import pytest
import torch

from engine.estimator_files import BOX, CONFIG, SHAPE, disc, picture, write_estimator
from evanyseg.errors import CancelledError, ImageError, PromptError, WeightsError
from evanyseg.nets.builtin.batch_runner import BatchRunner
from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig, dice_from_maps
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import QualityEstimator
from evanyseg.quality.builtin import load
from evanyseg.results import Caveat, QualityCase


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    return load(write_estimator(tmp_path_factory.mktemp("weights")))


def test_follows_the_protocol(estimator):
    assert isinstance(estimator, QualityEstimator)
    assert (estimator.name, estimator.device, estimator.level) == ("builtin", "cpu", 0.9)


def test_an_estimate_has_everything(estimator):
    mask = disc()
    (found,) = estimator.estimate(picture(mask), mask[None], [BOX], maps=True)
    assert 0 <= found.low <= found.dice <= found.high <= 1
    assert found.hd95 >= 0
    assert found.false_positive.shape == found.false_negative.shape == SHAPE
    assert found.false_positive.dtype == np.float32
    assert found.false_positive[~mask].max() == 0
    assert found.false_negative[mask].max() == 0
    window_rows = slice(10, 80)
    assert found.false_negative[window_rows].max() > 0
    assert found.false_negative[:8].max() == 0


def test_what_leaks_out_of_the_window_is_called_wrong(estimator):
    mask = disc()
    mask[-4:, -6:] = True
    (found,) = estimator.estimate(picture(disc()), mask[None], [BOX], maps=True)
    assert (found.false_positive[-4:, -6:] == 1).all()
    assert found.false_positive[~mask].max() == 0


def test_maps_only_when_asked_for(estimator):
    mask = disc()
    (found,) = estimator.estimate(picture(mask), mask[None])
    assert found.false_positive is None
    assert found.false_negative is None


def test_batched_equals_one_by_one_across_images(estimator):
    rng = np.random.default_rng(1)
    cases = []
    for seed in range(21):
        shape = (int(rng.integers(40, 120)), int(rng.integers(40, 120)))
        mask = disc(shape[0] / 2, shape[1] / 2, 8 + seed % 7, shape)
        box = None if seed % 3 else BoxPrompt.of_mask(mask).scaled(1.2)
        cases.append(QualityCase(picture(mask, seed), mask, box))
    together = list(estimator.estimate_cases(cases, maps=True))
    for case, batched in zip(cases, together, strict=True):
        (alone,) = estimator.estimate_cases([case], maps=True)
        assert batched.dice == pytest.approx(alone.dice, abs=1e-5)
        assert batched.low == pytest.approx(alone.low, abs=1e-5)
        np.testing.assert_allclose(batched.false_negative, alone.false_negative, atol=1e-4)


def test_the_same_call_twice_gives_the_same_numbers(estimator):
    mask = disc()
    first, second = (estimator.estimate(picture(mask), mask[None], [BOX])[0] for _ in range(2))
    assert first == second


def test_averaging_over_flips_makes_mirror_images_score_alike(tmp_path):
    averaged = load(write_estimator(tmp_path, flips=True))
    mask = disc(40, 50, 14, (96, 96)) | disc(52, 44, 8, (96, 96))
    image, box = picture(mask), BoxPrompt(28, 28, 68, 68)
    (one,) = averaged.estimate(image, mask[None], [box], maps=True)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    (other,) = averaged.estimate(mirrored, mask[None, :, ::-1].copy(), [box], maps=True)
    assert other.dice == pytest.approx(one.dice, abs=1e-4)
    np.testing.assert_allclose(other.false_negative[:, ::-1], one.false_negative, atol=1e-3)


def test_cases_are_taken_lazily(estimator):
    taken = []

    def cases():
        for index in range(100):
            taken.append(index)
            yield QualityCase(picture(disc()), disc(), BOX)

    next(iter(estimator.estimate_cases(cases())))
    assert len(taken) <= estimator.net.batch


def test_empty_mask_with_a_box_is_zero_and_without_one_unscored(estimator):
    empty = np.zeros(SHAPE, bool)
    image = picture(disc())
    with_box, without = estimator.estimate(image, np.stack([empty, empty]), [BOX, None])
    assert (with_box.dice, with_box.low, with_box.high) == (0, 0, 0)
    assert Caveat.EMPTY_MASK in with_box.caveats
    assert not without.scored
    assert Caveat.EMPTY_MASK in without.caveats
    (mapped,) = estimator.estimate(image, empty[None], [BOX], maps=True)
    assert mapped.dice == 0
    assert mapped.false_positive.max() == 0


def test_scored_and_unscored_cases_keep_their_order(estimator):
    image, mask = picture(disc()), disc()
    masks = np.stack([mask, np.zeros_like(mask), mask, np.zeros_like(mask), mask])
    found = estimator.estimate(image, masks)
    assert [f.scored for f in found] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("mask", "box", "caveat"),
    [
        (np.ones(SHAPE, bool), None, Caveat.FULL_MASK),
        (disc(), BoxPrompt(-20, 25, 75, 65), Caveat.BOX_OFF_IMAGE),
        (disc(20, 20, 15), BoxPrompt(60, 50, 90, 80), Caveat.MASK_OUTSIDE_BOX),
        (disc(radius=2), None, Caveat.TINY),
    ],
)
def test_doubtful_cases_are_scored_with_a_caveat(estimator, mask, box, caveat):
    (found,) = estimator.estimate(picture(disc()), mask[None], [box])
    assert found.scored
    assert caveat in found.caveats


def test_constant_image_is_scored_with_a_caveat_and_known_caveats_stay(estimator):
    case = QualityCase(np.full((*SHAPE, 3), 9, np.uint8), disc(), BOX, (Caveat.NOT_A_NUMBER,))
    (found,) = estimator.estimate_cases([case])
    assert found.scored
    assert set(found.caveats) == {Caveat.NOT_A_NUMBER, Caveat.CONSTANT_IMAGE}


def test_without_calibration_it_says_so(tmp_path):
    mask = disc()
    found = load(write_estimator(tmp_path, calibrated=False)).estimate(picture(mask), mask[None])[0]
    assert Caveat.NO_INTERVAL in found.caveats


@pytest.mark.parametrize(
    ("image", "masks"),
    [
        (np.zeros((9, 9)), np.ones((1, 9, 9), bool)),
        (np.zeros((9, 9, 3), np.float32), np.ones((1, 9, 9), bool)),
        (np.zeros((9, 9, 3), np.uint8), np.ones((1, 8, 9), bool)),
        (np.zeros((9, 9, 3), np.uint8), np.ones((9, 9), bool)),
        (np.zeros((1, 9, 3), np.uint8), np.ones((1, 1, 9), bool)),
    ],
)
def test_wrong_shapes_and_types_are_refused(estimator, image, masks):
    with pytest.raises(ImageError):
        estimator.estimate(image, masks)


def test_unusable_boxes_and_missing_boxes_are_refused(estimator):
    mask = disc()
    with pytest.raises(PromptError, match="outside"):
        estimator.estimate(picture(mask), mask[None], [BoxPrompt(500, 500, 600, 600)])
    with pytest.raises(ImageError, match="one box"):
        estimator.estimate(picture(mask), mask[None], [])


def test_no_masks_no_estimates(estimator):
    assert estimator.estimate(picture(disc()), np.zeros((0, *SHAPE), bool)) == []


def test_cancel_before_and_inside_the_network(estimator):
    mask = disc()
    calls = iter([False, False, False, True] + [True] * 50)
    with pytest.raises(CancelledError):
        estimator.estimate(picture(mask), mask[None], [BOX], should_cancel=lambda: next(calls))
    with pytest.raises(CancelledError):
        estimator.estimate(picture(mask), mask[None], [BOX], should_cancel=lambda: True)
    assert estimator.estimate(picture(mask), mask[None], [BOX])[0].scored


class _Greedy(torch.nn.Module):
    """Fails like a full accelerator for batches above `limit`, until it is moved to plain 'cpu' again."""

    def __init__(self, limit):
        super().__init__()
        self.limit, self.moves = limit, []

    def forward(self, x):
        if len(x) > self.limit:
            raise torch.OutOfMemoryError("full")
        return x

    def to(self, device):
        self.moves.append(device)
        if self.moves[1:] and device == "cpu":
            self.limit = 10**6
        return self


def _run(runner):
    out = runner.run(lambda net, batch: {"y": net(batch["x"])}, {"x": torch.arange(20.0)})
    np.testing.assert_array_equal(out["y"], np.arange(20.0))


def test_out_of_memory_halves_the_batch_with_a_notice():
    runner = BatchRunner(_Greedy(3), "cpu", 16)
    _run(runner)
    assert runner.batch == 2
    assert len(runner.notices) == 3


def test_a_single_mask_that_does_not_fit_moves_to_the_cpu_with_a_notice():
    net = _Greedy(0)
    runner = BatchRunner(net, "cpu:0", 2)  # another name for the same place: stands for an accelerator
    _run(runner)
    assert runner.device == "cpu"
    assert net.moves == ["cpu:0", "cpu"]
    assert "continuing on the CPU" in runner.notices[-1]


def test_no_room_anywhere_is_an_error():
    with pytest.raises(MemoryError):
        _run(BatchRunner(_Greedy(0), "cpu", 2))


@pytest.mark.parametrize("harm", ["missing json", "missing weights", "truncated", "foreign", "other sizes", "not json"])
def test_bad_files_are_refused_in_one_sentence(tmp_path, harm):
    path = write_estimator(tmp_path)
    described = path.with_suffix(".json")
    if harm == "missing json":
        described.unlink()
    elif harm == "missing weights":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    elif harm == "foreign":
        from safetensors.torch import save_file

        save_file({"conv.weight": torch.zeros(3)}, path)
    elif harm == "other sizes":
        stored = json.loads(described.read_text())
        stored["config"]["decoder"] = 16
        described.write_text(json.dumps(stored))
    else:
        described.write_text("{")
    with pytest.raises(WeightsError):
        load(path)


def test_dice_from_maps_by_hand():
    mask = torch.zeros(1, 4, 4)
    mask[:, :2] = 1  # 8 of 16 cells
    nothing = torch.full((1, 4, 4), -30.0)
    assert dice_from_maps(nothing, nothing, mask, torch.zeros(1)).item() == pytest.approx(1.0, abs=1e-4)
    wrong = nothing.clone()
    wrong[:, 0] = 30.0  # 4 cells of the mask are wrong: TP 4, FP 4
    assert dice_from_maps(wrong, nothing, mask, torch.zeros(1)).item() == pytest.approx(8 / 12, abs=1e-4)
    missing = nothing.clone()
    missing[:, 2] = 30.0  # 4 cells are missing: TP 8, FN 4
    assert dice_from_maps(nothing, missing, mask, torch.zeros(1)).item() == pytest.approx(16 / 20, abs=1e-4)
    outside = torch.tensor([0.25])  # 4 cells' worth of mask outside the window
    assert dice_from_maps(nothing, nothing, mask, outside).item() == pytest.approx(16 / 20, abs=1e-4)


def test_quantiles_never_cross():
    torch.manual_seed(0)
    net = BuiltinEstimatorNet(EstimatorConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in CONFIG.items()}))
    out = net(torch.randn(6, 6, 32, 32), torch.randn(6, 10), torch.rand(6, 2))
    assert (out.quantiles.diff(dim=1) >= 0).all()
    assert out.fp_logits.shape == (6, 16, 16)


def test_network_size_is_within_the_limit():
    parameters = sum(p.numel() for p in BuiltinEstimatorNet().parameters())
    assert 2 * parameters <= 12e6
