"""Parts of an evaluation by themselves: choices, boxes, pools, summaries, distances, examples."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from doubles import BoxOverlapEstimator
from evanyseg.prompts import BoxPrompt
from evanyseg.results import QualityCase
from evanyseg_training.evaluation import probes
from evanyseg_training.evaluation.annotators import distance_table
from evanyseg_training.evaluation.heldout.pairs import BINS, flat_choice
from evanyseg_training.evaluation.metric_evaluator import MACRO
from evanyseg_training.evaluation.pool.matrix import OWN_CHOICE, PoolMatrix
from evanyseg_training.evaluation.predictions import Predictions
from evanyseg_training.reporting.examples import best_and_worst, draw_examples, scored_examples
from evanyseg_training.reporting.summary import segmenter_summary


def test_a_choice_is_as_flat_as_it_can_be():
    rng = np.random.default_rng(0)
    dice = np.clip(rng.beta(5, 1, 400), 0, 1)  # mostly good masks
    chosen = flat_choice(dice, rng.permutation(400), 60)
    have = np.bincount(np.minimum((dice * BINS).astype(int), 9), minlength=10)
    got = np.bincount(np.minimum((dice[chosen] * BINS).astype(int), 9), minlength=10)
    assert got.sum() == 60
    limit = got.max()
    assert all(g == h or g >= limit - 1 for g, h in zip(got, have, strict=True))


def test_the_pool_matrix_keeps_candidates_apart():
    table = pd.DataFrame(
        {"object": ["a", "a", "b"], "mask_method": ["x", "y", "x"], "dice": [0.5, 0.7, 0.9], "image": ["1", "1", "2"],
         "set": "s", "predicted iou": [0.1, np.nan, 0.2]}
    )  # fmt: skip
    matrix = PoolMatrix.of(table)
    assert np.array_equal(matrix.truth, [[0.5, 0.7], [0.9, np.nan]], equal_nan=True)
    singles = matrix.singles(table["predicted iou"].to_numpy())
    assert set(singles) == {OWN_CHOICE, "x"}
    assert matrix.macro_of(singles["x"]) == pytest.approx(0.7)


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_a_turned_case_keeps_its_box_on_its_object(quarter, flip):
    mask = np.zeros((30, 50), bool)
    mask[4:9, 20:33] = True
    case = QualityCase(np.repeat(mask[..., None] * np.uint8(200), 3, 2), mask, BoxPrompt.of_mask(mask))
    turned = probes.turned(case, quarter, flip)
    assert turned.box == BoxPrompt.of_mask(turned.mask)
    assert np.array_equal(turned.image[..., 0] > 0, turned.mask)


def test_the_segmenter_is_shown_beside_the_best_simple_method():
    columns = ["split", "set", "segmenter", "box", "ellipse", "grabcut", "otsu"]
    table = pd.DataFrame(
        [("test", "a", 0.1, 0.1, 0.1, 0.1, 0.1), ("test", MACRO, 0.90, 0.75, 0.80, 0.60, 0.70),
         ("heldout", MACRO, 0.79, 0.65, 0.73, 0.60, 0.74)], columns=columns
    )  # fmt: skip
    lines = [line.row() for line in segmenter_summary(table)]
    assert lines == [
        ("segmenter, unseen subjects: macro Dice", "0.900", "0.800", "ellipse"),
        ("segmenter, evaluate-only sets: macro Dice", "0.790", "0.740", "otsu"),
    ]


def test_distances_are_compared_in_box_diagonals():
    frame = pd.DataFrame({"set": ["a"] * 4})
    boxes = [BoxPrompt(0, 0, 30, 40)] * 4
    masks = SimpleNamespace(table=pd.DataFrame({"hd95": [5.0, 10.0, np.nan, 20.0], "row": range(4)}))
    cases = SimpleNamespace(table=frame.assign(at=range(4)), masks=masks, store=SimpleNamespace(box=boxes.__getitem__))
    answer = Predictions(np.zeros(4), hd95=np.array([5.0, 15.0, 3.0, 30.0]))
    found = distance_table(cases, answer, "box").iloc[0]
    assert found.masks == 3
    assert found.spearman == pytest.approx(1)
    assert found["median error"] == pytest.approx(5 / 50)
    assert found["median truth"] == pytest.approx(10 / 50)


def test_examples_are_the_nearest_and_the_farthest(tmp_path):
    examples = scored_examples(BoxOverlapEstimator(), count=25)
    nearest, farthest = best_and_worst(examples)
    errors = sorted((abs(e.error) for e in examples), reverse=True)
    assert [abs(e.error) for e in farthest] == errors[:5]
    assert np.diff([e.true_dice for e in nearest]).min() > 0
    assert np.mean([abs(e.error) for e in nearest]) < np.mean(errors)
    assert all(e.truth.any() and e.image.shape == (*e.truth.shape, 3) for e in examples)
    assert draw_examples(examples, tmp_path / "plots" / "examples.png").stat().st_size > 20_000


def test_models_are_named_with_other_weights_too(tmp_path):
    import shutil

    from evanyseg.models import estimators
    from evanyseg.quality.builtin import BUILTIN
    from evanyseg_training.commands.support import created_model

    for suffix in (".safetensors", ".json"):
        shutil.copy(BUILTIN.with_suffix(suffix), tmp_path / f"mine{suffix}")
    for name in ("builtin", f"builtin:{tmp_path / 'mine.safetensors'}"):
        assert created_model(estimators, name).name == "builtin"
