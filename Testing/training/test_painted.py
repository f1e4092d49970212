"""Images painted anew from their own regions."""

import numpy as np
import pytest

from evanyseg_training.augment.painted import painted
from evanyseg_training.augment.texture import LEAST_CONTRAST


def disc(radius: float = 15) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.mgrid[:64, :64]
    image = np.repeat(((rows + cols) * 2).astype(np.uint8)[..., None], 3, axis=2)
    return image, (np.hypot(rows - 32, cols - 30) < radius).astype(np.uint8) * 255


@pytest.mark.parametrize("seed", range(16))
def test_the_object_can_be_seen_and_the_same_draw_gives_the_same_image(seed):
    image, mask = disc()
    out = painted(image, mask, np.random.default_rng(seed))
    assert (out.shape, out.dtype) == (image.shape, np.uint8)
    assert np.array_equal(out, painted(image, mask, np.random.default_rng(seed)))
    assert np.array_equal(out[..., 0], out[..., 2])  # gray
    inside = mask > 127
    # clipping at black and white, bias and blur may take part of the contrast that was drawn
    assert abs(out[inside].mean() - out[~inside].mean()) > LEAST_CONTRAST[0] / 3


def test_intensities_mean_nothing_any_more():
    image, mask = disc()
    made = [painted(image, mask, np.random.default_rng(seed)).astype(float) for seed in range(40)]
    brighter = [m[mask > 127].mean() > m[mask < 128].mean() for m in made]
    assert 10 < sum(brighter) < 30
    kept = [abs(np.corrcoef(m[..., 0].ravel(), image[..., 0].ravel())[0, 1]) for m in made]
    assert np.median(kept) < 0.6


def test_an_object_without_a_visible_outline_leaves_the_image_as_it_is():
    image, mask = disc(radius=1.2)
    assert painted(image, mask, np.random.default_rng(0)) is image
