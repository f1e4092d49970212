"""What choosing cases gains: the orders of the methods, the run, its page, what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from evanyseg.nets.small_unet import SmallUNet
from evanyseg.results import QualityCase, QualityEstimate
from evanyseg_training.errors import DataError
from evanyseg_training.experiments.adaptation.objects import KnownObject
from evanyseg_training.experiments.selection import methods, timing
from evanyseg_training.experiments.selection.methods import METHODS, dropout_doubt, entropy, ordered, resident
from evanyseg_training.experiments.selection.page import summary, write_page
from evanyseg_training.experiments.selection.run import SelectionOptions, run_selection
from evanyseg_training.experiments.selection.timing import timings

OPTIONS = SelectionOptions(labeled=6, pool=10, test=4, repeats=2, side=16, steps=3, width=2)


class TrueDice:
    """An estimator that knows the answer: by the image's first pixel, which names the object."""

    name, level = "knows", 0.9

    def __init__(self, truths: list[np.ndarray]) -> None:
        self.truths = truths

    def estimate(self, image: np.ndarray, masks: np.ndarray, boxes: object = None) -> list[QualityEstimate]:
        raise NotImplementedError

    def estimate_cases(self, cases: Iterable[QualityCase]) -> Iterator[QualityEstimate]:
        for case in cases:
            truth = self.truths[int(case.image[0, 0, 0])]
            dice = 2 * (case.mask & truth).sum() / max(case.mask.sum() + truth.sum(), 1)
            if case.mask.any():
                yield QualityEstimate(float(dice), float(dice) - 0.1, float(dice) + 0.1, 0.9, self.name)
            else:
                yield QualityEstimate.unscored(self.name)


@pytest.fixture(scope="module")
def objects() -> list[KnownObject]:
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    made = []
    for k in range(24):
        truth = np.hypot(rows - rng.uniform(10, 22), columns - rng.uniform(10, 22)) < rng.uniform(4, 9)
        image = np.repeat((60 + 120 * truth + rng.normal(0, 8, truth.shape)).clip(0, 255)[..., None], 3, 2)
        image[0, 0] = k
        made.append(KnownObject("discs", "discs", str(k), image.astype(np.uint8), truth, ()))
    return made


def test_entropy_is_that_of_a_coin_and_nothing_where_all_is_sure() -> None:
    p = np.zeros((3, 4, 4))
    p[0, :2] = 0.5
    p[1, :2] = 1.0
    np.testing.assert_allclose(entropy(p), [np.log(2), 0, np.log(2)], atol=1e-4)  # no mask at all counts as unsure


def test_dropout_without_dropout_doubts_nothing_and_leaves_the_net_as_it_was() -> None:
    inputs = np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)
    torch.manual_seed(0)
    sure, unsure = SmallUNet(4, 0.0).eval(), SmallUNet(4, 0.3).eval()
    with torch.no_grad():  # half of every picture is mask: an untrained network says all or nothing
        for net in (sure, unsure):
            net.last.weight.div_(net(torch.from_numpy(inputs)).std())
            net.last.bias.zero_()
            net.last.bias.fill_(-float(net(torch.from_numpy(inputs)).median()))
    np.testing.assert_allclose(dropout_doubt(sure, inputs, 0), 0, atol=1e-6)
    assert 0 < dropout_doubt(unsure, inputs, 0).max() < 1
    np.testing.assert_array_equal(dropout_doubt(unsure, inputs, 1), dropout_doubt(unsure, inputs, 1))
    assert not unsure.dropout.training


def test_each_method_orders_the_whole_pool(objects: list[KnownObject]) -> None:
    inputs = np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32)
    estimator = TrueDice([o.truth for o in objects])
    for method in METHODS:
        found = ordered(method, SmallUNet(2, 0.2).eval(), inputs, objects[:8], estimator, 0)
        assert sorted(found.worst) == sorted(found.best) == list(range(8))
        assert found.seconds > 0


def test_the_time_of_an_image_grows_with_the_network(
    objects: list[KnownObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "SIZES", ((16, 2, 2), (128, 8, 2)))
    timed = timings(objects, TrueDice([o.truth for o in objects]))
    assert timed["images timed"].tolist() == [24, 2, 2]
    small, large = timed["ms an image"].astype(float)[1:]
    assert large > small


def test_a_mask_that_is_empty_comes_first_for_annotation(objects: list[KnownObject]) -> None:
    masks = np.stack([o.truth for o in objects[:3]])
    masks[1] = False
    found = methods.estimated(TrueDice([o.truth for o in objects]), objects[:3], masks)
    assert found[:, 0].tolist() == [1.0, 0.0, 1.0]


def test_who_knows_the_dice_finds_the_worst_and_the_best(
    objects: list[KnownObject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "SIZES", ((16, 2, 2), (32, 2, 2)))
    said: list[str] = []
    options = SelectionOptions(labeled=6, pool=10, test=4, repeats=2, side=32, steps=60, width=4)
    table = run_selection({"discs": objects}, TrueDice([o.truth for o in objects]), tmp_path, options, said.append)
    assert len(table) == 2 * len(METHODS) * 2
    knows = table[table.method == methods.RANK]
    assert (
        knows.share >= 0.5
    ).all()  # two are chosen; the network's grid is coarser than the image, near ties may turn
    assert (table.chosen == 2).all()
    again = run_selection({"discs": objects}, TrueDice([]), tmp_path, options, said.append)  # remembered
    assert again.share.tolist() == pytest.approx(table.share.tolist(), abs=1e-4)
    assert len(said) == 2
    timed = timings(objects, TrueDice([o.truth for o in objects]))
    page = write_page(tmp_path, table, timed, options, "told", "knows").read_text(encoding="utf-8")
    assert page.count("MC dropout, 20 passes of a U-Net at") == len(timing.SIZES)
    assert page.count("| discs |") == 2 * len(METHODS)
    assert set(summary(table)["times random"]) != {""}


def test_a_stopped_run_keeps_what_is_done(objects: list[KnownObject], tmp_path: Path) -> None:
    def stops(text: str) -> None:
        raise KeyboardInterrupt

    estimator = TrueDice([o.truth for o in objects])
    with pytest.raises(KeyboardInterrupt):
        run_selection({"discs": objects}, estimator, tmp_path, OPTIONS, stops)
    assert [file.name for file in tmp_path.iterdir()] == ["discs-0.csv"]
    assert len(run_selection({"discs": objects}, estimator, tmp_path, OPTIONS, lambda text: None)) == 16


def test_too_few_images_are_refused_before_anything_is_trained(objects: list[KnownObject], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="20 are needed"):
        run_selection({"discs": objects[:19]}, TrueDice([]), tmp_path / "none", OPTIONS, print)
    assert not (tmp_path / "none").exists()


def test_memory_is_unknown_where_the_system_does_not_tell() -> None:
    def fails() -> str:
        raise OSError

    assert np.isnan(resident(fails))
    assert resident(lambda: "0 1000 0") == pytest.approx(4.096)
