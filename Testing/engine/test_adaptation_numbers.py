"""The numbers behind learning, without images: conformal intervals, what is chosen, recalibration, the process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evanyseg.adaptation.choosing import TEMPERATURE, Choice, Evidence, answers_left_out, chosen
from evanyseg.adaptation.conformal import (
    attainable_level,
    covered_left_out,
    effective_number,
    fit_interval,
    grouped_quantile,
    intraclass_correlation,
)
from evanyseg.adaptation.features import COUNT, PLACE, place_of
from evanyseg.adaptation.learner import gaussian_process
from evanyseg.adaptation.learner.gaussian_process import NOISE, fit_gaussian_process
from evanyseg.adaptation.learner.scale import Scale, shipped_scale
from evanyseg.adaptation.recalibration import PRIOR, fit_recalibration, left_out
from evanyseg.adaptation.reference import weights_like
from evanyseg.prompts import BoxPrompt


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


def test_the_intraclass_correlation_and_the_effective_number_by_hand() -> None:
    """Two subjects with 1, 3 and 5, 7: between 16, within 2, so (16 - 2) / (16 + 2)."""
    values, groups = np.array([1.0, 3.0, 5.0, 7.0]), np.array([0, 0, 1, 1])
    assert intraclass_correlation(values, groups) == pytest.approx(7 / 9)
    assert effective_number(values, groups) == pytest.approx(4 / (1 + 7 / 9))
    # masks that differ as much within a subject as between: each counts
    assert intraclass_correlation(np.array([1.0, 7.0, 1.0, 7.0]), groups) == 0
    assert effective_number(np.array([1.0, 7.0, 1.0, 7.0]), groups) == 4
    # masks of a subject that are all alike, or one each: the subjects count
    assert effective_number(np.array([1.0, 1.0, 7.0, 7.0]), groups) == 2
    assert effective_number(np.array([1.0, 2.0, 3.0]), np.arange(3)) == 3


def test_the_quantile_of_masks_that_count_for_more_than_their_subjects() -> None:
    scores, groups = np.array([0.1, 0.3, 0.2, 0.9]), np.array([0, 0, 1, 2])
    # worth four: a third of 4/5 for each subject: .1 (2/15), .2 (6/15), .3 (8/15), .9 (12/15)
    assert grouped_quantile(scores, groups, np.ones(4), 0.5, effective=4) == 0.3
    assert grouped_quantile(scores, groups, np.ones(4), 0.8, effective=4) == 0.9
    assert grouped_quantile(scores, groups, np.ones(4), 0.81, effective=4) == np.inf
    assert grouped_quantile(scores, groups, np.ones(4), 0.76) == np.inf  # worth three only


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


def test_the_recalibration_shrinks_to_what_answers_are_worth_elsewhere() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.6, 1.0, 8)
    noise = rng.uniform(0, 1, (8, 2))
    stiff = fit_recalibration(noise, truth, np.ones(8), shrink=1e9)
    assert stiff.slopes == pytest.approx(PRIOR, abs=1e-3)
    assert stiff.mean == pytest.approx(truth.mean())
    biased = np.column_stack([truth - 0.3, noise[:, 1]])
    kept = fit_recalibration(np.repeat(biased, 40, axis=0), np.repeat(truth, 40), np.ones(320))
    assert np.abs(kept(biased) - truth).max() < 0.03  # many masks: the bias goes, the order stays
    alone = left_out(biased, truth, np.ones(8), np.arange(8))
    assert np.abs(alone - truth).mean() < np.abs(truth - truth.mean()).mean()


def test_no_mask_is_scored_lower_because_answers_call_it_better() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.3, 1.0, 12)
    against = fit_recalibration(np.column_stack([1 - truth, 1 - truth]), truth, np.ones(12))
    assert min(against.slopes) >= 0


def evidence(count: int, recalibrate: bool = True) -> Evidence:
    """One mask a subject; the built-in answer is .2 too low, the learned one right but for noise."""
    rng = np.random.default_rng(5)
    truth = rng.uniform(0.4, 0.9, count)
    learned = truth + rng.normal(0, 0.02, count)
    return Evidence(truth, truth, learned, truth - 0.2, np.ones(count), np.arange(count), recalibrate)


def test_answers_for_intervals_come_from_mixtures_that_never_saw_the_subject() -> None:
    known = evidence(8)
    choice = chosen(known)
    assert choice.share > 0
    answers = answers_left_out(known, choice)
    # by hand for the first subject: choose on the seven others, apply to it
    others = known.of(known.group != 0)
    expected = chosen(others).mixed(known.learned[:1], known.builtin[:1])
    assert answers[:1] == pytest.approx(expected)
    # a subject's own truth has no part in its answer
    moved = replace(known, low=np.append(0.05, known.low[1:]), high=np.append(0.05, known.high[1:]))
    assert answers_left_out(moved, choice)[0] == answers[0]


def test_answers_are_averaged_by_what_they_bring() -> None:
    """By hand: eight subjects, always .20 off the built-in one, the learned one always right: every gain is the same on
    every subject, so that no caution is due. Weights are as exp(gain / .02); the built-in answer gains nothing."""
    known = replace(evidence(8, recalibrate=False), learned=evidence(8).low)
    assert chosen(known).share == pytest.approx(1 / (1 + np.exp(-0.2 / TEMPERATURE)))
    half = replace(known, builtin=known.low - TEMPERATURE)  # as good as it must be to count e times less
    assert chosen(half).learned == pytest.approx(np.e / (1 + np.e))
    assert chosen(half).recalibrated == 0
    mixed = chosen(half).mixed(half.learned, half.builtin)
    assert mixed == pytest.approx(half.low - TEMPERATURE / (1 + np.e))


def test_nothing_is_said_where_the_average_brings_nothing() -> None:
    known = evidence(8)
    worse = replace(known, learned=known.low - 0.3, recalibrate=False)
    assert chosen(worse) == Choice()
    lucky = replace(known, learned=known.builtin + np.where(np.arange(8) < 4, 0.02, -0.02), recalibrate=False)
    assert chosen(lucky).share == 0  # better for half of the subjects, worse for the others


def test_a_mask_known_only_to_lie_in_its_band_is_not_off_within_it() -> None:
    """The built-in answer .95 lies in the band [.9, 1]: an answer of .92 is no worse, one of .7 is."""
    known = Evidence(*(np.array([v, v, v]) for v in (0.9, 1.0)), *(np.array([v] * 3) for v in (0.92, 0.95)),
                     np.ones(3), np.arange(3), False)  # fmt: skip
    assert np.array_equal(known.truth_for(np.array([0.7, 0.92, 0.95])), [0.9, 0.92, 0.95])
    assert chosen(known).share == 0  # nothing is gained where nothing was off


def test_the_gaussian_process_by_hand() -> None:
    """Two masks, alike by k = exp(-d^2 / (2 COUNT)), with errors .2 and -.2: pull = +-.2 / (1 + noise - k)."""
    scale = Scale(np.zeros(COUNT), np.ones(COUNT))
    x = np.zeros((2, COUNT))
    x[1, 3] = 4.0
    k, builtin, truth = np.exp(-16 / (2 * COUNT)), np.array([0.5, 0.5]), np.array([0.7, 0.3])
    found = fit_gaussian_process(x, truth, builtin, np.ones(2), np.arange(2), scale)
    pull = 0.2 / (1 + NOISE - k)
    assert found.mean == pytest.approx(0)
    assert found.pull == pytest.approx([pull, -pull])
    assert found.predict(x, builtin) == pytest.approx([0.5 + pull * (1 - k), 0.5 - pull * (1 - k)])
    assert found.predict(np.full((1, COUNT), 5.0), np.array([0.5])) == pytest.approx([0.5], abs=1e-3), "far: the mean"
    # four times the weight: half the noise, and the mean is nearer to it
    heavy = fit_gaussian_process(x, truth, builtin, np.array([4.0, 1.0]), np.arange(2), scale)
    assert heavy.mean == pytest.approx(0.12)
    noise = NOISE * np.sqrt(2.5 / np.array([4.0, 1.0]))
    assert np.array([[1 + noise[0], k], [k, 1 + noise[1]]]) @ heavy.pull == pytest.approx([0.08, -0.32])
    # a mask without weight tells next to nothing
    one = fit_gaussian_process(x, truth, builtin, np.array([1.0, 0.0]), np.arange(2), scale)
    assert one.mean == pytest.approx(0.2)
    assert one.pull == pytest.approx([0, 0], abs=0.005)


def test_the_gaussian_process_leaves_the_builtin_answer_where_there_is_no_evidence_and_finds_a_slope() -> None:
    scale = Scale(np.zeros(COUNT), np.ones(COUNT))
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (60, COUNT))
    builtin, group = np.full(60, 0.5), np.repeat(np.arange(10), 6)
    same = fit_gaussian_process(x, builtin, builtin, np.ones(60), group, scale)
    assert same.predict(x, builtin) == pytest.approx(builtin)
    found = fit_gaussian_process(x, builtin + 0.1 * x[:, 3], builtin, np.ones(60), group, scale)
    fresh = rng.normal(0, 1, (50, COUNT))
    assert np.corrcoef(found.predict(fresh, np.full(50, 0.5)), fresh[:, 3])[0, 1] > 0.5
    assert shipped_scale().spread.shape == (COUNT,)


def test_of_many_masks_the_heaviest_of_each_subject_are_remembered(monkeypatch) -> None:
    monkeypatch.setattr(gaussian_process, "MOST", 3)
    x = np.arange(5.0)[:, None] * np.ones((5, COUNT))
    scale = Scale(np.zeros(COUNT), np.ones(COUNT))
    weight, group = np.array([1.0, 3.0, 2.0, 1.0, 1.0]), np.array([0, 0, 0, 1, 2])
    found = fit_gaussian_process(x, np.full(5, 0.4), np.full(5, 0.5), weight, group, scale)
    assert found.points[:, 0].tolist() == [1.0, 3.0, 4.0]


def test_references_of_a_worst_first_review_count_by_how_much_they_are_like_what_waits() -> None:
    """Two at .2 and two at .8; what waits has .8: the latter count more, and all four count for four."""
    weights = weights_like([0.2, 0.2, 0.8, 0.8], [0.8, 0.8, 0.8])
    assert weights.mean() == pytest.approx(1)
    # ratios 0 and 1/.5 = 2, over their mean 0 and 2, bounded 1/4 and 2, over the new mean 9/8
    assert weights == pytest.approx([2 / 9, 2 / 9, 16 / 9, 16 / 9], rel=1e-3)
    assert weights_like([0.3, 0.7], []) == pytest.approx([1, 1])
    assert weights_like([0.3, 0.7], [0.3, 0.7]) == pytest.approx([1, 1])
    assert len(weights_like([], [0.5])) == 0


def test_coverage_of_intervals_from_other_subjects_by_hand() -> None:
    """Errors .1, .1, .3: half widths are the larger of the two others' (level 2/3)."""
    truth, said = np.array([0.5, 0.5, 0.5]), np.array([0.6, 0.4, 0.8])
    assert covered_left_out(truth, said, np.arange(3), np.ones(3)).tolist() == [1, 1, 0]
    assert np.isnan(covered_left_out(truth, said, np.zeros(3), np.ones(3))).all()


