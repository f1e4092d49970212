"""DICOM in and out on the command line, with stand-ins for the networks."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from doubles import BrightEstimator
from engine import dicom_masks, files, phantom
from engine.cli_fixtures import SHAPE, E, S, table
from evanyseg import __version__, score_files
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.io.dicom.codes import SEMIAUTOMATIC
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.seg_nrrd import write_seg_nrrd
from evanyseg.io.segmentation import Segment, Segmentation

TRUTH = phantom.ball(SHAPE)
BOX = ("--box", 2, 2, 46, 38, "--slice", 6, "--box-frame", "display")


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    return dicom_masks.write_series(tmp_path / "ct", phantom.volume(SHAPE))


@pytest.fixture
def seg(ct: Path, tmp_path: Path) -> Path:
    """Two segments: the ball as it is, and with one slice moved."""
    moved = TRUTH.copy()
    moved[5] = np.roll(TRUTH[5], 9, axis=1)
    pixels = np.stack([TRUTH, moved], axis=-1).astype(np.uint8)
    return dicom_masks.save(tmp_path / "seg.dcm", dicom_masks.segmentation(ct, pixels, ("ball", "moved")))


def groups(path: Path) -> list:
    return hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()


def test_segment_writes_a_dicom_seg_and_its_quality(evanyseg, ct: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out.dcm", tmp_path / "sr.dcm"
    arguments = (*BOX, "--propagate", "--name", "Liver", "-o", out, "--dicom-report", report)
    code, _, err = evanyseg("segment", ct, *arguments, *E, *S)
    assert code == 0, err
    found = dicom_masks.read(out, ct)
    assert np.array_equal(found.mask(found.segments[0]), TRUTH)
    segment = found.segments[0]
    assert segment.name == "Liver"
    assert segment.property is not None
    assert (segment.property.type.value, segment.property.category.meaning) == ("10200004", "Anatomical Structure")
    assert segment.algorithm is not None
    assert (segment.algorithm.kind, segment.algorithm.name) == (SEMIAUTOMATIC, "EvanySeg segmenter bright-box")
    assert segment.algorithm.version == __version__
    assert "slice=axial 6; box=(2.0, 2.0, 46.0, 38.0)" in segment.algorithm.parameters
    (group,) = groups(report)
    assert {m.name.value: m.value for m in group.get_measurements()}["pred-dice"] == 1.0
    assert group.referenced_segment.referenced_sop_instance_uid == pydicom.dcmread(out).SOPInstanceUID
    slices = hd.sr.srread(report).content.get_planar_roi_measurement_groups()
    assert len(slices) == int(TRUTH.any(axis=(1, 2)).sum())


def test_segment_takes_a_code(evanyseg, ct: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.dcm"
    assert evanyseg("segment", ct, *BOX, "--code", "SCT:64033007:Kidney", "-o", out, *E, *S)[0] == 0
    (found,) = dicom_masks.read(out, ct).segments
    assert found.name == "Segment"
    assert found.property is not None
    assert (found.property.type.meaning, found.property.category.meaning) == ("Kidney", "Anatomical Structure")
    code, _, err = evanyseg("segment", ct, *BOX, "--code", "Kidney", "-o", out, *E, *S)
    assert code != 0
    assert "'Kidney' is no code; write SCHEME:VALUE:MEANING" in err


@pytest.mark.parametrize("axis", ["coronal", "sagittal"])
def test_segment_across_the_frames(evanyseg, ct: Path, tmp_path: Path, axis: str) -> None:
    planes = stack_of(read_image(ct), axis)
    height, width = planes.shape
    middle = planes.count // 2
    box = ("--box", 0, 0, width, height, "--box-frame", "display", "--slice", middle, "--axis", axis)
    out, report = tmp_path / "out.dcm", tmp_path / "sr.dcm"
    code, _, err = evanyseg("segment", ct, *box, "-o", out, "--dicom-report", report, *E, *S)
    assert code == 0, err
    found = dicom_masks.read(out, ct)
    mask = found.mask(found.segments[0])
    assert np.array_equal(planes.take(mask, middle), planes.take(TRUTH, middle))
    assert int(mask.sum()) == int(planes.take(TRUTH, middle).sum())
    assert hd.sr.srread(report).content.get_planar_roi_measurement_groups() == []
    assert len(groups(report)) == 1


def test_score_reads_a_dicom_seg_and_reports_on_it(evanyseg, ct: Path, seg: Path, tmp_path: Path) -> None:
    report = tmp_path / "sr.dcm"
    code, out, err = evanyseg("score", ct, seg, "-o", tmp_path / "s.csv", "--dicom-report", report, *E)
    assert code == 0, err
    assert "ball" in out
    rows = table(tmp_path / "s.csv")
    assert {r["segment"] for r in rows} == {"ball", "moved"}
    assert len(rows) == 2 * int(TRUTH.any(axis=(1, 2)).sum())
    made = pydicom.dcmread(seg)
    ball, moved = groups(report)
    assert [g.tracking_identifier for g in (ball, moved)] == ["ball", "moved"]
    assert ball.referenced_segment.referenced_sop_instance_uid == made.SOPInstanceUID
    worst = {m.derivation.meaning: m.value for m in moved.get_measurements() if m.derivation is not None}["Minimum"]
    scores = [float(r["pred_dice"]) for r in rows if r["segment"] == "moved"]
    assert worst == pytest.approx(min(scores), abs=1e-4)
    slices = hd.sr.srread(report).content.get_planar_roi_measurement_groups()
    per_slice = {g.tracking_identifier: g.get_measurements()[0].value for g in slices}
    for row in rows:
        assert per_slice[f"{row['segment']}, slice {row['index']}"] == pytest.approx(float(row["pred_dice"]), abs=1e-4)


def test_score_one_segment_by_its_name(evanyseg, ct: Path, seg: Path, tmp_path: Path) -> None:
    report = tmp_path / "sr.dcm"
    arguments = ("score", ct, seg, "--label", "moved", "-o", tmp_path / "s.csv", "--dicom-report", report)
    assert evanyseg(*arguments, *E)[0] == 0
    assert {r["segment"] for r in table(tmp_path / "s.csv")} == {"moved"}
    (group,) = groups(report)
    assert group.referenced_segment.referenced_segment_numbers == [2]


def test_score_turns_other_masks_into_a_dicom_seg(evanyseg, ct: Path, tmp_path: Path) -> None:
    labels = TRUTH.astype(np.uint8)
    labels[7][TRUTH[7]] = 4
    mask = files.write_volume(tmp_path / "m.nii.gz", read_image(ct), labels)
    out, report = tmp_path / "out.dcm", tmp_path / "sr.dcm"
    arguments = ("score", ct, mask, "--dicom-seg", out, "--dicom-report", report)
    code, _, err = evanyseg(*arguments, "--segmented-by", "semiautomatic:ITK-SNAP", *E)
    assert code == 0, err
    assert str(out) in err
    assert str(report) in err
    found = dicom_masks.read(out, ct)
    assert [s.name for s in found.segments] == ["Label 1", "Label 4"]
    assert np.array_equal(found.mask(found.segments[1]), labels == 4)
    assert found.segments[0].algorithm is not None
    assert (found.segments[0].algorithm.kind, found.segments[0].algorithm.name) == (SEMIAUTOMATIC, "ITK-SNAP")
    assert [g.referenced_segment.referenced_segment_numbers for g in groups(report)] == [[1], [2]]


def test_score_a_structure_set(evanyseg, ct: Path, tmp_path: Path) -> None:
    volume = read_image(ct)
    drawn = [
        dicom_masks.contour(dicom_masks.on_slice(volume, k, dicom_masks.square(14.5, 10.5, 18))) for k in range(4, 8)
    ]
    rois = {"GTV": drawn, "iso": [dicom_masks.contour(dicom_masks.on_slice(volume, 2, [(4, 4)]), "POINT")]}
    rt = dicom_masks.save(tmp_path / "rt.dcm", dicom_masks.structure_set(rois))
    code, out, err = evanyseg("score", ct, rt, "--json", *E)
    assert code == 0, err
    found = json.loads(out)
    assert [(r["segment"], r["index"], r["area_px"]) for r in found["rows"]] == [("GTV", k, 324) for k in range(4, 8)]
    assert evanyseg("score", ct, rt, *E)[2].count("'iso' of rt.dcm has no closed contour and is left out.") == 1
    seg = tmp_path / "seg.dcm"
    assert evanyseg("score", ct, rt, "--dicom-seg", seg, "--dicom-report", tmp_path / "sr.dcm", *E)[0] == 0
    assert dicom_masks.read(seg, ct).segments[0].name == "GTV"


def test_from_python_as_well(ct: Path, seg: Path, tmp_path: Path) -> None:
    volume = read_image(ct)
    drawn = [dicom_masks.contour(dicom_masks.on_slice(volume, 5, dicom_masks.square(14.5, 10.5, 18)))]
    rt = dicom_masks.save(tmp_path / "rt.dcm", dicom_masks.structure_set({"GTV": drawn}))
    estimator = BrightEstimator()
    assert [(s.segment, s.index, s.area) for s in score_files(ct, rt, estimator=estimator)] == [("GTV", 5, 324)]
    assert {s.segment for s in score_files(ct, seg, labels=["moved"], estimator=estimator)} == {"moved"}


def test_codes_of_slicers_terminology_go_into_a_dicom_seg(evanyseg, ct: Path, tmp_path: Path) -> None:
    """A `.seg.nrrd` as Slicer writes it; and the codes of a DICOM SEG go into one that is written here."""
    volume = read_image(ct)
    layer = TRUTH.astype(np.uint8)
    path = tmp_path / "s.seg.nrrd"
    write_seg_nrrd(path, Segmentation(volume, (layer,), (Segment("S1", "Niere", 1),)))
    head, voxels = path.read_bytes().split(b"\n\n", 1)
    tags = (
        "Segment0_Tags:=Segmentation.Status:inprogress|TerminologyEntry:Segmentation category and type - 3D Slicer "
        "General Anatomy list~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~SCT^7771000^Left~Anatomic codes - "
        "DICOM master list~^^~^^|"
    )
    path.write_bytes(head + b"\n" + tags.encode() + b"\n\n" + voxels)
    out = tmp_path / "o.dcm"
    assert evanyseg("score", ct, path, "--dicom-seg", out, "--segmented-by", "manual", *E)[0] == 0
    found = dicom_masks.read(out, ct)
    known = found.segments[0].property
    assert known is not None
    assert (known.category.value, known.type.meaning, known.modifiers[0].meaning) == ("123037004", "Kidney", "Left")
    again = tmp_path / "again.seg.nrrd"
    write_seg_nrrd(again, found)
    assert read_segmentation(again).segments[0].property == known


def test_fractions_are_a_caveat_in_every_row_or_refused(evanyseg, ct: Path, tmp_path: Path) -> None:
    made = dicom_masks.segmentation(ct, (TRUTH * 0.75)[..., None], kind="FRACTIONAL")
    path = dicom_masks.save(tmp_path / "f.dcm", made)
    assert evanyseg("score", ct, path, "-o", tmp_path / "s.csv", *E)[0] == 0
    assert all("fractional mask cut at 0.5" in r["caveats"] for r in table(tmp_path / "s.csv"))
    code, _, err = evanyseg("score", ct, path, "--no-fractional", *E)
    assert code != 0
    assert "fractional masks are refused" in err


def test_pairs_and_candidates_may_be_dicom(evanyseg, ct: Path, seg: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("image,mask\nct,seg.dcm\n")
    assert evanyseg("score", "--pairs", tmp_path / "pairs.csv", "-o", tmp_path / "p.csv", *E)[0] == 0
    assert 0 < float(table(tmp_path / "p.csv")[0]["pred_dice"]) <= 1
    good = dicom_masks.save(tmp_path / "good.dcm", dicom_masks.segmentation(ct, TRUTH.astype(np.uint8)))
    bad = dicom_masks.save(tmp_path / "bad.dcm", dicom_masks.segmentation(ct, np.roll(TRUTH, 15, 2).astype(np.uint8)))
    code, out, err = evanyseg("select", ct, bad, good, "--json", *E)
    assert code == 0, err
    assert Path(json.loads(out)["best"]).name == "good.dcm"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("score", "v.nii.gz", "l.nii.gz", "--dicom-seg", "o.dcm", "--segmented-by", "x"),
            "v.nii.gz is no DICOM image",
        ),
        (("segment", "v.nii.gz", *BOX, "-o", "o.dcm"), "v.nii.gz is no DICOM image"),
        (("score", "ct", "l.nii.gz", "--dicom-report", "o.dcm"), "A DICOM report is about the segments of a DICOM SEG"),
        (("score", "ct", "l.nii.gz", "--dicom-seg", "o.dcm"), "'Label 1' does not say; add --segmented-by"),
        (("score", "ct", "l.nii.gz", "--dicom-seg", "o.nii"), "A DICOM file cannot be named 'o.nii'"),
        (("score", "ct", "l.nii.gz", "--segmented-by", "x"), "it goes with --dicom-seg"),
        (("score", "ct", "l.nii.gz", "--dicom-seg", "o.dcm", "--segmented-by", " "), "needs 'manual' or the name"),
        (("segment", "ct", *BOX, "-o", "o.mha", "--dicom-report", "o.dcm"), "go with a DICOM SEG: -o FILE.dcm"),
        (("segment", "ct", *BOX, "-o", "o.dcm", "--dicom-report", "o.dcm"), "asked for twice"),
        (("score", "ct", "twins.dcm", "--dicom-report", "o.dcm"), "Two segments have one name"),
        (("score", "ct", "two", "--dicom-report", "o.dcm"), "two holds 2 segmentations"),
        (("score", "--pairs", "pairs.csv", "-o", "p.csv", "--no-fractional"), "--pairs only goes with"),
    ],
)
def test_what_cannot_be_written_is_refused_before_a_network_is_loaded(
    evanyseg, ct: Path, volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple, words: str
) -> None:
    pixels = np.stack([TRUTH, TRUTH], axis=-1).astype(np.uint8)
    dicom_masks.save(tmp_path / "twins.dcm", dicom_masks.segmentation(ct, pixels, ("a", "a")))
    (tmp_path / "two").mkdir()
    for name in ("a.dcm", "b.dcm"):
        dicom_masks.save(tmp_path / "two" / name, dicom_masks.segmentation(ct, TRUTH.astype(np.uint8), [name]))
    monkeypatch.chdir(tmp_path)
    code, _, err = evanyseg(*arguments, "--estimator", "there-is-no-such-model")
    assert code != 0
    assert words in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "o.dcm").exists()
