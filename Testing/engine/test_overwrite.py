"""A file that a command was given is never replaced by what it writes, and that is known before a network loads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, S
from evanyseg import models
from evanyseg.errors import OutputError
from evanyseg.io.overwrite import refuse_overwriting
from evanyseg.models import ModelSpec


@pytest.fixture
def no_network(evanyseg):
    """Runs a command whose models cannot be loaded: whatever is refused is refused before."""

    def fail(spec, path, device):
        raise AssertionError("a network was loaded")

    models.estimators.register(ModelSpec("never", "", fail))
    models.segmenters.register(ModelSpec("never-box", "", fail))
    yield lambda *a: evanyseg(*a, "--estimator", "never")
    models.estimators.remove("never")
    models.segmenters.remove("never-box")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def refused(run, folder: Path, *arguments: object) -> str:
    before = contents(folder)
    code, _, err = run(*arguments)
    assert code == 2, arguments
    assert contents(folder) == before
    text = " ".join(err.split())
    assert "would replace" in text or "asked for twice" in text, text
    return text


BOX = ("--box", 5, 5, 75, 55)


def test_score_never_replaces_its_image_or_mask(no_network, picture, tmp_path: Path) -> None:
    image, mask, _ = picture
    for option in ("-o", "--overlay", "--report"):
        for given in (image, mask):
            text = refused(no_network, tmp_path, "score", image, mask, option, given)
            assert f"would replace the input {given}; give the result another name" in text


def test_segment_and_select_never_replace_what_they_read(no_network, picture, tmp_path: Path) -> None:
    image, mask, _ = picture
    refused(no_network, tmp_path, "segment", image, *BOX, "-o", image, "--segmenter", "never-box")
    refused(no_network, tmp_path, "select", image, mask, "-o", mask)
    refused(no_network, tmp_path, "select", image, mask, "-o", image)
    refused(no_network, tmp_path, "select", image, *BOX, "--segmenter", "never-box", "-o", image)


def test_other_spellings_and_links_are_the_same_file(no_network, picture, tmp_path: Path, monkeypatch) -> None:
    image, mask, _ = picture
    (tmp_path / "sub").mkdir()
    (tmp_path / "soft.png").symlink_to(mask)
    os.link(mask, tmp_path / "sub" / "hard.png")
    monkeypatch.chdir(tmp_path)
    spellings = ("./mask.png", "sub/../mask.png", "soft.png", "sub/hard.png", str(mask))
    for given in spellings:
        for out in spellings:
            refused(no_network, tmp_path, "score", image, given, "-o", out)
    monkeypatch.setenv("HOME", str(tmp_path))
    refused(no_network, tmp_path, "score", image, "~/mask.png", "-o", mask)


def test_members_of_a_dicom_folder_are_inputs(no_network, tmp_path: Path) -> None:
    folder = files.write_dicom_series(tmp_path / "ct", phantom.volume(SHAPE))
    mask = files.write_volume(tmp_path / "m.nii.gz", phantom.volume(SHAPE), phantom.ball(SHAPE))
    member = sorted(folder.iterdir())[3]
    text = refused(no_network, tmp_path, "score", folder, mask, "-o", member)
    assert "which belongs to the input" in text
    os.link(member, tmp_path / "elsewhere.csv")
    refused(no_network, tmp_path, "score", folder, mask, "-o", tmp_path / "elsewhere.csv")


@pytest.mark.parametrize(("name", "voxels"), [("v.mhd", "v.raw"), ("v.nhdr", "v.raw"), ("v.img", "v.hdr")])
def test_voxels_beside_their_header_are_inputs(no_network, tmp_path: Path, name: str, voxels: str) -> None:
    image = files.write_volume(tmp_path / name, phantom.volume(SHAPE))
    mask = files.write_volume(tmp_path / "m.nii.gz", phantom.volume(SHAPE), phantom.ball(SHAPE))
    assert (tmp_path / voxels).exists()
    refused(no_network, tmp_path, "score", image, mask, "-o", tmp_path / voxels)


def test_voxels_of_a_header_that_is_written_count_as_output(no_network, tmp_path: Path) -> None:
    image = files.write_volume(tmp_path / "v.mhd", phantom.volume(SHAPE))
    (tmp_path / "v.raw").rename(tmp_path / "q.raw")
    image.write_text(image.read_text().replace("v.raw", "q.raw"))
    mask = files.write_volume(tmp_path / "m.nii.gz", phantom.volume(SHAPE), phantom.ball(SHAPE))
    refused(no_network, tmp_path, "score", image, mask, "--overlay", tmp_path / "q.mhd")


def test_two_results_need_two_names(no_network, picture, volume, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    assert "asked for twice" in refused(no_network, tmp_path, "score", *picture[:2], "-o", out, "--report", out)
    colors = tmp_path / "q.ctbl"  # written beside the overlay
    refused(no_network, tmp_path, "score", *volume, "--overlay", tmp_path / "q.nii.gz", "-o", colors)


def test_the_color_table_beside_an_overlay_replaces_no_input(no_network, volume, tmp_path: Path) -> None:
    mask = volume[1].rename(tmp_path / "q.ctbl")
    refused(no_network, tmp_path, "score", volume[0], mask, "--overlay", tmp_path / "q.nii.gz")


def test_tables_and_the_files_they_name_are_inputs(no_network, picture, tmp_path: Path) -> None:
    pairs, boxes = tmp_path / "p.csv", tmp_path / "b.csv"
    pairs.write_text("image,mask\nimage.png,gone.png\n,\n./image.png,mask.png\n")
    boxes.write_text("image,x0,y0,x1,y1\nimage.png,5,5,75,55\n")
    two = ("--segmenter", "never-box", "--segmenter", "bright-box")
    for out in (pairs, picture[0], picture[1]):
        refused(no_network, tmp_path, "score", "--pairs", pairs, "-o", out)
    for option in ("-o", "--table"):
        for out in (boxes, picture[0]):
            refused(no_network, tmp_path, "compare", "--boxes", boxes, *two, option, out)
    out = tmp_path / "new.csv"
    refused(no_network, tmp_path, "compare", "--boxes", boxes, *two, "-o", out, "--table", out)


def test_scored_tables_are_inputs(evanyseg, tmp_path: Path) -> None:
    scores = tmp_path / "s.csv"
    scores.write_text("image,segmenter,pred_dice\na,x,0.5\na,y,0.9\n")
    refused(evanyseg, tmp_path, "triage", scores, "-o", scores)
    refused(evanyseg, tmp_path, "select", "--scores", scores, "-o", scores)
    refused(evanyseg, tmp_path, "compare", scores, "-o", scores)


def test_a_weight_file_is_an_input(evanyseg, picture, tmp_path: Path) -> None:
    weights = tmp_path / "w.pth"
    weights.write_bytes(b"precious")
    refused(evanyseg, tmp_path, "score", *picture[:2], "--estimator", weights, "-o", weights)
    refused(evanyseg, tmp_path, "segment", picture[0], *BOX, "--segmenter", weights, *E, "-o", weights)


def test_older_results_are_replaced_as_before(evanyseg, picture, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    out.write_text("old")
    assert evanyseg("score", *picture[:2], *E, "-o", out)[0] == 0
    assert out.read_text().startswith("segment,")
    copy = files.write_image_2d(tmp_path / "o.png", np.zeros((4, 4), np.uint8))
    assert evanyseg("segment", picture[0], *BOX, *E, *S, "-o", copy)[0] == 0


def test_a_name_that_is_no_file_and_an_input_that_is_not_there_are_left_to_others(tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    out.write_text("")
    refuse_overwriting([out, None], ["builtin", "", None, tmp_path / "gone.png"])
    with pytest.raises(OutputError, match="would replace"):
        refuse_overwriting([out], ["builtin", out])
