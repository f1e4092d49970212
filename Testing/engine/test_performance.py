"""Model-level estimates without labels: the metrics, the line over checkpoints, the reverse engines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.performance_sets import disks, model_of
from evanyseg.errors import CancelledError, EvanySegError
from evanyseg.performance.cases import squared_mask
from evanyseg.performance.correction import STEEPEST, Scored, corrected
from evanyseg.performance.engines import ENGINES, reverse_engine
from evanyseg.performance.estimate import model_estimates, real_metrics
from evanyseg.performance.mapping import Observed, estimated
from evanyseg.performance.measures import MEASURES, measures_of
from evanyseg.performance.reverse.threshold import best_threshold


def test_measures_by_hand() -> None:
    truth = np.zeros((10, 10), bool)
    truth[2:6, 2:7] = True  # 20 pixels
    mask = np.roll(truth, 1, axis=1)  # 16 of them
    found = dict(zip(MEASURES, measures_of(mask, truth), strict=True))
    assert found["dice"] == pytest.approx(0.8)
    assert found["jaccard"] == pytest.approx(16 / 24)
    assert found["precision"] == found["recall"] == pytest.approx(0.8)
    assert found["correlation"] == pytest.approx(np.corrcoef(mask.ravel(), truth.ravel())[0, 1])
    assert found["hd95"] == 1.0
    half = truth & (np.arange(10)[:, None] < 4)
    assert measures_of(half, truth)[2:4].tolist() == [1.0, 0.5]


def test_empty_masks_agree_with_each_other_alone() -> None:
    nothing, something = np.zeros((6, 8), bool), np.ones((6, 8), bool)
    assert measures_of(nothing, nothing).tolist() == [1, 1, 1, 1, 1, 0]
    for pair in ((nothing, something), (something, nothing)):
        assert measures_of(*pair).tolist() == [0, 0, 0, 0, 0, 10]
    assert measures_of(something, something).tolist() == [1, 1, 1, 1, 1, 0]


def test_a_small_object_stays_one_on_the_working_grid() -> None:
    mask = np.zeros((512, 512), bool)
    mask[100:102, 200:202] = True
    assert np.argwhere(squared_mask(mask)).tolist() == [[25, 50]]
    assert not squared_mask(np.zeros((512, 512), bool)).any()
    large = np.zeros((512, 512), bool)
    large[:256] = True
    assert squared_mask(large).sum() == 64 * 128


def observed(noise: float = 0.0, checkpoints: int = 8, cases: int = 12) -> Observed:
    """Real metric = 0.1 + 0.8 pseudo, on every case, and a little noise of cases that averages out over them."""
    rng = np.random.default_rng(0)
    level, there = np.linspace(0.2, 0.9, checkpoints), np.linspace(0.3, 0.8, checkpoints)
    wave = noise * np.array([1, -1] * (cases // 2))
    names = [str(n) for n in range(cases)]
    spread = lambda values: values[:, None] + wave[rng.permutation(cases)]
    return Observed(spread(0.1 + 0.8 * level), names, [(spread(level), spread(there))], [(names, names)])


def test_the_line_is_found_and_applied() -> None:
    found = estimated(observed(), (0.0, 1.0))
    assert found.value == pytest.approx(0.1 + 0.8 * np.linspace(0.3, 0.8, 8))
    assert found.held_out == pytest.approx(found.real)
    assert (found.low, found.high) == (pytest.approx(found.value), pytest.approx(found.value))
    assert (found.trend, found.r) == (pytest.approx(1.0), pytest.approx(1.0))
    assert found.inside.all()


def test_uncertain_cases_widen_the_interval_around_the_same_line() -> None:
    found = estimated(observed(noise=0.1), (0.0, 1.0))
    assert found.value == pytest.approx(0.1 + 0.8 * np.linspace(0.3, 0.8, 8))
    assert ((found.low < found.value) & (found.value < found.high)).all()
    assert estimated(observed(noise=0.1), (0.0, 1.0)).low == pytest.approx(found.low), "the same each time"


def test_answers_keep_their_limits_and_extensions_are_marked() -> None:
    seen = observed()
    (here, there), names = seen.predictors[0], seen.subjects
    beyond = estimated(Observed(seen.real, seen.labeled, [(here, there + 2)], names), (0.0, 1.0))
    assert (beyond.value == 1.0).all()
    assert (beyond.high <= 1.0).all()
    assert not beyond.inside.any()


def test_a_constant_predictor_says_the_mean_of_the_labeled_ones() -> None:
    seen = observed()
    flat = [(np.full_like(a, 0.5), np.full_like(b, 0.5)) for a, b in seen.predictors]
    found = estimated(Observed(seen.real, seen.labeled, flat, seen.subjects), (0.0, 1.0))
    assert found.value == pytest.approx(np.full(8, seen.real.mean()))


def test_the_correction_by_hand() -> None:
    real = np.array([[0.2, 0.4, 0.9, 0.5], [0.3, 0.5, 1.0, 0.6]])
    said = np.array([[0.3, 0.5, 1.0, 0.6], [0.3, 0.5, 1.0, 0.6]])
    there = np.array([[0.4, 0.6], [0.5, np.nan]])  # the second one found nothing on the last image
    found = corrected(real, Scored(said, list("abcd")), Scored(there, list("ef")), (0.0, 1.0))
    assert found.slope == pytest.approx(1.0)
    assert found.real == pytest.approx([0.5, 0.6])
    assert found.value == pytest.approx([0.5 + (0.5 - 0.6), 0.6 + (0.25 - 0.6)])
    assert (found.low, found.high) == (pytest.approx(found.value), pytest.approx(found.value)), "nothing is unseen"


def test_scores_that_say_nothing_leave_the_labeled_mean() -> None:
    real = np.random.default_rng(0).uniform(0.4, 0.9, (3, 8))
    flat = np.full((3, 8), 0.7)
    found = corrected(real, Scored(flat, list("abcdefgh")), Scored(flat[:, :4], list("ijkl")), (0.0, 1.0))
    assert found.slope == 0
    assert found.value == pytest.approx(real.mean(1))
    assert ((found.low < found.value) & (found.value < found.high)).all()


def test_harder_images_are_noticed_and_the_interval_holds_the_truth() -> None:
    """Two thirds of the spread are seen by the scores; the unlabelled people are other ones each time."""
    rng = np.random.default_rng(1)
    errors, plain, held = [], [], []
    for _ in range(80):
        quality = rng.normal(0.7, 0.15, (1, 40))
        real = np.clip(quality + np.array([[-0.1], [0.0]]) + rng.normal(0, 0.05, (2, 40)), 0, 1)
        said = 0.8 * quality + 0.1 + rng.normal(0, 0.03, (2, 40))
        people = [str(n // 2) for n in range(20)]
        found = corrected(
            real[:, :20], Scored(said[:, :20], people), Scored(said[:, 20:], people), (0.0, 1.0), resamples=200
        )
        truth = real[:, 20:].mean(1)
        errors.append(np.abs(found.value - truth).mean())
        plain.append(np.abs(found.real - truth).mean())
        held.append(((found.low <= truth) & (truth <= found.high)).mean())
    assert np.mean(errors) < 0.5 * np.mean(plain)
    assert 0.88 <= np.mean(held) <= 0.995


def test_a_few_images_may_not_say_anything() -> None:
    real, said = np.array([[0.0, 1.0, 0.0, 1.0]]), np.array([[0.50, 0.51, 0.50, 0.51]])
    found = corrected(real, Scored(said, list("abcd")), Scored(said + 0.2, list("efgh")), (0.0, 1.0))
    assert found.slope == STEEPEST
    assert found.value == pytest.approx([0.8])


def test_the_threshold_is_the_one_with_the_largest_overlap() -> None:
    masks = np.zeros((1, 4, 4), bool)
    masks[0, 1:3, 1:3] = True
    soft = np.where(masks, 0.32, 0.22)
    assert best_threshold(soft, masks) == 0.3
    assert best_threshold(np.zeros((1, 4, 4)), np.zeros((1, 4, 4), bool)) == 0.55


@pytest.mark.parametrize("name", list(ENGINES))
def test_every_engine_segments_the_object_it_was_taught(name: str) -> None:
    pixels, truth = disks(14)
    engine = reverse_engine(name)
    support, targets = engine.describe(pixels[:8]), engine.describe(pixels[8:])
    segment = engine.taught(support, targets)
    right = segment(truth[:8])
    assert right.shape == (6, 128, 128)
    assert right.dtype == bool
    dice = [measures_of(mask, true)[0] for mask, true in zip(right, truth[8:], strict=True)]
    assert np.mean(dice) > 0.75, dice
    # a checkpoint that marks something else teaches something else
    elsewhere = segment(np.roll(truth[:8], 50, axis=2))
    assert np.mean([measures_of(mask, true)[0] for mask, true in zip(elsewhere, truth[8:], strict=True)]) < 0.4
    with pytest.raises(CancelledError):
        engine.taught(support, targets, lambda: True)(truth[:8])


def test_an_unknown_engine_is_refused_with_the_names() -> None:
    with pytest.raises(EvanySegError, match="no reverse engine 'univerSeg'; there are ridge, patches"):
        reverse_engine("univerSeg")


def test_checkpoints_that_get_better_are_told_apart_without_labels() -> None:
    data = model_of(checkpoints=6)
    found = model_estimates(data, reverse_engine("patches"))
    truth = real_metrics(data.unlabeled).mean(1)
    assert np.abs(found.of["dice"].value - truth[:, 0]).mean() < 0.08
    assert np.corrcoef(found.of["dice"].value, truth[:, 0])[0, 1] > 0.9
    assert found.from_scores is None, "nothing was scored"
    assert "No common trend over the checkpoints in the reverse step: Precision (" in found.doubts[0], (
        "all of them have precision 1"
    )
    scored = replace(data, labeled=_scored(data.labeled), unlabeled=_scored(data.unlabeled))
    told = model_estimates(scored, reverse_engine("patches"))
    assert told.from_scores is not None
    assert told.from_both is not None
    assert told.from_scores.value == pytest.approx(truth[:, 0], abs=0.02), "the scores are the truth plus .1"
    assert told.mean_scores == pytest.approx(truth[:, 0] + 0.1, abs=1e-6)
    assert told.by_images is not None
    assert told.best("dice") is told.by_images["dice"]
    assert told.best("dice").value == pytest.approx(truth[:, 0], abs=0.01)
    assert found.best("dice") is found.of["dice"], "nothing was scored"


def _scored(images):
    return replace(images, predicted_dice=real_metrics(images)[..., 0] + 0.1)


def test_checkpoints_without_a_trend_are_told() -> None:
    data = model_of(checkpoints=6)
    same = lambda images: replace(images, predictions=np.repeat(images.predictions[2:3], 6, axis=0))
    found = model_estimates(replace(data, labeled=same(data.labeled)), reverse_engine("patches"))
    assert found.doubts[0].startswith(
        "No common trend over the checkpoints in the reverse step: Dice, Jaccard, Precision, Recall"
    )
    assert found.of["dice"].value == pytest.approx(found.of["dice"].real), "the mean of the labelled images"


def test_both_sides_teach_with_as_many_images() -> None:
    """More images teach better: with 4 labelled ones and 24 others, the others would look like a better model."""
    data = model_of(checkpoints=6)
    groups = data.unlabeled.groups(3)
    assert len(groups) == 2
    assert sorted(np.concatenate(groups)) == sorted(set(np.concatenate(groups).tolist())), "no image twice"
    assert [len(g) for g in data.unlabeled.groups(8)] == [8]
    asked = []

    class Engine:
        name = "counting"

        def describe(self, pixels, *more):
            return pixels

        def taught(self, support, targets, *more):
            asked.append(len(support))
            return lambda masks: np.zeros((len(targets), 128, 128), bool)

    few = replace(data.labeled, pixels=data.labeled.pixels[:4], truth=data.labeled.truth[:4],
                  predictions=data.labeled.predictions[:, :4], names=data.labeled.names[:4],
                  subjects=data.labeled.subjects[:4], predicted_dice=data.labeled.predicted_dice[:, :4])  # fmt: skip
    model_estimates(replace(data, labeled=few), Engine())
    assert asked == [4, 4, 4], "one group of the labelled ones, two of the eight others"


def test_too_little_is_refused_in_words() -> None:
    data = model_of(checkpoints=6)
    with pytest.raises(EvanySegError, match="3 checkpoints: a line through fewer than 4"):
        replace(data, checkpoints=data.checkpoints[:3])
    few = replace(data.labeled, names=data.labeled.names[:3])
    with pytest.raises(EvanySegError, match="3 labelled images: at least 4"):
        replace(data, labeled=few)
    with pytest.raises(EvanySegError, match="no unlabelled images"):
        replace(data, unlabeled=replace(data.unlabeled, names=[]))
