"""Quality Sentinel: its network against torchvision's ResNet50 wired by the paper's formula, its input, its organs."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from evanyseg import models
from evanyseg.errors import EvanySegError, UnknownModelError, WeightsError
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.quality_sentinel import NO_ORGAN, QualitySentinel, sentinel_crop, sentinel_input
from evanyseg.results import Caveat
from evanyseg.weights.labels import ORGANS, organ_key, read_label_embeddings


class PaperNet(nn.Module):
    """Tensors under the names of the published file; 335 of them, three modules of which are never called."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet50

        self.net = resnet50(weights=None)
        self.conv1, self.bn1 = nn.Conv2d(2, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64)
        self.fc1, self.fc2 = nn.Linear(2048, 50), nn.Linear(50, 1)
        self.attention1, self.attention2 = nn.Linear(2560, 2048), nn.Linear(2560, 50)

    def forward(self, pixels, organ):
        """h = g2(w2 * g1(w1 * f)), [w1, w2] linear in [f, phi]."""
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(pixels))), 3, 2, 1)
        for layer in (self.net.layer1, self.net.layer2, self.net.layer3, self.net.layer4):
            x = layer(x)
        f = x.mean((2, 3))
        w1, w2 = self.attention1(torch.hstack([f, organ])), self.attention2(torch.hstack([f, organ]))
        return self.fc2(w2 * self.fc1(w1 * f))[:, 0]


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(0)
    net = PaperNet()
    for name, tensor in net.state_dict().items():
        if name.endswith("running_mean"):
            tensor.uniform_(-0.1, 0.1)
    return net.eval()


@pytest.fixture(scope="module")
def embeddings():
    generator = torch.Generator().manual_seed(2)
    return {key: torch.randn(1, 512, generator=generator) for key in range(145)}


@pytest.fixture
def estimator(original, embeddings):
    flat = {k: v.reshape(-1) for k, v in embeddings.items()}
    return QualitySentinel(original.state_dict(), flat, "cpu")


def a_case():
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (90, 120, 1), dtype=np.uint8)
    mask = np.zeros((90, 120), bool)
    mask[20:50, 40:95] = True
    return np.repeat(gray, 3, axis=-1), mask


def test_the_network_equals_the_papers_formula_and_counts_335_tensors(original, embeddings, estimator):
    assert len(original.state_dict()) == 335
    image, mask = a_case()
    estimator.with_option("liver")
    with torch.no_grad():
        expected = float(original(sentinel_input(image, mask)[None], embeddings[13]))
        spleen = float(original(sentinel_input(image, mask)[None], embeddings[26]))
    estimator.net.eval()
    with torch.no_grad():
        found = float(estimator.net(sentinel_input(image, mask)[None], embeddings[13]))
    assert found == pytest.approx(expected, abs=1e-5)
    assert abs(expected - spleen) > 1e-3
    estimate = estimator.estimate(image, mask[None], [BoxPrompt(30, 10, 100, 60)])[0]
    assert estimate.dice == pytest.approx(min(max(expected, 0), 1), abs=1e-5)
    assert estimate.estimator == "quality-sentinel:liver"
    assert Caveat.NO_INTERVAL in estimate.caveats


def test_input_is_hounsfield_minus_200_to_200_resized_as_pillow_does():
    pil = pytest.importorskip("PIL.Image")
    image, mask = a_case()
    hounsfield = image[..., 0] / 255 * 400 - 200
    rows, columns = sentinel_crop(mask)
    gray = ((np.clip(hounsfield, -200, 200) + 200) / 400).astype(np.float32)[rows, columns]
    resized = [
        np.asarray(pil.fromarray(plane).resize((256, 256), pil.Resampling.BILINEAR))
        for plane in (gray, mask.astype(np.float32)[rows, columns])
    ]
    found = sentinel_input(image, mask).numpy()
    np.testing.assert_allclose(found[0], (resized[0] - 0.5) / 0.25, atol=1e-4)
    np.testing.assert_allclose(found[1], (resized[1] - 0.5) / 0.5, atol=1e-4)


def test_the_crop_is_the_masks_box_and_20_pixels_made_square_within_the_image():
    mask = np.zeros((200, 300), bool)
    mask[100:120, 100:180] = True
    # rows 80..139, columns 80..199: 59 x 119, 30 rows are added above and below
    assert sentinel_crop(mask) == (slice(50, 169), slice(80, 199))
    assert sentinel_crop(mask.T) == (slice(80, 199), slice(50, 169))
    corner = np.zeros((50, 50), bool)
    corner[0, 0] = True
    assert sentinel_crop(corner) == (slice(0, 20), slice(0, 20))


def test_without_an_organ_nothing_is_scored(estimator):
    image, mask = a_case()
    estimate = estimator.estimate(image, mask[None])[0]
    assert not estimate.scored
    assert NO_ORGAN in estimate.caveats


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("liver", 13), ("Spleen", 26), ("left kidney", 15), ("kidney_right", 16), ("rib_left_3", 71), ("aorta", 114),
        ("urinary_bladder", 17), ("vertebrae_T12", 61), ("clavicula_left", 93), ("lung upper lobe right", 124),
        ("pulmonary-artery", 127), ("gluteus_minimus_right", 37), ("artery subclavian left", 144), ("trachea", 126),
    ],
)  # fmt: skip
def test_organs_are_found_by_the_names_people_use(name, key):
    assert organ_key(name) == key
    assert len(ORGANS) == 145


def test_an_unknown_organ_is_refused_with_the_nearest_names(estimator):
    with pytest.raises(EvanySegError, match="Near: liver"):
        organ_key("livr")
    with pytest.raises(EvanySegError, match="no organ 'background'"):
        estimator.with_option("background")
    estimator.embeddings = {}
    with pytest.raises(WeightsError, match="no entry for liver"):
        estimator.with_option("liver")


def test_it_is_created_from_its_file_with_embeddings_beside_it_and_an_organ(
    original, embeddings, tmp_path, monkeypatch
):
    monkeypatch.setenv("EVANYSEG_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "best_resnet50_model_40_samples.pth"
    torch.save(original.state_dict(), file)
    with pytest.raises(WeightsError, match="also needs its label embeddings"):
        models.estimators.create(str(file), "cpu")
    with (tmp_path / "label_embedding.pkl").open("wb") as out:
        pickle.dump(embeddings, out)  # the published file is a plain pickle of tensors
    assert read_label_embeddings(tmp_path / "label_embedding.pkl")[13].shape == (512,)
    made = models.estimators.create(f"{file}:spleen", "cpu")
    assert made.name == "quality-sentinel:spleen"
    image, mask = a_case()
    assert made.estimate(image, mask[None])[0].scored
    with pytest.raises(UnknownModelError, match="Unknown estimator 'nothing:liver'"):
        models.estimators.create("nothing:liver", "cpu")


def test_label_embeddings_of_another_form_are_refused(tmp_path):
    wrong = tmp_path / "label_embedding.pkl"
    with wrong.open("wb") as out:
        pickle.dump({"liver": torch.zeros(512)}, out)
    with pytest.raises(WeightsError, match="does not hold Quality Sentinel's label embeddings"):
        read_label_embeddings(wrong)
