"""Structure sets are rasterised on the image's own pixels; contours that do not lie in its slices are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import dicom_masks, files, phantom
from engine.dicom_masks import FINE, SHAPE, contour, masks, on_slice, read, refer_to, save, square, structure_set
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.volume import Volume
from evanyseg.io.dicom.masks import ReadImage
from evanyseg.io.read import read_image, read_segmentation

VOLUME = phantom.volume(SHAPE, **FINE)


def squares(*given: tuple[float, float, float, float], volume: Volume = VOLUME, kind: str = "CLOSED_PLANAR") -> list:
    """Contours of squares (k, x, y, side) in pixels; corners between pixel centres when x and y end in .5."""
    return [contour(on_slice(volume, k, square(x, y, side)), kind) for k, x, y, side in given]


def boxes(*given: tuple[int, int, int, int]) -> np.ndarray:
    """The pixels of such squares, with x and y of their first pixel."""
    mask = np.zeros(SHAPE, bool)
    for k, x, y, side in given:
        mask[k, y : y + side, x : x + side] = True
    return mask


def test_rois_with_names_colors_and_numbers(series: Path, tmp_path: Path) -> None:
    rois = {
        "GTV 1": squares((2, 3.5, 4.5, 9), (3, 3.5, 4.5, 8), (6, 10.5, 2.5, 5)),
        "Größe": squares((3, 5.5, 5.5, 9)),
    }
    found = read(save(tmp_path / "rt.dcm", structure_set(rois)), series)
    assert [(s.id, s.name, s.value) for s in found.segments] == [("ROI_1", "GTV 1", 1), ("ROI_2", "Größe", 2)]
    assert np.array_equal(masks(found)[0], boxes((2, 4, 5, 9), (3, 4, 5, 8), (6, 11, 3, 5)))
    assert np.array_equal(masks(found)[1], boxes((3, 6, 6, 9)))
    assert (masks(found)[0] & masks(found)[1]).any()
    assert found.segments[0].color == pytest.approx((1.0, 128 / 255, 0.0))
    assert found.segments[0].algorithm is not None
    assert found.segments[0].algorithm.kind == "MANUAL"
    assert found.caveats == ()
    assert found.remarks == ()


def test_slices_between_contours_stay_empty(series: Path, tmp_path: Path) -> None:
    found = read(save(tmp_path / "rt.dcm", structure_set({"a": squares((1, 3.5, 4.5, 9), (5, 3.5, 4.5, 9))})), series)
    assert np.flatnonzero(masks(found)[0].any(axis=(1, 2))).tolist() == [1, 5]


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_a_contour_inside_another_is_a_hole(series: Path, tmp_path: Path, kind: str) -> None:
    drawn = squares((2, 3.5, 4.5, 12), (2, 6.5, 7.5, 4), kind=kind)
    found = read(save(tmp_path / "rt.dcm", structure_set({"ring": drawn})), series)
    assert np.array_equal(masks(found)[0], boxes((2, 4, 5, 12)) & ~boxes((2, 7, 8, 4)))
    assert found.caveats == ()


def test_crossing_contours_are_joined_or_exclusive_as_their_type_says(series: Path, tmp_path: Path) -> None:
    given = ((2, 3.5, 4.5, 8), (2, 7.5, 8.5, 8))
    first, second = boxes((2, 4, 5, 8)), boxes((2, 8, 9, 8))
    found = read(save(tmp_path / "rt.dcm", structure_set({"a": squares(*given)})), series)
    assert np.array_equal(masks(found)[0], first | second)
    assert found.caveats == ("contours that cross were joined",)
    found = read(save(tmp_path / "x.dcm", structure_set({"a": squares(*given, kind="CLOSEDPLANAR_XOR")})), series)
    assert np.array_equal(masks(found)[0], first ^ second)
    assert found.caveats == ()


def test_a_contour_that_is_given_twice_does_not_cancel_itself(series: Path, tmp_path: Path) -> None:
    found = read(save(tmp_path / "rt.dcm", structure_set({"a": squares(*[(2, 3.5, 4.5, 8)] * 2)})), series)
    assert np.array_equal(masks(found)[0], boxes((2, 4, 5, 8)))


def test_an_image_of_another_format_stored_the_other_way_round(series: Path, tmp_path: Path) -> None:
    origin = tuple((VOLUME.ijk_to_lps @ np.array([0, 0, SHAPE[0] - 1, 1.0]))[:3])
    turned = np.asarray(VOLUME.direction) * [1, 1, -1]
    path = files.write_volume(
        tmp_path / "ct.nrrd", Volume(VOLUME.array[::-1].copy(), VOLUME.spacing, origin, turned, name="ct")
    )
    rt = save(tmp_path / "rt.dcm", structure_set({"a": squares((2, 3.5, 4.5, 9), (3, 4.5, 4.5, 5))}))
    assert np.array_equal(masks(read(rt, path))[0], boxes((2, 4, 5, 9), (3, 5, 5, 5))[::-1])


def test_rois_without_closed_contours_are_left_out_with_a_remark(series: Path, tmp_path: Path) -> None:
    rois = {"iso": [contour(on_slice(VOLUME, 2, [(4, 4)]), "POINT")], "a": squares((2, 3.5, 4.5, 9)), "empty": []}
    found = read(save(tmp_path / "rt.dcm", structure_set(rois)), series)
    assert [s.name for s in found.segments] == ["a"]
    assert [r.split(" of ")[0] for r in found.remarks] == ["'iso'", "'empty'"]
    assert found.remarks[0].endswith("has no closed contour and is left out.")


def test_a_structure_set_with_nothing_closed_is_refused(series: Path, tmp_path: Path) -> None:
    rois = {"iso": [contour(on_slice(VOLUME, 2, [(4, 4)]), "POINT")]}
    with pytest.raises(ImageError, match="no closed contour on ct"):
        read(save(tmp_path / "rt.dcm", structure_set(rois)), series)


def test_numbers_that_are_no_labels_are_counted_anew(series: Path, tmp_path: Path) -> None:
    made = structure_set({"a": squares((2, 3.5, 4.5, 9)), "b": squares((4, 3.5, 4.5, 5))})
    for roi, item, number in zip(made.StructureSetROISequence, made.ROIContourSequence, (0, 2000000000), strict=True):
        roi.ROINumber = item.ReferencedROINumber = number
    found = read(save(tmp_path / "rt.dcm", made), series)
    assert [(s.name, s.value) for s in found.segments] == [("a", 1), ("b", 2)]
    assert [int(m.sum()) for m in masks(found)] == [81, 25]
    assert found.layers[0].dtype == np.uint8


@pytest.mark.parametrize(
    ("k", "words"), [(2.4, "lies 0.4 of a slice distance off the slices of ct"), (2.06, "lies 0.06 of a slice")]
)
def test_contours_off_the_slices_are_refused(series: Path, tmp_path: Path, k: float, words: str) -> None:
    rt = save(tmp_path / "rt.dcm", structure_set({"GTV": squares((3, 3.5, 4.5, 9), (k, 3.5, 4.5, 9))}))
    with pytest.raises(GeometryError, match=rf"Contour 2 of 'GTV' of rt\.dcm {words}"):
        read(rt, series)


def test_contours_across_the_slices_are_refused(series: Path, tmp_path: Path) -> None:
    ijk = np.array([(5, 4, 1, 1), (5, 12, 1, 1), (5, 12, 4, 1), (5, 4, 4, 1)], float)
    rt = save(tmp_path / "rt.dcm", structure_set({"a": [contour((ijk @ VOLUME.ijk_to_lps.T)[:, :3])]}))
    with pytest.raises(GeometryError, match="runs across 3 slices of ct instead of lying in one"):
        read(rt, series)


def test_coordinates_rounded_to_a_hundredth_of_a_millimeter_are_taken(series: Path, tmp_path: Path) -> None:
    points = np.round(on_slice(VOLUME, 2, square(3.5, 4.5, 9)), 2)
    found = read(save(tmp_path / "rt.dcm", structure_set({"a": [contour(points)]})), series)
    assert np.array_equal(masks(found)[0], boxes((2, 4, 5, 9)))


def test_contours_beyond_the_image_are_not_lost_silently(series: Path, tmp_path: Path) -> None:
    """The grid is wide enough for all of them: what the image cuts off can be counted."""
    rt = save(tmp_path / "rt.dcm", structure_set({"a": squares((2, 24.5, 4.5, 10), (9, 3.5, 4.5, 4))}))
    found = read_segmentation(rt, image=ReadImage(read_image(series), series))
    assert int(masks(found)[0].sum()) == 100 + 16
    assert found.grid.shape[:2] == (10, SHAPE[1])
    assert found.grid.shape[2] >= 35
    far = save(tmp_path / "far.dcm", structure_set({"a": squares((2, 5000.5, 4.5, 10))}))
    with pytest.raises(GeometryError, match="far outside the image ct"):
        read(far, series)


def test_without_the_image_there_are_no_pixels(tmp_path: Path) -> None:
    rt = save(tmp_path / "rt.dcm", structure_set({"a": squares((2, 3.5, 4.5, 9))}))
    with pytest.raises(ImageError, match="its contours have no pixels without the image"):
        read_segmentation(rt)
    picture = files.write_image_2d(tmp_path / "p.png", phantom.picture()[0])
    with pytest.raises(GeometryError, match=r"p\.png has no place in space"):
        read(rt, picture)


def test_patient_frame_of_reference_and_series_are_checked(series: Path, tmp_path: Path) -> None:
    drawn = {"a": squares((2, 3.5, 4.5, 9))}
    with pytest.raises(ImageError, match="belongs to another patient than ct"):
        read(save(tmp_path / "p.dcm", structure_set(drawn, PatientID="other")), series)
    with pytest.raises(GeometryError, match="another frame of reference than ct"):
        read(save(tmp_path / "f.dcm", structure_set(drawn, frame="1.2.3")), series)
    other = refer_to(structure_set(drawn), "1.2.3.4")
    assert read(save(tmp_path / "s.dcm", other), series).caveats == ("mask drawn on another series",)
    mine = refer_to(structure_set(drawn), dicom_masks.headers(series)[0].SeriesInstanceUID)
    assert read(save(tmp_path / "m.dcm", mine), series).caveats == ()


def test_rois_of_another_frame_of_reference_are_left_out(series: Path, tmp_path: Path) -> None:
    made = structure_set({"here": squares((2, 3.5, 4.5, 9)), "there": squares((2, 3.5, 4.5, 9))})
    made.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.2.3"
    rt = save(tmp_path / "rt.dcm", made)
    found = read(rt, series)
    assert [s.name for s in found.segments] == ["here"]
    assert found.remarks == ("'there' of rt.dcm lie in another frame of reference and are left out.",)
    nrrd = files.write_volume(tmp_path / "ct.nrrd", VOLUME)
    with pytest.raises(GeometryError, match="ROIs in 2 frames of reference"):
        read(rt, nrrd)


def test_coordinates_that_are_no_numbers_are_refused(series: Path, tmp_path: Path) -> None:
    made = structure_set({"a": squares((2, 3.5, 4.5, 9))})
    path = save(tmp_path / "rt.dcm", made)
    stored = path.read_bytes()
    first = str(made.ROIContourSequence[0].ContourSequence[0].ContourData[0]).encode()
    path.write_bytes(stored.replace(first, b"x" * len(first), 1))
    with pytest.raises(ImageError, match=r"Contour 1 of 'a' of rt\.dcm has coordinates that cannot be read"):
        read(path, series)
