"""`evanyseg score` on files of every format, in this process with stand-ins for the networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, S, table
from evanyseg.io.seg_nrrd import write_seg_nrrd
from evanyseg.io.segmentation import Segment, Segmentation


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".nii.gz", ".dcm"])
def test_score_2d_files_of_every_format(evanyseg, tmp_path: Path, suffix: str) -> None:
    pixels, mask = phantom.picture()
    image, lossless = tmp_path / f"i{suffix}", {"lossless": True} if suffix == ".webp" else {}
    if suffix == ".nii.gz":
        sitk.WriteImage(sitk.GetImageFromArray(pixels), str(image))
    elif suffix == ".dcm":
        made = files.write_dicom_series(tmp_path / "d", phantom.volume((1, 60, 80)))
        image = next(made.iterdir())
        mask = phantom.ball((1, 60, 80))[0]
    else:
        files.write_image_2d(image, pixels, **lossless)
    labels = files.write_image_2d(tmp_path / "m.png", mask.astype(np.uint8) * 255)
    code, out, err = evanyseg("score", image, labels, *E, "--json")
    assert code == 0, err
    rows = json.loads(out)["rows"]
    assert len(rows) == 1
    assert rows[0]["pred_dice"] > 0.98
    assert rows[0]["area_px"] == int(mask.sum())


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", "series"])
@pytest.mark.parametrize("mask", ["l.nii.gz", "l.seg.nrrd"])
def test_score_volumes_of_every_format(evanyseg, tmp_path: Path, suffix: str, mask: str) -> None:
    made = phantom.volume(SHAPE)
    labels = phantom.ball(SHAPE).astype(np.uint8)
    image = tmp_path / f"v{suffix}"
    if suffix == "series":
        image = files.write_dicom_series(tmp_path / "series", made)
    else:
        files.write_volume(image, made)
    if mask == "l.seg.nrrd":
        write_seg_nrrd(tmp_path / mask, Segmentation(made, (labels,), (Segment("s", "Ball", 1),)))
    else:
        files.write_volume(tmp_path / mask, made, labels)
    out = tmp_path / "s.csv"
    code, _, err = evanyseg("score", image, tmp_path / mask, *E, "-o", out)
    assert code == 0, err
    rows = table(out)
    assert [int(r["index"]) for r in rows] == np.flatnonzero(labels.any(axis=(1, 2))).tolist()
    assert min(float(r["pred_dice"]) for r in rows) > 0.99
    assert rows[0]["segment"] == ("Ball" if mask == "l.seg.nrrd" else "Label 1")
    assert rows[0]["intensity"].startswith("percentile")


@pytest.mark.parametrize("channels", [3, 4])
def test_score_color_and_16_bit_pictures(evanyseg, picture, tmp_path: Path, channels: int) -> None:
    gray = np.asarray(Image.open(picture[0]))
    color = files.write_image_2d(tmp_path / "c.png", np.dstack([gray] * channels))
    deep = files.write_image_2d(tmp_path / "d.png", gray.astype(np.uint16) * 200)
    for image in (color, deep):
        code, out, _ = evanyseg("score", image, picture[1], *E, "--json")
        assert code == 0
        assert json.loads(out)["rows"][0]["pred_dice"] > 0.99


def test_score_with_a_box_an_empty_mask_and_a_full_one(evanyseg, picture, tmp_path: Path) -> None:
    image, good, mask = picture
    empty = files.write_image_2d(tmp_path / "e.png", np.zeros_like(mask, np.uint8))
    full = files.write_image_2d(tmp_path / "f.png", np.full(mask.shape, 255, np.uint8))
    score = lambda *a: json.loads(evanyseg("score", image, *a, *E, "--json")[1])["rows"][0]
    assert score(good, "--box", 5, 5, 75, 55)["x0"] == 5
    assert (score(empty)["pred_dice"], score(empty)["caveats"]) == (None, "empty mask")
    assert score(empty, "--box", 5, 5, 75, 55)["pred_dice"] == 0.0
    assert 0 < score(full)["pred_dice"] < 0.7


def test_score_writes_table_overlay_colors_and_report(evanyseg, volume, tmp_path: Path) -> None:
    out, overlay, report = tmp_path / "s.csv", tmp_path / "q.nii.gz", tmp_path / "r.html"
    code, text, _ = evanyseg("score", *volume, *E, *S, "-o", out, "--overlay", overlay, "--report", report)
    assert code == 0
    rows = {int(r["index"]): r for r in table(out)}
    assert (rows[7]["finding"], rows[7]["pred_dice"], rows[7]["segmenter"]) == ("missing?", "0.0000", "bright-box")
    assert rows[5]["band"] != "good"
    assert "missing?" in text
    made = sitk.ReadImage(str(overlay))
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(volume[1])))
    codes = sitk.GetArrayFromImage(made)
    assert made.GetSpacing() == sitk.ReadImage(str(volume[0])).GetSpacing()
    assert not codes[labels == 0].any()
    assert set(np.unique(codes[5][labels[5] > 0])) == {100 + round(100 * float(rows[5]["pred_dice"]))}
    assert "good_1.00" in (tmp_path / "q.ctbl").read_text()
    html = report.read_text(encoding="utf-8")
    assert html.count("data:image/png;base64,") == len([r for r in rows.values() if r["finding"] != "absent"])


def test_score_one_slice_writes_a_picture_with_its_outline(evanyseg, volume, tmp_path: Path) -> None:
    overlay = tmp_path / "o.png"
    code, out, _ = evanyseg("score", *volume, *E, "--slice", 6, "--overlay", overlay, "--json")
    assert code == 0
    assert [r["index"] for r in json.loads(out)["rows"]] == [6]
    picture = np.asarray(Image.open(overlay)).astype(int)
    colored = np.ptp(picture, axis=-1) > 20
    mask = phantom.ball(SHAPE)[6]
    assert colored.any()
    assert not colored[~mask].any()


def test_score_chosen_labels_along_another_axis_as_json_file(evanyseg, volume, tmp_path: Path) -> None:
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(volume[1])))
    labels[:, :, 24:] *= 4
    mask = files.write_volume(tmp_path / "two.nrrd", phantom.volume(SHAPE), labels.astype(np.float32))
    out = tmp_path / "s.json"
    assert evanyseg("score", volume[0], mask, *E, "--label", "4", "--axis", "sagittal", "-o", out)[0] == 0
    found = json.loads(out.read_text())
    assert {r["segment"] for r in found["rows"]} == {"Label 4"}
    assert {r["plane"] for r in found["rows"]} == {"sagittal"}
    assert min(r["index"] for r in found["rows"]) == 24
    assert found["summaries"][0]["segment"] == "Label 4"


def test_score_a_segmentation_of_another_geometry_and_a_cropped_one(evanyseg, volume, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(volume[0]))
    labels = sitk.GetImageFromArray(phantom.ball(SHAPE).astype(np.uint8))
    labels.CopyInformation(image)
    sitk.WriteImage(labels[8:40, 6:36, 2:11], str(tmp_path / "cropped.nrrd"))
    fine = sitk.Resample(labels, [96, 80, 24], sitk.Transform(), sitk.sitkNearestNeighbor,
                         image.GetOrigin(), [0.5, 0.5, 1.0], image.GetDirection(), 0)  # fmt: skip
    sitk.WriteImage(fine, str(tmp_path / "fine.nii.gz"))
    for name in ("cropped.nrrd", "fine.nii.gz"):
        before = (tmp_path / name).read_bytes()
        code, out, err = evanyseg("score", volume[0], tmp_path / name, *E, "--json")
        assert code == 0, err
        rows = json.loads(out)["rows"]
        assert len(rows) >= 7
        assert min(r["pred_dice"] for r in rows) > 0.97
        assert (tmp_path / name).read_bytes() == before


def test_score_refuses_in_one_sentence(evanyseg, picture, volume, tmp_path: Path) -> None:
    series = sitk.GetImageFromArray(np.zeros((4, 5, 8, 8), np.int16), isVector=False)
    sitk.WriteImage(series, str(tmp_path / "t.nii.gz"))
    small = files.write_image_2d(tmp_path / "small.png", np.full((9, 9), 255, np.uint8))
    nothing = files.write_volume(tmp_path / "n.nii.gz", phantom.volume(SHAPE), np.zeros(SHAPE, np.uint8))
    two = files.write_image_2d(tmp_path / "two.png", np.repeat([[1, 2]], 60, 0).repeat(40, 1).astype(np.uint8))
    image, mask = picture[:2]
    cases = [
        ((tmp_path / "t.nii.gz", mask), "time series of 4 volumes (4D)"),
        ((image, small), "must have the same size"),
        ((image, image), "grey levels, not labels"),
        ((volume[0], nothing), "has no label above zero"),
        ((volume[0], volume[1], "--box", 1, 1, 9, 9), "belongs to one slice"),
        ((image, two, "--box", 1, 1, 9, 9), "name one with --label"),
        ((volume[0], volume[1], "--label", "liver"), "no segment 'liver'"),
        ((volume[0], volume[1], "--overlay", tmp_path / "o.png"), "is a 2D image, the overlay is a volume"),
        ((volume[0], volume[1], "--overlay", tmp_path / "o.jpg"), "cannot be written as '.jpg'"),
        ((image,), "give an IMAGE and a MASK"),
        ((image, mask, "--pairs", "p.csv"), "--pairs only goes with"),
        (("--pairs", tmp_path / "p.csv"), "needs --out"),
    ]
    for arguments, why in cases:
        code, _, err = evanyseg("score", *arguments, *E)
        assert code == 2, arguments
        assert why in " ".join(err.replace("│", " ").split()), err


def test_score_pairs_reports_failures_with_exit_code_1(evanyseg, picture, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("image,mask,who\nimage.png,mask.png,me\nimage.png,gone.png,you\n")
    out = tmp_path / "s.csv"
    code, _, err = evanyseg("score", "--pairs", tmp_path / "p.csv", "--out", out, *E)
    assert code == 1
    assert "row 2: There is no file" in err
    assert "1 of 2 rows failed; the others are scored." in err
    rows = table(out)
    assert [r["who"] for r in rows] == ["me", "you"]
    assert float(rows[0]["pred_dice"]) > 0.99
    code, text, _ = evanyseg("score", "--pairs", tmp_path / "p.csv", "--out", out, *E, "--json")
    assert (code, json.loads(text)["failures"][0]["row"]) == (1, 2)
    (tmp_path / "p.csv").write_text("image,mask\nimage.png,mask.png\n")
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", "--out", out, *E)[0] == 0


def test_an_interrupt_writes_nothing(evanyseg, volume, tmp_path: Path, monkeypatch) -> None:
    from doubles import BrightEstimator

    def interrupted(self, cases, maps=False, should_cancel=None):
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(BrightEstimator, "estimate_cases", interrupted)
    out = tmp_path / "s.csv"
    out.write_text("precious")
    code = evanyseg("score", *volume, *E, "-o", out, "--report", tmp_path / "r.html")[0]
    assert code not in (0, 2)
    assert out.read_text() == "precious"
    assert not (tmp_path / "r.html").exists()
