"""Images unlike the training's are found by the detector, and get a caveat."""

import numpy as np
import pytest

from engine.estimator_files import BOX, disc, picture, write_estimator
from evanyseg.errors import WeightsError
from evanyseg.quality.builtin import load
from evanyseg.quality.context import context_input
from evanyseg.quality.ood import STATISTICS, TONES, OODDetector, image_statistics, neighbors
from evanyseg.results import Caveat


def seen(image, mask=None):
    return context_input(image, disc() if mask is None else mask, BOX, size=32)


def statistics(image, mask=None):
    found = seen(image, mask)
    return image_statistics(found.pixels, found.auxiliary)


def detector_of(images, limit=3.0):
    points = np.stack([statistics(image) for image in images])
    mean, scale = points.mean(axis=0), points.std(axis=0) + 1e-3
    bank = (points - mean) / scale
    return OODDetector(mean, scale, bank, neighbors(bank, bank, skip=1)[0].mean(axis=1), limit)


@pytest.fixture(scope="module")
def known():
    return detector_of([picture(disc(), seed) for seed in range(12)])


def test_the_mask_does_not_matter():
    image = picture(disc())
    assert np.array_equal(statistics(image), statistics(image, disc(radius=9)))


def test_brightness_and_contrast_leave_the_histogram_of_tones_alone():
    image = picture(disc())
    other = (image.astype(int) // 2 + 40).astype(np.uint8)
    assert np.abs(statistics(image)[:TONES] - statistics(other)[:TONES]).max() < 0.05
    assert statistics(image)[:TONES].sum() == pytest.approx(1.0)


def test_color_is_seen():
    image = picture(disc())
    red = image.copy()
    red[..., 1:] //= 3
    assert np.abs(statistics(red)[-5:-1] - statistics(image)[-5:-1]).max() > 1


def test_a_flat_image_has_statistics():
    assert np.isfinite(statistics(np.full((90, 110, 3), 7, np.uint8))).all()


def test_strangeness_by_hand():
    """The five neighbours at 1, each of spread 2: strangeness 0.5."""
    bank = np.zeros((5, STATISTICS))
    bank[np.arange(5), np.arange(5)] = 1.0
    ood_detector = OODDetector(np.zeros(STATISTICS), np.ones(STATISTICS), bank, np.full(5, 2.0), 1.0)
    assert ood_detector.ood_score(np.zeros((1, STATISTICS))) == pytest.approx([0.5])


def test_an_image_of_another_kind_gets_the_caveat_and_one_of_the_same_kind_does_not(tmp_path, known):
    estimator = load(write_estimator(tmp_path, ood_detector=known))
    mask = disc()
    (same,) = estimator.estimate(picture(mask, seed=99), mask[None], [BOX])
    checks = (np.indices(mask.shape).sum(0) % 6 < 3).astype(np.uint8)[..., None] * np.array([200, 20, 90], np.uint8)
    (other,) = estimator.estimate(checks, mask[None], [BOX])
    assert Caveat.UNLIKE_TRAINING not in same.caveats
    assert Caveat.UNLIKE_TRAINING in other.caveats
    assert other.scored


def test_what_is_stored_comes_back(known):
    again = OODDetector.from_tensors(known.tensors())
    assert again is not None
    assert again.ood_score(again.mean[None]) == pytest.approx(known.ood_score(known.mean[None]), rel=1e-4)
    assert again.limit == known.limit
    assert OODDetector.from_tensors({}) is None
    former = {name.replace("ood.", "familiar."): array for name, array in known.tensors().items()}
    before = OODDetector.from_tensors(former)
    assert before is not None
    np.testing.assert_array_equal(before.bank, again.bank)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ood.bank": None}, "incomplete"),
        ({"ood.bank": np.zeros((3, STATISTICS)), "ood.spread": np.ones(3)}, "damaged"),
        ({"ood.bank": np.zeros((12, 4))}, "damaged"),
        ({"ood.scale": np.zeros(STATISTICS)}, "damaged"),
        ({"ood.limit": np.array([np.nan])}, "damaged"),
        ({"ood.scale": np.full(STATISTICS, np.nan)}, "damaged"),
        ({"ood.spread": np.full(12, np.nan)}, "damaged"),
        ({"ood.bank": np.array(1.0)}, "damaged"),
        ({"ood.limit": np.zeros((0,))}, "damaged"),
        ({"ood.spread": np.array(1.0)}, "damaged"),
    ],
)
def test_what_does_not_belong_together_is_refused(known, changed, message):
    stored = {k: v for k, v in (known.tensors() | changed).items() if v is not None}
    with pytest.raises(WeightsError, match=message):
        OODDetector.from_tensors(stored)
