"""Learning from references: it helps where it can, stays out of the way where it cannot, and says which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evanyseg.adaptation.candidates import CandidateOptions, masks_of
from evanyseg.adaptation.estimator import UNLIKE
from evanyseg.adaptation.fit import Adaptation, AdaptationOptions, adapt
from evanyseg.adaptation.learner.regression import LearnerOptions
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


def test_accepted_slices_beside_corrected_ones_are_learned_from(base) -> None:
    made = references(4)
    for n in range(4, 8):
        image, truth, _ = example(n)
        made.append(
            Reference(image, None, graded=(GradedMask(truth, 0.95, 0.3, (0.9, 1.0)),), subject=f"s{n}", weight=0.3)
        )
    found = adapt(made, base, QUICK)
    check = found.check
    assert (~check.exact).sum() == 4  # no box: once each
    assert found.estimator.learned.modes[1].interval.subjects == 4  # the others' Dice is not known
    for mode_box in (True, False):
        assert np.isnan(check.error(check.blended, mode_box)) or check.error(check.blended, mode_box) < 1


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


def test_a_band_is_part_of_the_reference() -> None:
    image, _, prediction = example(1)
    graded = Reference(image, None, graded=(GradedMask(prediction, 0.95, 0.3, (0.9, 1.0)),), weight=0.3)
    (mask,) = masks_of(graded, CandidateOptions(5), np.random.default_rng(0))
    assert mask.bounds == (0.9, 1.0)
    assert graded.digest() != Reference(image, None, graded=(GradedMask(prediction, 0.95, 0.3),), weight=0.3).digest()


def test_references_that_are_the_same_count_once(base) -> None:
    made = references(3)
    copies = [replace(made[0], subject="another name"), *made, replace(made[1], subject="a third")]
    found = adapt(copies, base, QUICK)
    assert found.subjects == 3
    assert "2 of 5 references are the same as others: once each" in found.remarks


def test_masks_of_named_segmenters_are_learned_from_too() -> None:
    class WholeBox:
        name = "box"

        def embed(self, image):
            return image

        def segment(self, embedding, box):
            masks = np.zeros((2, *embedding.shape[:2]), bool)
            masks[1, int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
            return type("Candidates", (), {"masks": masks, "predicted_iou": np.array([0.1, 0.9])})()

    image, truth, prediction = example(1)
    reference = Reference(image, truth, None, (prediction,))
    alone = masks_of(reference, CandidateOptions(5), np.random.default_rng(0))
    more = masks_of(reference, CandidateOptions(5, boxes=2), np.random.default_rng(0), [WholeBox()])
    added = more[len(alone) :]
    assert len(added) == 2
    assert not any(m.own for m in added)
    assert all(m.bounds[0] == dice(m.mask, truth) and 0.6 < m.bounds[0] < 0.95 for m in added)
    assert sum(m.weight for m in more) == pytest.approx(1)
