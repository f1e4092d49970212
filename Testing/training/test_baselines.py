"""Shape features by hand, fitted baselines on data whose answer is known, and what segmenters say about themselves."""

import numpy as np
import pandas as pd
import pytest

from doubles import LevelsSegmenter
from evanyseg.prompts import BoxPrompt
from evanyseg_training.evaluation.baselines import fitted, shape, signals
from training.ellipse_store import ellipse

IMAGE = np.full((64, 72, 3), 50, np.uint8)


def features(mask, box=None, image=IMAGE):
    return dict(zip(shape.FEATURES, shape.shape_features(image, mask, box), strict=True))


def rectangle(y0, x0, y1, x1):
    mask = np.zeros((64, 72), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def test_a_rectangle_that_leaks_out_of_its_box_by_hand():
    found = features(rectangle(10, 10, 20, 30), BoxPrompt(10, 10, 20, 20))
    assert found["box fill"] == pytest.approx(1.0)
    assert found["leak"] == pytest.approx(0.5)
    assert found["box iou"] == pytest.approx(0.5)
    assert found["log area"] == pytest.approx(np.log(200))
    assert found["solidity"] == pytest.approx(1.0)
    assert found["components"] == 1
    assert found["holes"] == 0


def test_components_and_holes_are_counted():
    mask = rectangle(5, 5, 25, 25) | rectangle(40, 40, 50, 50)
    mask[10:14, 10:14] = False
    found = features(mask)
    assert found["components"] == 2
    assert found["holes"] == 1
    assert found["hole area"] == pytest.approx(16 / mask.sum())
    assert found["largest component"] == pytest.approx(384 / 484)
    assert found["leak"] == 0


def test_contrast_is_high_only_where_the_outline_lies_on_an_edge():
    truth = ellipse((64, 72), 32, 36, 14, 14)
    image = IMAGE.copy()
    image[truth] = 200
    on, off = features(truth, image=image), features(np.roll(truth, 12, 1), image=image)
    assert on["edge contrast"] > 1.5 * off["edge contrast"]
    assert on["gradient ratio"] > 1.5 * off["gradient ratio"]


def test_an_empty_mask_has_a_box_but_no_shape():
    found = features(np.zeros((64, 72), bool), BoxPrompt(10, 10, 30, 20))
    assert found["log box area"] == pytest.approx(np.log(200))
    assert found["solidity"] == 0
    assert not any(features(np.zeros((64, 72), bool)).values())


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_components_have_finite_features(size):
    found = features(rectangle(10, 10, 10 + size, 11))
    assert all(np.isfinite(v) for v in found.values())


def made_table(n=600, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.random((n, len(shape.FEATURES))), columns=list(shape.FEATURES))
    dice = np.clip(0.8 * table["box iou"] * (table["holes"] < 0.5) + 0.1, 0, 1).to_numpy()
    return table, dice


def test_one_feature_keeps_its_order_and_learns_its_sign():
    table, dice = made_table()
    up, down = fitted.OneFeature("box iou").fit(table, dice), fitted.OneFeature("holes").fit(table, dice)
    order = np.argsort(table["box iou"].to_numpy())
    assert (np.diff(up.predict(table)[order]) >= 0).all()
    assert np.corrcoef(down.predict(table), table["holes"])[0, 1] == pytest.approx(-1)


def test_boosting_learns_an_interaction_that_no_single_feature_has():
    table, dice = made_table()
    fresh, truth = made_table(seed=1)
    boosted = fitted.Boosting().fit(table, dice).predict(fresh)
    alone = [fitted.OneFeature(name).fit(table, dice).predict(fresh) for name in ("box iou", "holes")]
    single = max(np.corrcoef(prediction, truth)[0, 1] for prediction in alone)
    assert np.corrcoef(boosted, truth)[0, 1] > max(0.95, single + 0.1)


def test_the_constant_is_the_weighted_mean_and_every_set_weighs_the_same():
    weights = fitted.set_weights(np.array(["a", "a", "a", "b"]))
    assert weights[:3].sum() == pytest.approx(weights[3])
    constant = fitted.Constant().fit(pd.DataFrame(index=range(4)), np.array([0.2, 0.2, 0.2, 0.8]), weights)
    assert constant.predict(pd.DataFrame(index=range(2))) == pytest.approx([0.5, 0.5])


def test_signals_are_read_as_dice_and_missing_ones_are_unscored():
    table = pd.DataFrame({"predicted iou": [0.5, np.nan]})
    found = {s.name: s.predict(table) for s in signals.signal_baselines()}
    assert found["predicted iou"][0] == pytest.approx(2 / 3)
    assert np.isnan(found["predicted iou"][1])
    assert np.isnan(found["stability"]).all()


def test_pairwise_dice_finds_the_odd_one_out():
    a, odd = rectangle(10, 10, 30, 30), rectangle(40, 40, 60, 60)
    near = np.roll(a, 1, 0)
    assert signals.pairwise_dice([a, near, odd]).argmin() == 2
    assert np.isnan(signals.pairwise_dice([a])).all()
    assert signals.mean_agreement(a, [a, odd]) == pytest.approx(0.5)


def test_jitter_agreement_is_high_for_a_head_that_does_not_care_about_the_box():
    image = IMAGE.copy()
    image[ellipse((64, 72), 32, 36, 8, 8)] = 200
    segmenter = LevelsSegmenter()
    embedding, box = segmenter.embed(image), BoxPrompt(20, 16, 52, 48)
    steady = segmenter.segment(embedding, box).masks
    found = signals.jitter_agreement(segmenter, embedding, box, steady, np.random.default_rng(0), boxes=4)
    assert found == pytest.approx([1, 1, 1])
    dim = np.full_like(image, 120)  # everything is above the lower levels: the masks are the boxes
    embedding = segmenter.embed(dim)
    masks = segmenter.segment(embedding, box).masks
    moved = signals.jitter_agreement(segmenter, embedding, box, masks, np.random.default_rng(0), boxes=4)
    assert (moved[:2] < 0.97).all()
