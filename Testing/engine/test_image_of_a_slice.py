"""A picture as the mask of a volume of one slice: in the display frame, written and read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import files
from engine.cli_fixtures import E, S
from evanyseg.errors import ImageError
from evanyseg.geometry.anatomy import LPS_TO_RAS
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.volume import Volume
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.segmentation import segmentation_of_labels
from orientations import ORIENTATIONS, oriented_matrix

HIGH, WIDE = 40, 56


def single(orientation, thin: int) -> Volume:
    """One slice across voxel axis `thin`, bright in a corner of its own so that no turn of it looks like another."""
    dims = [WIDE, HIGH]
    dims.insert(thin, 1)
    steps = tuple(3.0 if axis == thin else 1.0 for axis in range(3))
    matrix = LPS_TO_RAS @ oriented_matrix(*orientation, steps, (4, 5, 6))
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    array = np.random.default_rng(0).normal(20, 3, dims[::-1])
    volume = Volume(array, tuple(spacing), tuple(matrix[:3, 3]), matrix[:3, :3] / spacing, name="v")
    shown = stack_of(volume).take(array, 0)
    shown[4:20, 6:16] = 170
    shown[14:20, 6:26] = 170
    return replace(volume, array=array.astype(np.int16))


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
@pytest.mark.parametrize("thin", [0, 1, 2])
@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
def test_a_picture_that_segment_wrote_scores_as_the_volume_it_wrote(
    evanyseg, tmp_path: Path, orientation, thin: int, ending: str
) -> None:
    image = files.write_volume(tmp_path / f"v{ending}", single(orientation, thin))
    box = ("--box", 2, 2, 30, 24, "--box-frame", "display")
    for name in ("m.png", "m.tif", f"m{ending}"):
        code, _, err = evanyseg("segment", image, *box, "-o", tmp_path / name, *E, *S)
        assert code == 0, err
    planes = stack_of(read_image(image))
    drawn = np.asarray(Image.open(tmp_path / "m.png"))
    volume = read_segmentation(tmp_path / f"m{ending}")
    assert np.array_equal(drawn > 0, planes.take(volume.layers[0], 0) > 0), "the picture is the slice as displayed"
    assert drawn[5, 7]
    assert not drawn[30:].any()
    assert not drawn[:, 30:].any()
    found = {}
    for name in ("m.png", "m.tif", f"m{ending}"):
        code, out, err = evanyseg("score", image, tmp_path / name, *E, "--json")
        assert code == 0, err
        document = json.loads(out)
        (row,) = document["rows"]
        found[name] = (row["pred_dice"], row["low"], row["area_px"], row["caveats"])
        said = any("as that is displayed" in r for r in document["remarks"])
        assert said == (not name.endswith(ending) and not planes.plane(0).as_stored)
    assert found["m.png"] == found["m.tif"] == found[f"m{ending}"]
    assert found["m.png"][2] == np.count_nonzero(drawn)


def test_a_picture_of_another_size_is_refused_with_the_size_as_displayed() -> None:
    volume = single(((1, 0, 2), (1, 1, 1)), 2)
    stored = np.zeros((1, HIGH, WIDE), np.uint8)
    stored[0, 5:9, 5:9] = 1
    mask = segmentation_of_labels(stored, Volume(stored, planar=True, has_geometry=False, name="m.png"))
    with pytest.raises(ImageError, match=r"m\.png is 56 x 40 pixels, the image v is 40 x 56 pixels as displayed"):
        mask.on_grid_of(volume)


def test_a_volume_on_a_picture_is_laid_voxel_by_voxel_and_said() -> None:
    """Nobody who saves a picture's mask as NIfTI with an identity means its display."""
    labels = np.zeros((1, 9, 12), np.uint8)
    labels[0, 2:4, 3:8] = 1
    picture = Volume(np.zeros((1, 9, 12), np.uint8), planar=True, has_geometry=False, name="a.png")
    ras = Volume(labels, direction=np.diag([-1.0, -1.0, 1.0]), name="m.nii.gz")
    found = segmentation_of_labels(labels, ras).on_grid_of(picture)
    assert np.array_equal(found.layers[0], labels)
    assert found.remarks == ("a.png is a 2D image: m.nii.gz was laid on it voxel by voxel, not as it is displayed.",)
    lps = segmentation_of_labels(labels, replace(ras, direction=np.eye(3)))
    assert lps.on_grid_of(picture).remarks == ()
