"""The example files of people's bug reports, where they lie beside the repository: each ends as it should.

The same situations are generated in the other tests; this one only makes sure that the originals agree.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli_fixtures import E

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the example files are not beside this checkout")

CLEAN = ("common/ct.nii.gz", "common/m.nii.gz")
AS_CLEAN = [
    ("01-qform-sform/ct_q1_s2.nii.gz", "01-qform-sform/m_both_sform.nii.gz"),
    ("02-nonorthonormal/ct_tiny.nii.gz", "02-nonorthonormal/m_tiny.nii.gz"),
    ("06-truncated/ct_packed.nii", "common/m.nii.gz"),
    ("15-enhanced-multiframe/interleaved.dcm", "15-enhanced-multiframe/m.nii.gz"),
    ("16-dicom-seg/ct", "common/m.nii.gz"),
]
REFUSED = [
    ("03-mask-on-another-grid/ct.nii.gz", "03-mask-on-another-grid/m_eye.nii.gz", "93 % of the mask m_eye.nii.gz lies"),
    ("05-vector-field/warp.nii.gz", "05-vector-field/m.nii.gz", "a vector field"),
    ("06-truncated/ct_cut.nii.gz", "common/m.nii.gz", "is cut off"),
    ("common/ct.nii.gz", "06-truncated/m_cut.nii.gz", "is cut off"),
    ("06-truncated/html.nii.gz", "common/m.nii.gz", "a web page"),
    ("06-truncated/zero.nii.gz", "common/m.nii.gz", "an empty file"),
    ("07-seg-nrrd/ct.nrrd", "07-seg-nrrd/unclaimed.seg.nrrd", "the voxels hold 2, the header knows 1"),
    ("07-seg-nrrd/ct.nrrd", "07-seg-nrrd/fractional.seg.nrrd", "a fractional label map"),
    ("09-mask-pictures/p.png", "09-mask-pictures/antialias.png", "55 grey levels"),
    ("09-mask-pictures/p.png", "09-mask-pictures/p.png", "grey levels"),
    ("09-mask-pictures/p.png", "09-mask-pictures/m01.jpg", "holds values up to 2"),
    ("10-odd-pictures/five_channels.tif", "10-odd-pictures/m.png", "5 channels"),
    ("10-odd-pictures/huge1.png", "10-odd-pictures/m.png", "the image huge1.png is 14000 x 13000 pixels"),
    ("12-gantry-tilt/tilt", "12-gantry-tilt/m.nii.gz", "7.7 mm at the last slice"),
    ("14-cine/cine_jpeg.dcm", "14-cine/m.png", "4 frames, which are no axis in mm: name one with --slice"),
    ("17-other-dicom/sr.dcm", "common/m.nii.gz", "a structured report"),
    ("17-other-dicom/pdf.dcm", "common/m.nii.gz", "a PDF document"),
    ("17-other-dicom/rtstruct.dcm", "common/m.nii.gz", "a structure set"),
]
AS_PICTURE = [
    ("09-mask-pictures/p.png", "09-mask-pictures/quantised.png"),
    ("09-mask-pictures/p.png", "09-mask-pictures/alpha_black.png"),
    ("10-odd-pictures/rgb16_12.tif", "10-odd-pictures/m.png"),
    ("13-monochrome1/mono1.dcm", "13-monochrome1/m.png"),
    ("13-monochrome1/mono2.dcm", "13-monochrome1/m.png"),
]


def rows(evanyseg, image: str, mask: str, *more: object) -> list[tuple[object, ...]]:
    code, out, err = evanyseg("score", CASES / image, CASES / mask, *E, "--intensity", "percentile", "--json", *more)
    assert code == 0, err
    found = json.loads(out)["rows"]
    return [(r["index"], r["area_px"], r["pred_dice"]) for r in found]


@pytest.mark.parametrize(("image", "mask"), AS_CLEAN)
def test_these_score_as_the_clean_pair(evanyseg, image: str, mask: str) -> None:
    assert rows(evanyseg, image, mask) == rows(evanyseg, *CLEAN)


@pytest.mark.parametrize(("image", "mask"), AS_PICTURE)
def test_these_score_as_the_clean_picture(evanyseg, image: str, mask: str) -> None:
    found, clean = rows(evanyseg, image, mask), rows(evanyseg, "09-mask-pictures/p.png", "09-mask-pictures/m255.png")
    assert [r[:2] for r in found] == [r[:2] for r in clean]
    assert found[0][2] == pytest.approx(clean[0][2], abs=0.01)


@pytest.mark.parametrize(("image", "mask", "why"), REFUSED)
def test_these_are_refused_with_the_reason(evanyseg, image: str, mask: str, why: str) -> None:
    code, out, err = evanyseg("score", CASES / image, CASES / mask, *E, "--json")
    assert (code, out) == (2, "")
    assert why in " ".join(err.split())


def test_labels_with_a_slope_and_frames_of_a_film(evanyseg) -> None:
    labels = "04-label-slope/labels_nib_int16_from_float.nii.gz"
    out = json.loads(evanyseg("score", CASES / CLEAN[0], CASES / labels, *E, "--json")[1])
    assert [s["segment"] for s in out["summaries"]] == ["Label 3", "Label 6"]
    frame = rows(evanyseg, "14-cine/cine_jpeg.dcm", "14-cine/m.png", "--slice", 2)
    assert [r[0] for r in frame] == [2]


def test_segments_of_one_name_are_told_apart_by_their_ids(evanyseg) -> None:
    image, mask = CASES / "08-duplicate-names/ct.nrrd", CASES / "08-duplicate-names/same.seg.nrrd"
    found = json.loads(evanyseg("score", image, mask, *E, "--json")[1])["summaries"]
    assert [(s["segment"], s["segment_id"]) for s in found] == [("lesion", "Segment_1"), ("lesion", "Segment_2")]
    code, _, err = evanyseg("score", image, mask, *E, "--label", "lesion")
    assert (code, "name one by its id: Segment_1, Segment_2" in " ".join(err.split())) == (2, True)


def test_a_dicom_seg_has_its_two_segments_on_the_grid_of_its_series(evanyseg) -> None:
    out = evanyseg("score", CASES / "16-dicom-seg/ct", CASES / "16-dicom-seg/binary_two.dcm", *E, "--json")[1]
    found = json.loads(out)
    assert {s["segment"] for s in found["summaries"]} == {"truth", "organ"}
    areas = {r["index"]: r["area_px"] for r in found["rows"] if r["segment"] == "truth"}
    assert areas == {index: area for index, area, _ in rows(evanyseg, *CLEAN)}


@pytest.mark.parametrize("name", ["header_case", "semicolon", "tab", "utf16"])
def test_tables_of_spreadsheets_are_read(evanyseg, tmp_path: Path, name: str) -> None:
    code, out, err = evanyseg(
        "score", "--pairs", CASES / f"11-tables/{name}.csv", "-o", tmp_path / "o.csv", *E, "--json"
    )
    assert code == 0, err
    assert (json.loads(out)["rows"], json.loads(out)["unscored"]) == (1, 0)
