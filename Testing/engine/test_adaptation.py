"""Learning from references: it helps where it can, stays out of the way where it cannot, and says which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evanyseg.adaptation.candidates import CandidateOptions, masks_of
from evanyseg.adaptation.conformal import attainable_level, fit_interval, grouped_quantile
from evanyseg.adaptation.estimator import UNLIKE
from evanyseg.adaptation.fit import Adaptation, AdaptationOptions, adapt
from evanyseg.adaptation.learner import LearnerOptions
from evanyseg.adaptation.measured import MeasuredReferences
from evanyseg.adaptation.reference import GradedMask, Reference
from evanyseg.adaptation.synthetic import FAMILIES, synthetic_errors
from evanyseg.errors import CancelledError, ImageError
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.builtin import BuiltinEstimator, load

QUICK = AdaptationOptions(CandidateOptions(synthetic=6), LearnerOptions(trees=40))


@pytest.fixture(scope="module")
def base() -> BuiltinEstimator:
    return load()


def example(seed: int, slip: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image, truth, prediction): a bright ellipse whose prediction has slipped to the right."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:120, :150]
    y, x = 60 + rng.normal(0, 6), 70 + rng.normal(0, 6)
    truth = ((rows - y) / (22 + rng.normal(0, 2))) ** 2 + ((columns - x) / (33 + rng.normal(0, 3))) ** 2 < 1
    gray = np.clip(np.where(truth, 150, 70) + rng.normal(0, 15, truth.shape), 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=-1), truth, np.roll(truth, slip or int(rng.integers(0, 25)), axis=1)


def references(count: int, subjects: int | None = None) -> list[Reference]:
    made = []
    for n in range(count):
        image, truth, prediction = example(n)
        made.append(Reference(image, truth, None, (prediction,), subject=f"s{n % (subjects or count)}"))
    return made


@pytest.fixture(scope="module")
def learned(base: BuiltinEstimator) -> Adaptation:
    return adapt(references(8), base, QUICK)


def test_it_scores_unseen_cases_of_the_kind_better_than_before(base, learned) -> None:
    assert learned.helps
    assert learned.subjects == 8
    before, after = [], []
    for seed in range(100, 110):
        image, truth, prediction = example(seed)
        value = dice(prediction, truth)
        before.append(abs(base.estimate(image, prediction[None])[0].dice - value))
        after.append(abs(learned.estimator.estimate(image, prediction[None])[0].dice - value))
    assert np.mean(after) < 0.6 * np.mean(before)
    check = learned.check
    assert check.error(check.blended, False) < check.error(check.builtin, False)


def test_it_answers_like_any_estimator(learned) -> None:
    image, truth, prediction = example(50, slip=18)
    masks = np.stack([prediction, truth, np.zeros_like(truth)])
    box = BoxPrompt.of_mask(truth)
    found = learned.estimator.estimate(image, masks, [box, box, box], maps=True)
    assert [e.estimator for e in found] == ["adapted"] * 3
    assert found[0].false_positive is not None
    assert all(e.low <= e.dice <= e.high for e in found)
    assert found[1].dice > found[0].dice
    assert found[2].dice == 0.0  # an empty mask with a box is scored, and needs no learning
    again = learned.estimator.estimate(image, masks[:1], [box])[0]
    assert again.dice == found[0].dice  # whatever the batch
    unboxed = learned.estimator.estimate(image, np.zeros_like(truth)[None])[0]
    assert not unboxed.scored


def test_images_of_another_kind_get_a_caveat(learned) -> None:
    image, truth, _ = example(51)
    assert UNLIKE not in learned.estimator.estimate(image, truth[None])[0].caveats
    rng = np.random.default_rng(0)
    other = rng.integers(0, 255, (*truth.shape, 3)).astype(np.uint8)
    assert UNLIKE in learned.estimator.estimate(other, truth[None])[0].caveats


def test_references_that_mislead_leave_the_builtin_estimator_in_charge(base) -> None:
    """Their predictions are graded at random: nothing holds on subjects left out."""
    rng = np.random.default_rng(3)
    made = []
    for n in range(8):
        image, _, prediction = example(n)
        grades = tuple(GradedMask(np.roll(prediction, 3 * k, 0), float(rng.uniform())) for k in range(4))
        made.append(Reference(image, None, None, graded=grades, subject=f"s{n}"))
    found = adapt(made, base, QUICK)
    image, _, prediction = example(60)
    if not found.helps:
        assert any("do not help yet" in r for r in found.remarks)
        assert found.estimator.estimate(image, prediction[None])[0].dice == (
            base.estimate(image, prediction[None])[0].dice
        )
    check = found.check
    assert check.error(check.blended, False) <= check.error(check.builtin, False) + 1e-9


def test_one_reference_changes_nothing_and_says_so(base) -> None:
    found = adapt(references(1), base, QUICK)
    assert not found.helps
    assert any("one reference is not enough" in r for r in found.remarks)
    image, _, prediction = example(61)
    same = base.estimate(image, prediction[None])[0]
    assert found.estimator.estimate(image, prediction[None])[0].dice == same.dice
    assert found.estimator.level == base.level


def test_slices_of_one_volume_are_one_subject(base) -> None:
    found = adapt(references(4, subjects=1), base, QUICK)
    assert found.subjects == 1
    assert any("one subject" in r for r in found.remarks)


def test_references_that_cannot_be_used_are_refused_in_words(base) -> None:
    image, truth, _ = example(0)
    with pytest.raises(ImageError, match="true mask of a reference is empty"):
        Reference(image, np.zeros_like(truth))
    with pytest.raises(ImageError, match="150 x 120 pixels"):
        Reference(image, truth[:, :-1])
    with pytest.raises(ImageError, match="needs its true mask"):
        Reference(image, None)
    with pytest.raises(ImageError, match="None of the references"):
        adapt([], base, QUICK)
    with pytest.raises(CancelledError):
        adapt(references(2), base, QUICK, should_cancel=lambda: True)


def test_own_predictions_count_most_and_weights_add_up() -> None:
    image, truth, prediction = example(1)
    made = masks_of(
        Reference(image, truth, None, (prediction,), weight=2.0), CandidateOptions(5), np.random.default_rng(0)
    )
    assert sum(m.weight for m in made) == pytest.approx(2.0)
    assert sum(m.weight for m in made if m.own) == pytest.approx(1.4)
    alone = masks_of(Reference(image, truth), CandidateOptions(5), np.random.default_rng(0))
    assert not any(m.own for m in alone)
    assert sum(m.weight for m in alone) == pytest.approx(1.0)


def test_synthetic_errors_have_the_dice_that_they_say_spread_over_the_range() -> None:
    image, truth, _ = example(2)
    made = synthetic_errors(image, truth, 24, np.random.default_rng(0))
    values = np.array([value for _, value in made])
    assert all(dice(mask, truth) == value for mask, value in made)
    assert np.histogram(values, (0, 0.25, 0.5, 0.75, 1))[0].min() >= 3
    assert len(FAMILIES) == 6
    again = synthetic_errors(image, truth, 24, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(made, again, strict=True))


def test_the_level_that_few_subjects_can_vouch_for() -> None:
    assert attainable_level(0) == 0
    assert attainable_level(1) == 0.5
    assert attainable_level(8) == pytest.approx(8 / 9)
    assert attainable_level(9) == 0.9
    assert attainable_level(100) == 0.9


def test_the_grouped_quantile_by_hand() -> None:
    """Three subjects and the one to come: each of the three has 1/4, shared by its masks."""
    scores = np.array([0.1, 0.3, 0.2, 0.9])
    groups = np.array([0, 0, 1, 2])
    even = np.ones(4)
    # sorted: .1 (1/8), .2 (1/4), .3 (1/8), .9 (1/4): reached 1/8, 3/8, 1/2, 3/4
    assert grouped_quantile(scores, groups, even, 0.375) == 0.2
    assert grouped_quantile(scores, groups, even, 0.5) == 0.3
    assert grouped_quantile(scores, groups, even, 0.75) == 0.9
    assert grouped_quantile(scores, groups, even, 0.76) == np.inf
    # a hundred masks of one subject weigh no more than one of another
    many = np.concatenate([scores, np.full(100, 0.3)])
    assert grouped_quantile(many, np.concatenate([groups, np.zeros(100, int)]), np.ones(104), 0.5) == 0.3


def test_intervals_cover_subjects_that_were_never_seen() -> None:
    """Subjects differ in how wrong predictions are; coverage is counted over new subjects, averaged over draws."""
    rng = np.random.default_rng(0)

    def draw(subjects: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        group = np.repeat(np.arange(subjects), 6)
        size = np.repeat(np.abs(rng.normal(0, 0.08, subjects)), 6)
        predicted = rng.uniform(0.3, 0.7, len(group))
        return predicted + rng.normal(0, 1, len(group)) * size, predicted, group

    inside = []
    for _ in range(60):
        truth, predicted, group = draw(12)
        interval = fit_interval(truth, predicted, group, np.ones(len(group)))
        new_truth, new_predicted, _ = draw(40)
        low, high = interval.around(new_predicted)
        inside.append(((low <= new_truth) & (new_truth <= high)).mean())
    assert interval.level == 0.9
    assert 0.86 <= np.mean(inside) <= 0.98


def test_the_recalibration_shrinks_to_the_references_mean_where_answers_tell_nothing() -> None:
    from evanyseg.adaptation.recalibration import IDENTITY, fit_recalibration, left_out

    rng = np.random.default_rng(0)
    truth = rng.uniform(0.6, 1.0, 8)
    noise = rng.uniform(0, 1, (8, 2))
    useless = fit_recalibration(noise, truth, np.ones(8))
    assert useless(rng.uniform(0, 1, (200, 2))).std() < 0.6 * truth.std()
    biased = np.column_stack([truth - 0.3, noise[:, 1]])
    kept = fit_recalibration(np.repeat(biased, 10, axis=0), np.repeat(truth, 10), np.ones(80))
    assert np.abs(kept(biased) - truth).max() < 0.03  # eighty masks: the bias goes, the order stays
    alone = left_out(biased, truth, np.ones(8), np.arange(8))
    assert np.abs(alone - truth).mean() < np.abs(truth - truth.mean()).mean()
    assert np.allclose(IDENTITY(biased), np.clip(biased[:, 0], 0, 1))


def test_one_more_reference_costs_only_itself_and_changes_nothing_else(base, monkeypatch) -> None:
    known, made = MeasuredReferences(), references(5)
    adapt(made[:4], base, QUICK, known=known)
    seen: list[int] = []
    real = base.measure_cases

    def counted(cases, *more):
        cases = list(cases)
        seen.append(len(cases))
        return real(cases, *more)

    monkeypatch.setattr(base, "measure_cases", counted)
    found = adapt([made[4], *made[:4]], base, QUICK, known=known)
    assert len(seen) == 2, "the new one's candidates, and its window"
    monkeypatch.undo()
    alone = adapt([made[4], *made[:4]], base, QUICK)
    np.testing.assert_array_equal(found.check.learnt, alone.check.learnt)
    image, _, prediction = example(62)
    both = [a.estimator.estimate(image, prediction[None])[0].dice for a in (found, alone)]
    assert both[0] == both[1]


def test_a_reference_that_changed_is_measured_anew() -> None:
    image, truth, prediction = example(1)
    one = Reference(image, truth, None, (prediction,), subject="a")
    assert one.digest() == replace(one, subject="b").digest(), "whom it is of changes no number"
    others = [
        replace(one, image=255 - image),
        replace(one, truth=np.roll(truth, 1, 0)),
        replace(one, predictions=()),
        replace(one, weight=0.5),
        replace(one, box=BoxPrompt(1, 2, 30, 40)),
        replace(one, truth=None, graded=(GradedMask(truth, 1.0),), predictions=(prediction,)),
    ]
    assert len({one.digest(), *(other.digest() for other in others)}) == 7
