"""`evanyseg segment` on files of every format, in this process with stand-ins for the networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, S
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.volume import same_geometry
from evanyseg.io.read import read_image, read_segmentation


def test_segment_a_picture_gives_0_and_255(evanyseg, picture, tmp_path: Path) -> None:
    image, _, mask = picture
    code, out, err = evanyseg("segment", image, "--box", 5, 5, 75, 55, "-o", tmp_path / "out.png", *E, *S)
    assert code == 0, err
    made = np.asarray(Image.open(tmp_path / "out.png"))
    assert made.dtype == np.uint8
    assert np.array_equal(made, mask * np.uint8(255))
    assert "good" in out
    assert "Mask 1 of 3 was chosen" in err


def test_segment_prints_json(evanyseg, picture, tmp_path: Path) -> None:
    image, _, mask = picture
    code, out, _ = evanyseg("segment", image, "--box", 5, 5, 75, 55, "-o", tmp_path / "o.tif", *E, *S, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["segmenter"] == "bright-box"
    assert found["slices"][0]["area_px"] == int(mask.sum())
    assert found["slices"][0]["pred_dice"] == 1.0
    assert len(found["slices"][0]["candidates"]) == 3


def test_segment_from_clicks(evanyseg, picture, tmp_path: Path) -> None:
    out = tmp_path / "o.png"
    assert evanyseg("segment", picture[0], "--point", "40,30", "--point", "30,30,-", "-o", out, *E, *S)[0] == 0
    made = np.asarray(Image.open(out)) > 0
    assert made[30, 45]
    assert not made[30, 30]


@pytest.mark.parametrize(("axis", "index"), [("axial", 6), ("coronal", 20), ("sagittal", 24)])
@pytest.mark.parametrize("name", ["o.nii.gz", "o.nrrd", "o.mha", "o.seg.nrrd"])
def test_segment_a_slice_of_a_volume(evanyseg, volume, tmp_path: Path, axis: str, index: int, name: str) -> None:
    image = volume[0]
    planes = stack_of(read_image(image), axis)
    height, width = planes.shape
    out = tmp_path / name
    box = ("--box", 0, 0, width, height, "--box-frame", "display")
    code, _, err = evanyseg("segment", image, *box, "--slice", index, "--axis", axis, "-o", out, *E, *S)
    assert code == 0, err
    made = read_segmentation(out)
    assert same_geometry(made.grid, read_image(image))
    truth = phantom.ball(SHAPE)
    assert np.array_equal(planes.take(made.layers[0], index) > 0, planes.take(truth, index))
    assert made.layers[0].sum() == np.count_nonzero(planes.take(truth, index))  # no other slice was touched


def test_segment_propagates_both_ways_and_names_the_segment(evanyseg, volume, tmp_path: Path) -> None:
    out = tmp_path / "o.seg.nrrd"
    arguments = (
        "--box",
        2,
        2,
        46,
        38,
        "--box-frame",
        "display",
        "--slice",
        6,
        "--propagate",
        "--name",
        "Lesion 1",
        "-o",
        out,
    )
    assert evanyseg("segment", volume[0], *arguments, *E, *S)[0] == 0
    made = read_segmentation(out)
    assert made.segments[0].name == "Lesion 1"
    assert np.array_equal(made.mask(made.segments[0]), phantom.ball(SHAPE))


def test_segment_a_1_slice_volume_into_a_picture(evanyseg, tmp_path: Path) -> None:
    image = files.write_volume(tmp_path / "one.mha", phantom.volume((1, 40, 48)))
    assert evanyseg("segment", image, "--box", 2, 2, 46, 38, "-o", tmp_path / "o.png", *E, *S)[0] == 0
    assert set(np.unique(np.asarray(Image.open(tmp_path / "o.png")))) == {0, 255}


@pytest.mark.parametrize("name", ["o.nii.gz", "o.mha", "o.seg.nrrd", "o.png"])
def test_segment_a_2d_nifti_keeps_its_spacing(evanyseg, picture, tmp_path: Path, name: str) -> None:
    image = sitk.GetImageFromArray(np.asarray(Image.open(picture[0])))
    image.SetSpacing((0.5, 0.5))
    sitk.WriteImage(image, str(tmp_path / "i.nii.gz"))
    out = tmp_path / name
    code, _, err = evanyseg("segment", tmp_path / "i.nii.gz", "--box", 5, 5, 75, 55, "-o", out, *E, *S)
    assert code == 0, err
    made = read_segmentation(out)
    assert np.array_equal(made.layers[0][0] > 0, picture[2])
    if name != "o.png":
        assert made.grid.spacing[:2] == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--box", 90, 5, 120, 50), "outside the image of 80 x 60"),
        (("--box", 50, 5, 20, 50), "inverted"),
        (("--box", 5, 5, 6, 6), "less than 2 x 2"),
        (("--box", "nan", 5, 50, 50), "not a number"),
        ((), "say where the object is"),
        (("--point", "40"), "'40' is no point"),
        (("--point", "400,3"), "outside the image"),
        (("--box", 5, 5, 50, 50, "--segmenter", "medsan"), "Unknown segmenter 'medsan'"),
        (("--box", 5, 5, 50, 50, "--estimator", "brigth"), "Did you mean 'bright'?"),
        (("--box", 5, 5, 50, 50, "--device", "tpu"), "Unknown device 'tpu'"),
        (("--box", 5, 5, 50, 50, "--intensity", "ct-liver"), "Unknown intensity preset 'ct-liver'"),
        (("--box", 5, 5, 50, 50, "--bands", 0.5, 0.9), "Bands need"),
    ],
)
def test_segment_refuses_in_one_sentence_and_writes_nothing(
    evanyseg, picture, tmp_path: Path, arguments: tuple, why: str
) -> None:
    out = tmp_path / "o.png"
    out.write_bytes(b"precious")
    code, _, err = evanyseg("segment", picture[0], *E, *S, *arguments, "-o", out)  # the last one of an option counts
    assert code == 2
    assert why in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err
    assert out.read_bytes() == b"precious"


def test_segment_needs_a_slice_and_a_fitting_output(evanyseg, volume, tmp_path: Path) -> None:
    box = ("--box", 2, 2, 40, 30, "--box-frame", "display")
    cases = {
        ("-o", tmp_path / "o.nrrd"): "has 12 axial slices; name one with --slice",
        ("--slice", 12, "-o", tmp_path / "o.nrrd"): "no axial slice 12",
        ("--slice", 3, "-o", tmp_path / "o.png"): "is a 2D image, the mask is a volume",
        ("--slice", 3, "-o", tmp_path / "o.jpg"): "cannot be written as '.jpg'",
        ("--slice", 3, "--axis", "up", "-o", tmp_path / "o.nrrd"): "Unknown slice axis 'up'",
    }
    for arguments, why in cases.items():
        code, _, err = evanyseg("segment", volume[0], *box, *arguments, *E, *S)
        assert code == 2
        assert why in err
    assert not (tmp_path / "o.nrrd").exists()
