"""Every metric against a hand-computed case or a library; weights against writing cases down several times."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score, roc_curve

from evanyseg.metrics import agreement, at_k, coverage, failure
from evanyseg.metrics.bootstrap import group_counts, interval, macro, samples
from evanyseg.metrics.surface import surface_scores
from evanyseg.prompts import BoxPrompt
from evanyseg_training.metrics import maps, selection

RNG = np.random.default_rng(5)
TRUTH = RNG.random(60)
PREDICTION = np.clip(TRUTH + RNG.normal(0, 0.2, 60), 0, 1).round(1)  # with ties
ONES = np.ones((1, 60))

WEIGHTED = {
    "pearson": agreement.pearson,
    "spearman": agreement.spearman,
    "mae": agreement.mae,
    "bias": agreement.bias,
    "r2": agreement.r2,
    "sd": agreement.sd_truth,
    "slope": agreement.slope,
    "intercept": agreement.intercept,
    "ece": agreement.regression_ece,
    "auroc": failure.auroc,
    "ap": failure.average_precision,
    "fpr": failure.fpr_at_tpr,
    "aurc": failure.aurc,
    "e_aurc": failure.e_aurc,
    "n_aurc": failure.n_aurc,
}


def one(metric, truth, prediction):
    return samples(metric, truth, prediction, np.zeros((0, len(truth))))[0]


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_equal_writing_cases_down_several_times(name):
    counts = RNG.integers(0, 4, (3, 60)).astype(float)
    weighted = samples(WEIGHTED[name], TRUTH, PREDICTION, counts)[1:]
    for row, value in zip(counts.astype(int), weighted, strict=True):
        expanded = one(WEIGHTED[name], np.repeat(TRUTH, row), np.repeat(PREDICTION, row))
        assert value == pytest.approx(expanded, abs=1e-9)


def test_correlations_and_errors_equal_the_libraries():
    assert one(agreement.pearson, TRUTH, PREDICTION) == pytest.approx(stats.pearsonr(TRUTH, PREDICTION)[0])
    assert one(agreement.spearman, TRUTH, PREDICTION) == pytest.approx(stats.spearmanr(TRUTH, PREDICTION)[0])
    assert one(agreement.r2, TRUTH, PREDICTION) == pytest.approx(r2_score(TRUTH, PREDICTION))
    line = stats.linregress(PREDICTION, TRUTH)
    assert one(agreement.slope, TRUTH, PREDICTION) == pytest.approx(line.slope)
    assert one(agreement.intercept, TRUTH, PREDICTION) == pytest.approx(line.intercept)
    assert one(agreement.sd_truth, TRUTH, PREDICTION) == pytest.approx(TRUTH.std())


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_failure_detection_equals_scikit_learn(threshold):
    failed = np.less(TRUTH, threshold)
    assert one(failure.at(failure.auroc, threshold), TRUTH, PREDICTION) == pytest.approx(
        roc_auc_score(failed, -PREDICTION)
    )
    assert one(failure.at(failure.average_precision, threshold), TRUTH, PREDICTION) == pytest.approx(
        average_precision_score(failed, -PREDICTION)
    )
    fpr, tpr, _ = roc_curve(failed, -PREDICTION, drop_intermediate=False)
    assert one(failure.at(failure.fpr_at_tpr, threshold), TRUTH, PREDICTION) == pytest.approx(fpr[tpr >= 0.95][0])


@given(st.permutations(list(range(9))))
@settings(max_examples=30, deadline=None)
def test_beta_relative_accuracy_without_ties_is_kendalls_tau(order):
    truth, prediction = np.linspace(0, 1, 9), np.array(order, float)
    tau = stats.kendalltau(truth, prediction).statistic
    assert one(agreement.beta_metric(0), truth, prediction) == pytest.approx((tau + 1) / 2)


def test_beta_relative_accuracy_counts_ties_as_wrong_and_close_pairs_not_at_all():
    truth, prediction = np.array([0.1, 0.2, 0.9]), np.array([0.5, 0.5, 0.6])
    assert one(agreement.beta_metric(0), truth, prediction) == pytest.approx(2 / 3)
    assert one(agreement.beta_metric(0.3), truth, prediction) == 1.0
    assert np.isnan(one(agreement.beta_metric(0.85), truth, prediction))


def test_aurc_of_three_cases_by_hand():
    truth, prediction = np.array([1.0, 0.5, 0.0]), np.array([0.2, 0.9, 0.1])
    # most confident first: risks .5, 0, 1 -> selective risks .5, .25, .5
    assert one(failure.aurc, truth, prediction) == pytest.approx((0.5 + 0.25 + 0.5) / 3)
    # the oracle: 0, .25, .5; random order: .5 at every coverage
    assert one(failure.e_aurc, truth, prediction) == pytest.approx(1.25 / 3 - 0.25)
    assert one(failure.n_aurc, truth, prediction) == pytest.approx((0.5 - 1.25 / 3) / 0.25)


def test_a_constant_orders_nothing():
    flat = np.full(60, 0.7)
    assert one(failure.n_aurc, TRUTH, flat) == pytest.approx(0)
    assert one(failure.auroc, TRUTH, flat) == pytest.approx(0.5)
    assert one(agreement.pearson, TRUTH, flat) == 0
    assert np.isnan(one(agreement.slope, TRUTH, flat))


def test_one_sided_sets_have_no_detection_figure():
    assert np.isnan(one(failure.auroc, np.full(5, 0.9), RNG.random(5)))
    assert np.isnan(one(agreement.pearson, np.full(5, 0.9), RNG.random(5)))


def test_calibration_error_by_hand():
    truth, prediction = np.array([0.0, 0.2, 1.0, 0.8]), np.array([0.11, 0.13, 0.95, 0.95])
    # bin .1-.2: mean .12 against .10; bin .9-1: mean .95 against .90
    assert one(agreement.regression_ece, truth, prediction) == pytest.approx((0.02 * 2 + 0.05 * 2) / 4)


def test_within_object_order_is_not_fooled_by_easy_objects():
    groups = np.repeat([0, 1], 4)
    truth = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    prediction = np.array([0.2, 0.2, 0.2, 0.2, 0.6, 0.7, 0.8, 0.9])  # no order inside the first object
    value = agreement.within_group(truth, prediction, np.ones((1, 8)), groups)[0]
    assert value == pytest.approx(0.5)
    assert one(agreement.spearman, truth, prediction) > 0.9


def test_one_rule_for_constants():
    """A flat prediction orders nothing: 0. A flat truth leaves nothing to order: NaN. For single lists too."""
    flat = np.full(60, 0.5)
    for ranks in (False, True):
        assert agreement.correlation(TRUTH, flat, ranks) == 0.0
        assert np.isnan(agreement.correlation(flat, PREDICTION, ranks))
        assert np.isnan(agreement.correlation(TRUTH[:2], PREDICTION[:2], ranks))
    assert agreement.correlation(TRUTH, PREDICTION) == pytest.approx(np.corrcoef(TRUTH, PREDICTION)[0, 1])
    assert agreement.correlation(TRUTH, PREDICTION, ranks=True) == pytest.approx(stats.spearmanr(TRUTH, PREDICTION)[0])


def test_images_are_resampled_whole():
    groups = np.array(["a", "a", "b", "c", "c", "c"])
    counts = group_counts(groups, 200)
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 3] == counts[:, 5]).all()
    per_image = counts[:, [0, 2, 3]].sum(1)
    assert (per_image == 3).all()


def test_bootstrap_interval_of_a_mean_is_that_of_theory():
    truth = RNG.random(400)
    counts = group_counts(np.arange(400))
    found = interval(samples(agreement.mean_truth, truth, truth, counts))
    half = 1.96 * truth.std() / 20
    assert found.value == pytest.approx(truth.mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_macro_mean_leaves_out_sets_without_the_figure():
    both = np.array([[0.5, 0.4, np.nan], [0.7, np.nan, np.nan]])
    assert macro(both)[:2] == pytest.approx([0.6, 0.4])
    assert np.isnan(macro(both)[2])


def test_coverage_is_the_share_inside_and_terciles_are_equal():
    truth = np.array([0.1, 0.5, 0.9, 0.9])
    found = coverage.coverage(truth, truth - 0.05, np.array([0.2, 0.4, 1.0, 1.0]), np.arange(4))
    assert found.value == 0.75
    assert found.low < 0.75 < found.high
    assert np.bincount(coverage.terciles(RNG.random(30))).tolist() == [10, 10, 10]


def test_audit_of_five_cases_by_hand():
    truth, prediction = np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([0.2, 0.9, 0.1, 0.5, 0.6])
    # ascending by prediction: cases 2, 0, 3, 4, 1; the worst two are 0 and 1 -> hits at ranks 2 and 5
    assert at_k.average_precision_at_k(truth, prediction, 2) == pytest.approx((1 / 2 + 2 / 5) / 2)
    assert at_k.precision_at_k(truth, prediction, 2) == 0.5
    classes = np.array(["a"] * 5 + ["b"])
    value = at_k.mean_over_classes(at_k.precision_at_k, np.append(truth, 0.3), np.append(prediction, 0.3), classes, 2)
    assert value == 0.5


def test_selection_by_hand():
    truth = np.array([[0.9, 0.5], [0.6, 0.8], [0.7, np.nan]])
    scores = np.array([[0.2, 0.1], [0.9, 0.3], [0.1, 0.99]])  # right, wrong, and a candidate that does not exist
    result = selection.selection(truth, scores, truth[:, 0], np.arange(3), np.zeros(3))
    assert result.top1.value == pytest.approx(2 / 3)
    assert result.regret.value == pytest.approx(0.2 / 3)
    assert result.best_single == pytest.approx(2.2 / 3)
    assert result.oracle == pytest.approx(2.4 / 3)
    assert result.gap_closed.value == pytest.approx(0.0)
    perfect = selection.selection(truth, truth, truth[:, 0], np.arange(3), np.zeros(3))
    assert perfect.gap_closed.value == pytest.approx(1.0)


def test_unscored_candidates_are_chosen_last():
    assert selection.choose(np.array([[np.nan, 0.1], [0.3, np.nan]])).tolist() == [1, 0]


def square(y, x, side, shape=(40, 40)):
    mask = np.zeros(shape, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_mask_metrics_of_shifted_squares_by_hand():
    a, b = square(10, 10, 10), square(10, 13, 10)
    found = surface_scores(a, b, tolerance=3)
    assert found.dice == pytest.approx(0.7)
    assert found.hd95 == pytest.approx(3)
    assert found.nsd == pytest.approx(1)
    nothing = np.zeros_like(a)
    one_empty = surface_scores(a, nothing)
    assert (one_empty.dice, one_empty.nsd) == (0.0, 0.0)
    assert np.isnan(one_empty.hd95)  # the diagonal of the image would be a made-up distance
    assert surface_scores(nothing, nothing) == type(found)(1.0, 0.0, 1.0)


def test_a_perfect_error_map_scores_one_and_trivial_maps_know_only_geometry():
    truth, mask = square(10, 10, 10), square(10, 14, 10)
    wrong = mask & ~truth
    ap, share = maps.map_scores(wrong, wrong.astype(float), mask)
    assert (ap, share) == (pytest.approx(1.0), pytest.approx(0.4))
    constant = maps.map_scores(wrong, np.zeros(mask.shape), mask)[0]
    assert constant == pytest.approx(0.4)
    edge = maps.trivial_maps(mask, BoxPrompt(10, 10, 20, 20))["box edge"]
    assert maps.map_scores(wrong, edge, mask)[0] == pytest.approx(1.0)  # everything wrong is outside the box
    assert maps.binary_dice(wrong, wrong.astype(float), mask) == 1.0
    assert np.isnan(maps.map_scores(np.zeros_like(mask), edge, mask)[0])


def test_map_average_precision_equals_scikit_learn():
    wrong, score = RNG.random((20, 20)) < 0.3, RNG.random((20, 20)).round(2)
    where = RNG.random((20, 20)) < 0.8
    ap, _ = maps.map_scores(wrong, score, where)
    assert ap == pytest.approx(average_precision_score(wrong[where], score[where]))


def test_risk_coverage_ends_at_the_mean_risk():
    share, risk = failure.risk_coverage(TRUTH, PREDICTION)
    assert share[-1] == 1
    assert risk[-1] == pytest.approx((1 - TRUTH).mean())
