"""Pictures as masks: black and white however it is stored, labels as labels, and grey levels never by accident."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from engine import files, phantom
from engine.cli_fixtures import E, table
from evanyseg.errors import ImageError
from evanyseg.io.read import read_segmentation

SIZE = (120, 160)
PICTURE, MASK = phantom.picture(SIZE)


def only_mask(path: Path, **options: object) -> np.ndarray:
    found = read_segmentation(path, **options)
    assert len(found.segments) == 1
    return found.mask(found.segments[0])[0]


def blob(seed: int = 0) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SIZE), 6)
    return noise > np.quantile(noise, 0.8)


def anti_aliased(mask: np.ndarray, factor: int) -> np.ndarray:
    """A mask drawn `factor` times finer and averaged."""
    fine = ndimage.zoom(mask.astype(float), factor, order=1) > 0.5
    h, w = mask.shape
    return np.round(255 * fine[: h * factor, : w * factor].reshape(h, factor, w, factor).mean(axis=(1, 3)))


SOFT = {
    "anti-aliased 2 x": anti_aliased(MASK, 2),
    "anti-aliased 4 x": anti_aliased(MASK, 4),
    "anti-aliased blob": anti_aliased(blob(), 3),
    "resized": np.round(ndimage.zoom(MASK[:60, :80].astype(float), 2, order=1) * 255),
    "a rectangle, resized": np.round(ndimage.zoom(np.pad(np.ones((30, 40)), 15), 2, order=1) * 255),
    "blurred": ndimage.gaussian_filter(MASK * 255.0, 4),
    "blurred widely": ndimage.gaussian_filter(MASK * 255.0, 15),
    "a distance map": np.clip(ndimage.distance_transform_edt(MASK) * 5, 0, 255),
    "the picture itself": PICTURE,
    "the picture on black": PICTURE * MASK,
    "a probability map": np.clip(ndimage.gaussian_filter(np.random.default_rng(0).random(SIZE), 3) * 400, 0, 255),
}


@pytest.mark.parametrize("name", SOFT)
@pytest.mark.parametrize("binary", [False, True])
def test_gray_levels_are_refused_with_the_option(tmp_path: Path, name: str, binary: bool) -> None:
    pixels = SOFT[name].astype(np.uint8)
    path = files.write_image_2d(tmp_path / "m.png", pixels)
    with pytest.raises(ImageError, match=r"m\.png has \d+ grey levels, not labels: .*--threshold \d+ takes") as caught:
        read_segmentation(path, binary=binary)
    assert f"has {len(np.unique(pixels))} grey" in str(caught.value)
    assert np.array_equal(only_mask(path, threshold=100.0, binary=binary), pixels > 100)


@pytest.mark.parametrize("name", ["anti-aliased 4 x", "blurred", "the picture itself"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_gray_levels_in_volumes_are_refused_too(tmp_path: Path, name: str, suffix: str) -> None:
    stack = np.zeros((9, *SIZE), np.uint8)
    stack[2:7] = SOFT[name]
    path = files.write_volume(tmp_path / f"m{suffix}", phantom.volume((9, *SIZE)), stack)
    with pytest.raises(ImageError, match="grey levels, not labels"):
        read_segmentation(path)
    found = read_segmentation(path, threshold=127.0)
    assert np.array_equal(found.mask(found.segments[0]), stack > 127)


def test_probabilities_can_be_cut_at_a_half(tmp_path: Path) -> None:
    soft = ndimage.gaussian_filter(phantom.ball((9, 30, 40)).astype(np.float32), 1)
    path = files.write_volume(tmp_path / "p.nii.gz", phantom.volume((9, 30, 40)), soft)
    with pytest.raises(ImageError, match=r"fractions such as .* --threshold 0\.5"):
        read_segmentation(path)
    found = read_segmentation(path, threshold=0.5)
    assert np.array_equal(found.mask(found.segments[0]), soft > 0.5)


def voronoi(count: int, seed: int = 0) -> np.ndarray:
    """`count` touching regions, numbered in no order."""
    random = np.random.default_rng(seed)
    centers = random.integers(0, SIZE, (count, 2))
    grid = np.indices(SIZE).reshape(2, -1).T
    nearest = ((grid[:, None] - centers[None]) ** 2).sum(axis=2).argmin(axis=1)
    return (random.permutation(count)[nearest] + 1).reshape(SIZE)


CUP = np.hypot(*(np.indices(SIZE) - np.array(SIZE)[:, None, None] / 2))
LABEL_MAPS = {
    "0 and 1": MASK,
    "0 and 255": MASK * 255,
    "0 and 128": MASK * 128,
    "cup and disc": np.where(CUP < 20, 255, np.where(CUP < 35, 128, 0)),
    "a ring of four pixels": np.where(CUP < 20, 255, np.where(CUP < 24, 128, 0)),
    "shades for people": np.where(MASK, voronoi(5) * 50, 0),
    "small numbers in thin layers": np.clip(25 - CUP, 0, 20).astype(int),
    "with an ignored rim of 255": np.where(CUP < 20, 3, np.where(CUP < 24, 255, 0)),
    "117 organs": np.where(MASK, voronoi(117), 0),
    "instances": np.where(blob(), ndimage.label(blob())[0], 0) + 40 * blob(),
    "200 cells in rows": (np.indices(SIZE)[0] // 10 * 16 + np.indices(SIZE)[1] // 10 + 1) * MASK,
    "no background": voronoi(9) * 25,
}


@pytest.mark.parametrize("name", LABEL_MAPS)
def test_label_maps_stay_label_maps(tmp_path: Path, name: str) -> None:
    labels = LABEL_MAPS[name].astype(np.uint8)
    found = read_segmentation(files.write_image_2d(tmp_path / "l.png", labels))
    assert [s.value for s in found.segments] == sorted(set(np.unique(labels)) - {0})
    assert np.array_equal(found.layers[0][0], labels)


def test_gray_levels_can_be_taken_as_labels(tmp_path: Path) -> None:
    pixels = SOFT["anti-aliased 2 x"].astype(np.uint8)
    found = read_segmentation(files.write_image_2d(tmp_path / "m.png", pixels), threshold="labels")
    assert [s.value for s in found.segments] == sorted(set(np.unique(pixels)) - {0})


# ---- palettes ----------------------------------------------------------------------------------------------------


def palette_file(path: Path, indices: np.ndarray, colors: list[tuple[int, int, int]]) -> Path:
    picture = Image.fromarray(indices.astype(np.uint8), "P")
    picture.putpalette([v for color in colors for v in color])
    picture.save(path)
    return path


def test_a_black_and_white_palette_counts_by_its_gray(tmp_path: Path) -> None:
    white_first = [(255, 255, 255), (0, 0, 0)]
    assert np.array_equal(only_mask(palette_file(tmp_path / "a.png", ~MASK, white_first)), MASK)
    assert np.array_equal(only_mask(palette_file(tmp_path / "b.png", MASK, white_first[::-1])), MASK)
    assert [s.name for s in read_segmentation(tmp_path / "a.png").segments] == ["mask"]
    quantized = Image.fromarray(MASK.astype(np.uint8) * 255).quantize(2)
    quantized.save(tmp_path / "q.png")
    assert np.array_equal(only_mask(tmp_path / "q.png"), MASK)


def test_other_palettes_count_by_their_values(tmp_path: Path) -> None:
    labels = np.where(MASK, 2, 0) + (np.indices(SIZE)[0] > 100)
    for colors in ([(0, 0, 0), (128, 0, 0), (0, 128, 0), (9, 9, 200)], [(0, 0, 0), (80,) * 3, (160,) * 3, (250,) * 3]):
        found = read_segmentation(palette_file(tmp_path / "p.png", labels, colors))
        assert np.array_equal(found.layers[0][0], labels)
    with pytest.raises(ImageError, match="a grey palette whose order is not that of its values"):
        read_segmentation(palette_file(tmp_path / "p.png", labels, [(250,) * 3, (0,) * 3, (90,) * 3, (10,) * 3]))


def test_a_gray_ramp_as_a_palette_is_gray(tmp_path: Path) -> None:
    path = palette_file(tmp_path / "p.png", SOFT["blurred"], [(n, n, n) for n in range(256)])
    with pytest.raises(ImageError, match="grey levels"):
        read_segmentation(path)


# ---- alpha -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", [0, 255, 90])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_mask_in_the_alpha_channel_is_used_and_that_is_said(tmp_path: Path, color: int, mode: str) -> None:
    alpha = MASK.astype(np.uint8) * 255
    channels = [np.full(SIZE, color, np.uint8)] * (3 if mode == "RGBA" else 1) + [alpha]
    found = read_segmentation(files.write_image_2d(tmp_path / "a.png", np.dstack(channels)))
    assert np.array_equal(found.mask(found.segments[0])[0], MASK)
    assert found.remarks == ("a.png: its mask was taken from the alpha channel; its colours say nothing.",)


def test_an_alpha_channel_that_agrees_with_the_colors_changes_nothing(tmp_path: Path) -> None:
    white = MASK.astype(np.uint8) * 255
    for alpha in (np.full(SIZE, 255, np.uint8), white):
        assert np.array_equal(
            only_mask(files.write_image_2d(tmp_path / "a.png", np.dstack([white] * 3 + [alpha]))), MASK
        )


def test_two_masks_in_one_file_are_refused(tmp_path: Path) -> None:
    white, alpha = MASK.astype(np.uint8) * 255, np.roll(MASK, 20, axis=1).astype(np.uint8) * 255
    with pytest.raises(ImageError, match="a mask in its colours and another in its alpha channel"):
        read_segmentation(files.write_image_2d(tmp_path / "a.png", np.dstack([white] * 3 + [alpha])))
    soft = SOFT["blurred"].astype(np.uint8)
    with pytest.raises(ImageError, match="grey levels"):
        read_segmentation(files.write_image_2d(tmp_path / "b.png", np.dstack([np.zeros_like(soft)] * 3 + [soft])))


# ---- lossy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("name", ["m.jpg", "m.webp"])
@pytest.mark.parametrize("mask", [MASK, blob(), ~blob(3)])
def test_black_and_white_survives_compression(tmp_path: Path, quality: int, name: str, mask: np.ndarray) -> None:
    path = files.write_image_2d(tmp_path / name, mask.astype(np.uint8) * 255, quality=quality)
    found = read_segmentation(path)
    assert np.mean((found.layers[0][0] > 0) != mask) < 0.003


def test_nothing_at_all_survives_compression_as_nothing(tmp_path: Path) -> None:
    path = files.write_image_2d(tmp_path / "m.jpg", np.zeros(SIZE, np.uint8), quality=75)
    assert read_segmentation(path).segments == ()


@pytest.mark.parametrize("name", ["m.jpg", "m.webp"])
def test_labels_and_pictures_do_not_survive_compression_and_are_refused(tmp_path: Path, name: str) -> None:
    for pixels, why in (
        (MASK, "labels do not survive that; save the mask as PNG"),
        (np.where(MASK, voronoi(3) * 40, 0), "labels do not survive"),
        (np.where(CUP < 20, 255, np.where(CUP < 45, 128, 0)), "is not black and white"),
        (PICTURE, "is not black and white"),
        (SOFT["blurred widely"], "is not black and white"),
    ):
        path = files.write_image_2d(tmp_path / name, pixels.astype(np.uint8), quality=90)
        with pytest.raises(ImageError, match=why):
            read_segmentation(path)
    assert np.array_equal(only_mask(path, threshold=127.0), np.asarray(Image.open(path).convert("L")) > 127)


def test_a_renamed_jpeg_is_lossy_whatever_its_name(tmp_path: Path) -> None:
    path = files.write_image_2d(tmp_path / "m.jpg", MASK.astype(np.uint8) * 255, quality=60).rename(tmp_path / "m.png")
    assert np.mean(only_mask(path) != MASK) < 0.003


# ---- the commands ------------------------------------------------------------------------------------------------


def test_score_select_and_pairs_refuse_and_cut(evanyseg, tmp_path: Path) -> None:
    image = files.write_image_2d(tmp_path / "i.png", PICTURE)
    hard = files.write_image_2d(tmp_path / "hard.png", MASK.astype(np.uint8) * 255)
    soft = files.write_image_2d(tmp_path / "soft.png", SOFT["anti-aliased 4 x"].astype(np.uint8))
    code, _, err = evanyseg("score", image, soft, "--estimator", "nowhere.pth")
    assert (code, "grey levels, not labels" in " ".join(err.split())) == (2, True)
    code, out, err = evanyseg("score", image, soft, *E, "--threshold", 127, "--json")
    assert code == 0, err
    assert json.loads(out)["rows"][0]["pred_dice"] > 0.98
    assert evanyseg("score", image, soft, *E, "--threshold", "grey")[0] == 2
    assert evanyseg("select", image, hard, soft, *E)[0] == 2
    assert evanyseg("select", image, hard, soft, *E, "--threshold", "127")[0] == 0
    (tmp_path / "p.csv").write_text("image,mask\ni.png,hard.png\ni.png,soft.png\ni.png,i.png\n")
    out = tmp_path / "s.csv"
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", out, *E)[0] == 1
    assert [bool(r["pred_dice"]) for r in table(out)] == [True, False, False]
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", out, *E, "--threshold", "127")[0] == 0
    assert float(table(out)[1]["pred_dice"]) > 0.98
