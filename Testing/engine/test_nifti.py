"""NIfTI is read as nibabel and SimpleITK read it, voxels and placement; what cannot be trusted is refused or said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import phantom
from engine.cli_fixtures import table
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.volume import Volume
from evanyseg.io.read import read_image, read_segmentation

nib = pytest.importorskip("nibabel")
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
AFFINE = np.array([[-0.8, 0, 0, 40], [0, -0.9, 0, 50], [0, 0, 3, -30], [0, 0, 0, 1.0]])


def write(path: Path, array: np.ndarray, sform=AFFINE, qform=None, **header: object) -> Path:
    """array [I, J, K, ...] as nibabel has it; None leaves a form out."""
    made = nib.Nifti1Image(array, None, nib.Nifti1Header(endianness="<" if array.dtype.isnative else ">"))
    made.header.set_data_dtype(array.dtype)
    steps = np.linalg.norm(next((m for m in (sform, qform) if m is not None), AFFINE)[:3, :3], axis=0)
    made.header.set_zooms((*steps, *[1.0] * (array.ndim - 3)))
    made.set_sform(sform, 0 if sform is None else 2)
    made.set_qform(qform, 0 if qform is None else 1)
    for key, value in header.items():
        made.header[key] = value
    made.to_filename(path)
    return path


def turned(degrees: float, axis: int = 2, affine: np.ndarray = AFFINE) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(4)
    a, b = (n for n in range(3) if n != axis)
    turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
    return turn @ affine


@pytest.mark.parametrize("kind", ["u1", "i1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", "<u8", "<f4", ">f4", "<f8"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_every_type_comes_in_as_it_is(tmp_path: Path, kind: str, suffix: str) -> None:
    array = (np.random.default_rng(0).normal(60, 20, (5, 6, 4))).astype(kind)
    got = read_image(write(tmp_path / f"v{suffix}", array))
    assert np.array_equal(got.array, array.T)
    assert got.array.dtype == np.dtype(kind).newbyteorder("=")
    assert np.allclose(got.ijk_to_lps, LPS @ AFFINE, atol=1e-5)


@given(
    quaternion=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    zooms=st.tuples(*[st.floats(0.3, 9)] * 3),
    offset=st.tuples(*[st.floats(-400, 400)] * 3),
    mirrored=st.booleans(),
    by_qform=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_both_placements_are_those_of_nibabel_and_itk(
    tmp_path_factory, quaternion, zooms, offset, mirrored: bool, by_qform: bool
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = nib.quaternions.quat2mat(np.array(quaternion)) * zooms
    affine[:3, 2] *= -1 if mirrored else 1
    affine[:3, 3] = offset
    path = tmp_path_factory.getbasetemp() / "random.nii"
    array = np.zeros((4, 5, 6), np.uint8)
    write(path, array, None if by_qform else affine, affine if by_qform else None)
    got = read_image(path)
    assert np.allclose(got.ijk_to_lps, LPS @ nib.load(path).affine, atol=6e-3)
    other = sitk.ReadImage(str(path))
    assert np.allclose(got.origin, other.GetOrigin(), atol=2e-3)
    assert np.allclose(np.ravel(got.direction), other.GetDirection(), atol=1e-3)
    assert np.allclose(got.spacing, other.GetSpacing(), rtol=1e-4)


def test_micrometers_and_meters_become_millimeters(tmp_path: Path) -> None:
    array = np.zeros((4, 5, 6), np.uint8)
    for unit, factor in {1: 1000.0, 2: 1.0, 3: 0.001, 0: 1.0}.items():
        got = read_image(write(tmp_path / "v.nii", array, xyzt_units=unit))
        assert np.allclose(got.spacing, np.array([0.8, 0.9, 3.0]) * factor, rtol=1e-5)
        assert np.allclose(got.origin, np.array([-40.0, -50, -30]) * factor, rtol=1e-5)


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2, 0), (0.5, 3), (0, 7), (np.nan, 0)])
def test_slopes_are_applied(tmp_path: Path, slope: float, intercept: float) -> None:
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    path = write(tmp_path / "v.nii", array)
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(data)
    expected = array.T * slope + intercept if slope and np.isfinite(slope) else array.T
    assert np.array_equal(read_image(path).array, expected)
    assert np.array_equal(read_image(path).array, nib.load(path).get_fdata().T)


def test_labels_that_come_back_nearly_whole_are_labels(tmp_path: Path) -> None:
    labels = np.zeros((10, 9, 8))
    labels[2:5], labels[6:8] = 3, 6
    made = nib.Nifti1Image(labels, AFFINE)
    made.set_data_dtype(np.int16)
    made.to_filename(tmp_path / "l.nii.gz")
    stored = nib.load(tmp_path / "l.nii.gz")
    assert stored.dataobj.slope not in (0, 1)
    assert (stored.get_fdata() != labels).any()
    found = read_segmentation(tmp_path / "l.nii.gz")
    assert [s.value for s in found.segments] == [3, 6]
    assert np.array_equal(found.layers[0], labels.T)
    made = nib.Nifti1Image(labels + 0.002 * (labels > 0), AFFINE)
    made.to_filename(tmp_path / "f.nii.gz")
    with pytest.raises(ImageError, match=r"fractions such as 3\.002"):
        read_segmentation(tmp_path / "f.nii.gz")


@pytest.mark.parametrize("shear", [1e-6, 2e-4, 9e-4])
def test_axes_that_are_square_but_for_rounding_are_made_square(tmp_path: Path, shear: float) -> None:
    affine = AFFINE.copy()
    affine[1, 2] = 3 * shear
    got = read_image(write(tmp_path / "v.nii.gz", np.zeros((4, 5, 6), np.uint8), affine))
    assert np.allclose(got.direction.T @ got.direction, np.eye(3), atol=1e-12)
    assert np.abs(got.direction - np.diag([1, 1, 1])).max() <= shear
    assert np.allclose(got.ijk_to_lps, LPS @ affine, atol=3 * shear + 1e-6)


@pytest.mark.parametrize("shear", [0.01, 0.2])
def test_sheared_axes_are_refused_with_the_remedy(tmp_path: Path, shear: float) -> None:
    affine = AFFINE.copy()
    affine[1, 2] = 3.0 * np.tan(shear) + 1e-3
    path = write(tmp_path / "v.nii.gz", np.zeros((4, 5, 6), np.uint8), affine)
    with pytest.raises(GeometryError, match=r"not at right angles .* Resample it to a straight grid"):
        read_image(path)


def test_a_sheared_pair_scores_as_the_straight_one(evanyseg, tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[1, 2] = 3 * 2e-4
    made, mask = phantom.volume((8, 30, 34)), phantom.ball((8, 30, 34))
    for name, matrix in {"straight": AFFINE, "tiny": affine}.items():
        write(tmp_path / f"{name}.nii.gz", made.array.T, matrix)
        write(tmp_path / f"{name}-m.nii.gz", mask.astype(np.uint8).T, matrix)
    run = lambda i, m: evanyseg("score", tmp_path / i, tmp_path / m, "--estimator", "bright", "-o", tmp_path / "s.csv")
    tables = []
    for image, labels in (("straight", "straight"), ("tiny", "tiny"), ("straight", "tiny"), ("tiny", "straight")):
        code, _, err = run(f"{image}.nii.gz", f"{labels}-m.nii.gz")
        assert code == 0, err
        tables.append([(r["index"], r["pred_dice"], r["area_px"]) for r in table(tmp_path / "s.csv")])
    assert tables[0] == tables[1] == tables[2] == tables[3]


@pytest.mark.parametrize("intent", ["vector", "displacement vector", "none"])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_a_displacement_field_is_no_color_image(tmp_path: Path, intent: str, kind: type) -> None:
    path = write(tmp_path / "w.nii.gz", np.ones((4, 5, 6, 1, 3), kind))
    image = nib.load(path)
    image.header.set_intent(intent)
    nib.Nifti1Image(np.asarray(image.dataobj), AFFINE, image.header).to_filename(path)
    with pytest.raises(GeometryError, match="3 values per voxel, which are a vector field"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
@pytest.mark.parametrize("components", [2, 3])
def test_vector_fields_of_other_formats_are_refused_too(tmp_path: Path, suffix: str, components: int) -> None:
    field = sitk.GetImageFromArray(np.ones((3, 4, 5, components), np.float32), isVector=True)
    sitk.WriteImage(field, str(tmp_path / f"f{suffix}"))
    with pytest.raises(GeometryError, match="a vector field"):
        read_image(tmp_path / f"f{suffix}")


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colors_stay_colors(tmp_path: Path, suffix: str, channels: int) -> None:
    array = np.random.default_rng(0).integers(0, 255, (3, 4, 5, channels), dtype=np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / f"f{suffix}"))
    assert np.array_equal(read_image(tmp_path / f"f{suffix}").array, array)


def test_rgb_voxels_of_nifti_are_colors(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, (5, 6, 4, 3), dtype=np.uint8)
    packed = np.ascontiguousarray(array).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    nib.Nifti1Image(packed, AFFINE).to_filename(tmp_path / "c.nii.gz")
    assert np.array_equal(read_image(tmp_path / "c.nii.gz").array, array.transpose(2, 1, 0, 3))


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    nib.Nifti1Image(np.ones((4, 5, 6), np.complex64), AFFINE).to_filename(tmp_path / "c.nii")
    with pytest.raises(ImageError, match="holds complex numbers"):
        read_image(tmp_path / "c.nii")


@pytest.mark.parametrize(
    ("at", "value"),
    [(40, np.int16(9)), (42, np.int16(0)), (42, np.int16(-5)), (70, np.int16(777)), (72, np.int16(64)),
     (108, np.float32(np.nan)), (108, np.float32(-1)), (256, np.float32(3)), (280, np.float32(np.inf))],
)  # fmt: skip
def test_a_header_that_contradicts_itself_is_refused(tmp_path: Path, at: int, value: np.generic) -> None:
    path = write(tmp_path / "v.nii", np.zeros((4, 5, 6), np.int16), AFFINE, AFFINE)
    data = bytearray(path.read_bytes())
    data[at : at + value.nbytes] = value.tobytes()
    path.write_bytes(data)
    with pytest.raises((ImageError, GeometryError)):
        read_image(path)


def test_two_placements_that_differ_are_said(tmp_path: Path) -> None:
    array = np.zeros((80, 96, 12), np.int16)
    got = read_image(write(tmp_path / "v.nii.gz", array, AFFINE, turned(20)))
    assert np.allclose(got.ijk_to_lps, LPS @ AFFINE, atol=1e-5)
    assert got.other is not None
    assert np.allclose(got.other.ijk_to_lps, LPS @ turned(20), atol=1e-4)
    assert "20 degrees and" in got.source.remarks[0]
    assert "the sform was taken" in got.source.remarks[0]
    same = read_image(write(tmp_path / "v.nii.gz", array, AFFINE, AFFINE))
    assert (same.other, same.source.remarks) == (None, ())


def test_voxel_sizes_that_contradict_the_sform_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "v.nii", np.zeros((4, 5, 6), np.int16), AFFINE, None)
    data = bytearray(path.read_bytes())
    data[80:92] = np.array([1, 1, 5], "<f4").tobytes()
    path.write_bytes(data)
    got = read_image(path)
    assert np.allclose(got.spacing, (0.8, 0.9, 3.0))
    assert "voxels of 1 x 1 x 5 mm, its sform of 0.8 x 0.9 x 3 mm" in got.source.remarks[0]


def test_a_file_without_a_placement_says_so(tmp_path: Path) -> None:
    got = read_image(write(tmp_path / "v.nii.gz", np.zeros((4, 5, 6), np.int16), None, None))
    assert not got.has_geometry
    assert np.allclose(got.spacing, (0.8, 0.9, 3.0))
    assert "does not say where its voxels lie" in got.source.remarks[0]
    for text in ("NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nspacings: 1 2 3\nencoding: raw\n\n",):
        (tmp_path / "v.nrrd").write_bytes(text.encode() + bytes(8))
        got = read_image(tmp_path / "v.nrrd")
        assert (got.has_geometry, got.spacing) == (False, (1.0, 2.0, 3.0))
    (tmp_path / "v.mha").write_bytes(
        b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementSpacing = 1 2 3\nElementType = MET_UCHAR\n"
        b"ElementDataFile = LOCAL\n" + bytes(8)
    )
    got = read_image(tmp_path / "v.mha")
    assert (got.has_geometry, got.spacing) == (False, (1.0, 2.0, 3.0))


def test_a_flat_file_keeps_its_pixel_size_whatever_its_plane(tmp_path: Path) -> None:
    coronal = np.array([[-0.5, 0, 0, 0], [0, 0, 2, 0], [0, 0.7, 0, 0], [0, 0, 0, 1.0]])
    made = nib.Nifti1Image(np.zeros((4, 5), np.uint8), None)
    made.header.set_zooms((0.5, 0.7))
    made.set_sform(coronal, 1)
    made.to_filename(tmp_path / "s.nii")
    got = read_image(tmp_path / "s.nii")
    assert isinstance(got, Volume)
    assert got.planar
    assert stack_of(got).spacing == pytest.approx((0.7, 0.5))