@pytest.mark.parametrize("gray", [True, False])
def test_where_a_mask_lies_and_how_bright_it_is_by_definition(gray: bool) -> None:
    rng = np.random.default_rng(4)
    image = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    image = np.repeat(image[..., :1], 3, axis=-1) if gray else image
    mask = np.zeros((40, 60), bool)
    mask[5:20, 30:58] = rng.random((15, 28)) < 0.6
    mask[[5, 19], 30:58] = mask[5:20, [30, 57]] = True
    found = dict(zip(PLACE, place_of(image, mask, BoxPrompt(30, 5, 58, 20)), strict=True))
    shown, (rows, columns) = image.mean(axis=-1) / 255, np.nonzero(mask)
    rim = (np.s_[2:23], np.s_[27:60])
    wanted = {
        "log area": np.log(mask.sum() + 1), "area share": mask.mean(), "row": rows.mean() / 40,
        "column": columns.mean() / 60, "height": 15 / 40, "width": 28 / 60, "log aspect": np.log(15 / 28),
        "inside mean": shown[mask].mean(), "inside spread": shown[mask].std(),
        "inside 10 %": np.quantile(shown[mask], 0.1), "inside 90 %": np.quantile(shown[mask], 0.9),
        "rim mean": shown[rim][~mask[rim]].mean(),
        "red": (image[mask][:, 0] / 255 - image[mask][:, 1] / 255).mean(),
        "blue": (image[mask][:, 2] / 255 - image[mask][:, 1] / 255).mean(),
    }  # fmt: skip
    assert found == pytest.approx(wanted)
    whole = dict(zip(PLACE, place_of(image, np.ones_like(mask), BoxPrompt(0, 0, 60, 40)), strict=True))
    assert whole["rim mean"] == whole["inside mean"] == pytest.approx(shown.mean())
