"""A mask that does not share its image's grid is never scored without a word about it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, table
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.mask_fit import mask_fit
from evanyseg.geometry.regrid import voxel_map, voxel_move
from evanyseg.geometry.volume import Volume
from evanyseg.io.align import RESAMPLED, SHIFTED
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.segmentation import segmentation_of_labels

nib = pytest.importorskip("nibabel")
AFFINE = np.array([[-0.8, 0, 0, 40], [0, -0.9, 0, 50], [0, 0, 3, -30], [0, 0, 0, 1.0]])


def turn(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def of(grid: Volume, labels: np.ndarray):
    return segmentation_of_labels(labels.astype(np.uint8), replace(grid, array=labels))


# ---- moving voxels -----------------------------------------------------------------------------------------------


@given(
    order=st.permutations(range(3)),
    flips=st.tuples(*[st.booleans()] * 3),
    crop=st.tuples(*[st.integers(-2, 2)] * 6),
    degrees=st.floats(0, 90),
)
@settings(max_examples=80, deadline=None)
def test_the_same_voxels_in_another_order_land_where_they_were(order, flips, crop, degrees: float) -> None:
    image = phantom.volume((5, 7, 6), spacing=(0.7, 1.1, 2.3), direction=turn(degrees))
    lows, highs = crop[:3], crop[3:]
    grown = [(max(0, -v), max(0, w)) for v, w in zip(lows, highs, strict=True)]
    cut = [(max(0, v), max(0, -w)) for v, w in zip(lows, highs, strict=True)]
    labels = np.random.default_rng(0).integers(0, 4, image.shape).astype(np.uint8)
    whole = np.pad(labels, grown, constant_values=0)
    inner = whole[tuple(slice(a, n - b) for (a, b), n in zip(cut, whole.shape, strict=True))]
    first = np.array([a - g for (a, _), (g, _) in zip(cut, grown, strict=True)])[::-1]
    ends = first + np.array(inner.shape[::-1]) - 1
    # the file stores it with axes reordered and some reversed
    stored, direction = inner.transpose(order), image.direction[:, [2 - a for a in order][::-1]]
    spacing = tuple(image.spacing[2 - a] for a in order)[::-1]
    start = [float(first[2 - a]) for a in order][::-1]
    far = [float(ends[2 - a]) for a in order][::-1]
    for axis in range(3):
        if flips[axis]:
            stored, start[axis] = np.flip(stored, 2 - axis), far[axis]
            direction = direction * np.where(np.arange(3) == axis, -1, 1)
    corner = np.zeros(3)
    for place, axis in enumerate([2 - a for a in order][::-1]):
        corner[axis] = start[place]
    origin = (image.ijk_to_lps @ [*corner, 1.0])[:3]
    grid = Volume(stored, spacing, tuple(origin), direction, name="m")
    move = voxel_move(grid, image)
    assert move is not None
    moved = move.apply(stored, image.shape)
    keep = np.zeros(image.shape, bool)
    keep[tuple(slice(a, n - b) for (a, b), n in zip(cut, image.shape, strict=True))] = True
    assert np.array_equal(moved, np.where(keep, labels, 0))


@given(degrees=st.floats(0, 180), shift=st.tuples(*[st.floats(-30, 30)] * 3), zoom=st.floats(0.4, 2.5))
@settings(max_examples=60, deadline=None)
def test_the_share_outside_is_what_counting_points_gives(degrees: float, shift, zoom: float) -> None:
    image = phantom.volume((6, 9, 8), spacing=(1.0, 1.3, 2.0), origin=(0, 0, 0))
    labels = np.random.default_rng(0).integers(0, 4, (5, 8, 7)).astype(np.uint8)
    grid = Volume(labels, (zoom, 1.1, 2.0 * zoom), shift, turn(degrees))
    to_image, dims = voxel_map(grid, image), (8, 9, 6)
    other = sitk.GetImageFromArray(image.array)
    other.SetSpacing(image.spacing)
    for value in (1, 3):
        fit = mask_fit(labels == value, to_image, dims)
        points = np.argwhere(labels == value)[:, ::-1]
        places = [(grid.ijk_to_lps @ [*map(float, p), 1.0])[:3] for p in points]
        indices = np.array([other.TransformPhysicalPointToContinuousIndex(tuple(map(float, p))) for p in places])
        lost = ((indices < -0.5 - 1e-3) | (indices > np.array(image.shape[::-1]) - 0.5 + 1e-3)).any(axis=1).mean()
        assert fit.outside == pytest.approx(lost, abs=1e-9)
        assert fit.lost >= fit.outside
    assert mask_fit(labels == 9, to_image, dims).lost == 0


# ---- what is said ------------------------------------------------------------------------------------------------


def test_a_mask_on_the_images_grid_has_no_caveat() -> None:
    image = phantom.volume(SHAPE)
    found = of(image, phantom.ball(SHAPE)).on_grid_of(image)
    assert (found.all_caveats, found.remarks) == ((), ())


def test_a_mask_cropped_to_its_segment_has_no_caveat() -> None:
    image = phantom.volume(SHAPE, direction=turn(10))
    inner = phantom.ball(SHAPE)[2:10, 6:34, 7:41]
    place = tuple((image.ijk_to_lps @ [7, 6, 2, 1])[:3])
    found = of(replace(image, origin=place), inner).on_grid_of(image)
    assert found.all_caveats == ()
    assert np.array_equal(found.layers[0] > 0, np.pad(inner, [(2, 2), (6, 6), (7, 7)]))


def test_flipped_and_reordered_headers_cost_nothing() -> None:
    image = phantom.volume(SHAPE)
    labels = phantom.ball(SHAPE).astype(np.uint8)
    labels[:, :12] = 0
    far = tuple((image.ijk_to_lps @ [SHAPE[2] - 1, 0, 0, 1])[:3])
    mirrored = Volume(labels[:, :, ::-1], image.spacing, far, np.diag([-1.0, 1, 1]), name="flipped")
    turned = Volume(labels.transpose(1, 0, 2), (1, 2, 1), image.origin, np.eye(3)[:, [0, 2, 1]], name="turned")
    for grid in (mirrored, turned):
        found = segmentation_of_labels(grid.array, grid).on_grid_of(image)
        assert np.array_equal(found.layers[0], labels)
        assert found.all_caveats == ()


def test_resampling_is_said_even_when_nothing_is_lost() -> None:
    image = phantom.volume(SHAPE)
    found = of(replace(image, direction=turn(3)), phantom.ball(SHAPE, 0.2)).on_grid_of(image)
    assert found.all_caveats == (RESAMPLED,)


def test_a_mask_of_the_images_size_that_was_moved_is_said() -> None:
    image = phantom.volume(SHAPE)
    x, y, z = image.origin
    found = of(replace(image, origin=(x + 3, y, z)), phantom.ball(SHAPE, 0.2)).on_grid_of(image)
    assert found.all_caveats == (f"{SHIFTED} (3 mm apart)",)
    assert np.array_equal(found.layers[0][:, :, 3:], phantom.ball(SHAPE, 0.2)[:, :, :-3])


def test_the_share_that_is_lost_is_said_for_each_segment_and_refused_beyond_a_hundredth() -> None:
    image = phantom.volume(SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:10, 10:30, 10:40] = 1
    labels[4, 20, 0] = 2
    labels[4, 20:40, 3:8] = 2
    part = segmentation_of_labels(labels, replace(image, origin=(image.origin[0] - 1, *image.origin[1:])))
    found = part.on_grid_of(image)
    one, two = found.segments
    assert not any("outside" in c for c in found.caveats_of(one))
    assert "0.99 % of the mask outside the image" in found.caveats_of(two)
    labels[4, 10:20, 0] = 2
    worse = segmentation_of_labels(labels, part.grid)
    with pytest.raises(GeometryError, match=r"10 % of the segment 'Label 2' .*--allow-cropped"):
        worse.on_grid_of(image)
    assert worse.only(["Label 1"]).on_grid_of(image).layers[0].any()
    kept = worse.on_grid_of(image, allow_cropped=True)
    assert "10 % of the mask outside the image" in kept.caveats_of(two)


def test_a_segment_wholly_outside_is_named_when_cropping_is_allowed() -> None:
    image = phantom.volume((6, 20, 20))
    labels = np.zeros((6, 20, 30), np.uint8)
    labels[2:4, 5:9, 5:9], labels[2:4, 5:9, 24:28] = 1, 2
    wide = segmentation_of_labels(labels, replace(image, array=labels))
    with pytest.raises(GeometryError, match="100 % of the segment 'Label 2'"):
        wide.on_grid_of(image)
    found = wide.on_grid_of(image, allow_cropped=True)
    assert found.remarks == ("Not scored, for nothing of it lies in the image: Label 2.",)
    with pytest.raises(GeometryError, match="do not overlap in space"):
        wide.only(["Label 2"]).on_grid_of(image, allow_cropped=True)


def test_what_vanishes_between_coarser_voxels_is_refused() -> None:
    image = phantom.volume((4, 12, 12), spacing=(4, 4, 4), origin=(0, 0, 0))
    labels = np.zeros((16, 48, 48), np.uint8)
    labels[2:14, 8:40, 8:40], labels[3, 2, 2] = 1, 2
    fine = segmentation_of_labels(labels, Volume(labels, (1, 1, 1), (-1.5, -1.5, -1.5), name="fine"))
    with pytest.raises(GeometryError, match="Nothing is left of Label 2 on the voxels of phantom, which are coarser"):
        fine.on_grid_of(image)
    assert "Label 2" in fine.on_grid_of(image, allow_cropped=True).remarks[0]


def test_a_mask_that_knows_no_place_fits_by_its_size_and_says_so() -> None:
    image = phantom.volume(SHAPE)
    found = of(replace(image, has_geometry=False, name="m"), phantom.ball(SHAPE)).on_grid_of(image)
    assert "m does not say where its voxels lie" in found.remarks[0]
    with pytest.raises(ImageError, match="small does not say where its voxels lie, so they must have the same size"):
        of(replace(image, has_geometry=False, name="small"), phantom.ball((4, 5, 6))).on_grid_of(image)


# ---- files -------------------------------------------------------------------------------------------------------


def nifti(path: Path, array: np.ndarray, sform, qform=None) -> Path:
    made = nib.Nifti1Image(array.T, sform)
    made.set_sform(sform, 2)
    made.set_qform(sform if qform is None else qform, 1)
    made.to_filename(path)
    return path


@pytest.fixture
def ct(tmp_path: Path) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    array, mask = phantom.volume(SHAPE).array, phantom.ball(SHAPE).astype(np.uint8)
    return nifti(tmp_path / "ct.nii.gz", array, AFFINE), nifti(tmp_path / "m.nii.gz", mask, AFFINE), array, mask


def scores(evanyseg, image: Path, mask: Path, out: Path) -> list[tuple[str, str, str]]:
    code, _, err = evanyseg("score", image, mask, *E, "-o", out)
    assert code == 0, err
    return [(r["index"], r["area_px"], r["pred_dice"]) for r in table(out)]


def test_a_mask_saved_with_the_identity_is_refused_with_the_share_and_the_remedy(evanyseg, ct, tmp_path: Path) -> None:
    eye = nifti(tmp_path / "eye.nii.gz", ct[3], np.eye(4))
    code, out, err = evanyseg("score", ct[0], eye, *E, "-o", tmp_path / "s.csv")
    text = " ".join(err.split())
    assert (code, out) == (2, "")
    assert "% of the mask eye.nii.gz lies outside the image ct.nii.gz" in text
    assert "an identity matrix" in text
    assert "save it again with the image's own geometry" in text
    assert not (tmp_path / "s.csv").exists()
    code, out, _ = evanyseg("score", ct[0], eye, *E, "--json", "--allow-cropped")
    rows = json.loads(out)["rows"]
    assert code == 0
    assert all(RESAMPLED in r["caveats"] and "of the mask outside the image" in r["caveats"] for r in rows)


def test_the_placement_that_image_and_mask_share_is_found(evanyseg, ct, tmp_path: Path) -> None:
    turned = np.eye(4)
    turned[:3, :3] = turn(20)
    clean = scores(evanyseg, ct[0], ct[1], tmp_path / "s.csv")
    both = nifti(tmp_path / "both.nii.gz", ct[2], AFFINE, turned @ AFFINE)
    swapped = nifti(tmp_path / "swapped.nii.gz", ct[2], turned @ AFFINE, AFFINE)
    mask_both = nifti(tmp_path / "mb.nii.gz", ct[3], turned @ AFFINE, AFFINE)
    for image, mask in ((both, ct[1]), (swapped, ct[1]), (ct[0], mask_both), (swapped, mask_both), (both, mask_both)):
        assert scores(evanyseg, image, mask, tmp_path / "s.csv") == clean
        said = json.loads(evanyseg("score", image, mask, *E, "--json")[1])["remarks"]
        assert any("20 degrees and" in r for r in said)
    apart = nifti(tmp_path / "apart.nii.gz", ct[3], turned @ AFFINE)
    code, out, err = evanyseg("score", ct[0], apart, *E, "--json")
    assert code == 2 or all(RESAMPLED in r["caveats"] for r in json.loads(out)["rows"]), err


def test_pairs_and_select_refuse_and_allow_the_same(evanyseg, ct, tmp_path: Path) -> None:
    nifti(tmp_path / "eye.nii.gz", ct[3], np.eye(4))
    (tmp_path / "p.csv").write_text("image,mask\nct.nii.gz,m.nii.gz\nct.nii.gz,eye.nii.gz\n")
    out = tmp_path / "s.csv"
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", out, *E)[0] == 1
    rows = table(out)
    assert rows[0]["pred_dice"]
    assert "lies outside the image" in rows[1]["caveats"]
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", out, *E, "--allow-cropped")[0] == 0
    assert RESAMPLED in table(out)[1]["caveats"]
    code, _, err = evanyseg("select", ct[0], ct[1], tmp_path / "eye.nii.gz", *E)
    assert (code, "lies outside the image" in " ".join(err.split())) == (2, True)
    code, text, _ = evanyseg("select", ct[0], ct[1], tmp_path / "eye.nii.gz", *E, "--allow-cropped", "--json")
    ranking = {Path(r["candidate"]).name: r["caveats"] for r in json.loads(text)["ranking"]}
    assert code == 0
    assert (ranking["m.nii.gz"], RESAMPLED in ranking["eye.nii.gz"]) == ([], True)


def test_a_cut_volume_and_its_whole_mask(evanyseg, tmp_path: Path) -> None:
    made, ball = phantom.volume(SHAPE), phantom.ball(SHAPE)
    cut = files.write_volume(tmp_path / "cut.nii.gz", replace(made, array=made.array[:8]))
    mask = files.write_volume(tmp_path / "m.nii.gz", made, ball)
    code, _, err = evanyseg("score", cut, mask, *E)
    lost = round(100 * ball[8:].sum() / ball.sum())
    assert (code, f"{lost} % of the mask" in " ".join(err.split())) == (2, True)
    rows = json.loads(evanyseg("score", cut, mask, *E, "--allow-cropped", "--json")[1])["rows"]
    assert {r["caveats"] for r in rows} == {f"{lost} % of the mask outside the image"}


def test_a_table_of_pairs_and_select_pass_remarks_on(evanyseg, ct, tmp_path: Path) -> None:
    turned = np.eye(4)
    turned[:3, :3] = turn(20)
    nifti(tmp_path / "both.nii.gz", ct[2], AFFINE, turned @ AFFINE)
    (tmp_path / "p.csv").write_text("image,mask\nct.nii.gz,m.nii.gz\n" + "both.nii.gz,m.nii.gz\n" * 7)
    command = ("score", "--pairs", tmp_path / "p.csv", "-o", tmp_path / "s.csv", *E)
    code, _, err = evanyseg(*command)
    text = " ".join(err.split())
    assert (code, text.count("20 degrees and")) == (0, 5)
    assert "Note, row 2: qform and sform place both.nii.gz differently" in text
    assert "2 more rows have notes of this kind." in text
    found = json.loads(evanyseg(*command, "--json")[1])
    assert (found["remarked"], [r["row"] for r in found["remarks"]]) == (7, [2, 3, 4, 5, 6, 7, 8])
    assert "20 degrees and" in evanyseg("select", tmp_path / "both.nii.gz", ct[1], ct[1], *E)[2]


def test_a_mask_that_lost_the_unit_of_its_image_is_told_so(tmp_path: Path) -> None:
    """As nibabel writes it when it is given the affine of an image in micrometres, and not its header."""
    affine = AFFINE @ np.diag([1000, 1000, 1000, 1.0])
    affine[:3, 3] *= 1000
    labels = np.zeros((9, 8, 7), np.uint8)
    labels[2:5, 2:5, 2:5] = 1
    image = nib.Nifti1Image(labels.astype(np.int16) * 100, affine)
    image.header.set_xyzt_units("micron")
    nib.save(image, tmp_path / "i.nii")
    nib.save(nib.Nifti1Image(labels, affine), tmp_path / "m.nii")
    with pytest.raises(GeometryError, match=r"1000 times as large: one of the two counts in other units"):
        read_segmentation(tmp_path / "m.nii").on_grid_of(read_image(tmp_path / "i.nii"))
