"""Boxes are in the display frame everywhere; the frame that files are stored in is converted exactly, never guessed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, S, table
from evanyseg.errors import PromptError
from evanyseg.geometry.boxes import BoxFrame, box_around, displayed_box, displayed_points, stated_frame
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.slice_plane import slice_plane
from evanyseg.geometry.volume import Volume
from evanyseg.io.read import read_segmentation
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.scoring.boxes import COLUMNS
from orientations import ORIENTATIONS, oriented_matrix, rotation

DIMS = (7, 9, 11)
FLIPPED = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # neither the order nor the direction of the display frame


@settings(max_examples=60, deadline=None)
@given(axis=st.integers(0, 2), orientation=st.sampled_from(ORIENTATIONS), turn=st.tuples(*[st.floats(-30, 30)] * 3))
def test_a_box_in_the_files_frame_covers_the_same_voxels_on_the_slice_displayed(axis, orientation, turn) -> None:
    plane = slice_plane(oriented_matrix(*orientation, (1, 2, 3), (4, 5, 6), rotation(*turn)), DIMS, axis, 3)
    low, high = (a for a in range(3) if a != axis)
    labels = np.zeros(DIMS[::-1], bool)
    inside = [slice(3, 4)] * 3
    inside[low], inside[high] = slice(1, 4), slice(2, 7)
    labels[tuple(inside[::-1])] = True
    given_box = BoxPrompt(1, 2, 4, 7)
    assert displayed_box(given_box, plane, BoxFrame.FILE) == BoxPrompt.of_mask(plane.take(labels))
    assert displayed_box(given_box, plane, BoxFrame.DISPLAY) == given_box


@settings(max_examples=60, deadline=None)
@given(
    axis=st.integers(0, 2),
    orientation=st.sampled_from(ORIENTATIONS),
    x=st.floats(0, 1, exclude_max=True),
    y=st.floats(0, 1, exclude_max=True),
    positive=st.booleans(),
)
def test_a_point_in_the_files_frame_lands_on_its_voxel(axis, orientation, x, y, positive) -> None:
    plane = slice_plane(oriented_matrix(*orientation), DIMS, axis, 3)
    low, high = (a for a in range(3) if a != axis)
    at = [3, 3, 3]
    at[low], at[high] = int(x * DIMS[low]), int(y * DIMS[high])
    labels = np.zeros(DIMS[::-1], bool)
    labels[tuple(at[::-1])] = True
    point = PointPrompt(at[low] + 0.5, at[high] + 0.5, positive)
    (shown,) = displayed_points([point], plane, BoxFrame.FILE)
    assert plane.take(labels)[int(shown.y), int(shown.x)]
    assert shown.positive is positive


def test_a_point_on_the_very_edge_stays_on_the_slice() -> None:
    plane = slice_plane(np.eye(4), DIMS, 2, 3)  # R and A run against x and y
    (shown,) = displayed_points([PointPrompt(0.0, 0.0)], plane, BoxFrame.FILE)
    assert (int(shown.x), int(shown.y)) == (6, 8)
    shown.validated(plane.shape)


def test_a_box_in_the_files_frame_is_refused_in_its_own_numbers() -> None:
    volume = Volume(np.zeros(DIMS[::-1], np.uint8), direction=FLIPPED)
    plane = stack_of(volume, "axial").plane(2)
    with pytest.raises(PromptError, match=r"box \(1, 30, 5, 40\) lies outside the image of 7 x 11 pixels"):
        displayed_box(BoxPrompt(1, 30, 5, 40), plane, BoxFrame.FILE)
    partly = displayed_box(BoxPrompt(-3, 2, 4, 7), plane, BoxFrame.FILE)
    assert partly.validated(plane.shape) != partly  # still known to be partly off the slice


def test_a_volume_needs_its_frame_stated_and_a_picture_does_not() -> None:
    volume = phantom.volume((5, 8, 9))  # stored as displayed: refused all the same, or a script would work by chance
    with pytest.raises(PromptError, match=r"phantom is a volume .* 'display' .* 'file' .* --box-frame .* box_frame"):
        stated_frame(None, stack_of(volume))
    for frame in BoxFrame:
        assert stated_frame(frame, stack_of(volume)) is frame
    picture = Volume(np.zeros((1, 8, 9), np.uint8), planar=True, has_geometry=False)
    assert stated_frame(None, stack_of(picture)) is BoxFrame.DISPLAY
    as_displayed = phantom.volume((1, 8, 9))
    assert stated_frame(None, stack_of(as_displayed)) is BoxFrame.DISPLAY
    for direction in (FLIPPED, np.diag([-1.0, -1, 1]), np.diag([1.0, -1, 1])):
        with pytest.raises(PromptError, match="not stated"):
            stated_frame(None, stack_of(phantom.volume((1, 8, 9), direction=direction)))


# ---- boxes of places in the world ---------------------------------------------------------------------------------


def test_corners_in_any_order_give_one_box() -> None:
    plane = slice_plane(np.diag([-1.0, -1, 1, 1]), (30, 40, 50), 2, 5)
    a, b = plane.to_ras(np.array([[4.0, 6.0], [14.0, 26.0]]))
    c, d = plane.to_ras(np.array([[14.0, 6.0], [4.0, 26.0]]))
    for pair in ((a, b), (b, a), (c, d), (d, c)):
        assert box_around(plane, np.array(pair)).as_tuple() == pytest.approx((4, 6, 14, 26))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_box_of_two_pixels_is_not_lost_to_rounding(orientation) -> None:
    plane = slice_plane(oriented_matrix(*orientation, (0.7, 1.1, 2.3), (3, 7, 9), rotation(11, -23, 7)), DIMS, 1, 3)
    assert box_around(plane, plane.to_ras(np.array([[2.0, 3.0], [4.0, 5.0]]))) == BoxPrompt(2, 3, 4, 5)


def test_corners_that_are_none_are_refused() -> None:
    plane = slice_plane(np.eye(4), (30, 40, 50), 2, 5)
    a = plane.to_ras(np.array([[4.0, 6.0]]))[0]
    with pytest.raises(PromptError):
        box_around(plane, np.array([a, a]))
    with pytest.raises(PromptError, match="not a number"):
        box_around(plane, np.array([a, a * np.nan]))
    with pytest.raises(PromptError, match="lies outside the image"):
        box_around(plane, np.array([a + 100, a + 110]))


# ---- commands and tables ------------------------------------------------------------------------------------------


@pytest.fixture
def turned(tmp_path: Path) -> tuple[Path, Path, dict[str, tuple[float, ...]]]:
    """A volume stored in neither the order nor the direction of the display frame, a right mask, and the box around
    the upper left quarter of axial slice 20 in both frames."""
    volume = phantom.volume(SHAPE, direction=FLIPPED)  # k, j, i = 12, 40, 48; axial slices lie across j
    labels = phantom.ball(SHAPE).astype(np.uint8)
    image = files.write_volume(tmp_path / "v.nii.gz", volume)
    mask = files.write_volume(tmp_path / "l.nii.gz", volume, labels)
    # displayed: x towards the patient's left is against i (48), y towards posterior is along k (12)
    return image, mask, {"display": (2, 1, 24, 6), "file": (24, 1, 46, 6)}


def test_segment_puts_both_frames_boxes_in_one_place(evanyseg, turned, tmp_path: Path) -> None:
    image, _, boxes = turned
    masks = []
    for frame, box in boxes.items():
        out = tmp_path / f"{frame}.nii.gz"
        code, text, err = evanyseg(
            "segment", image, "--slice", 20, "--box", *box, "--box-frame", frame, "-o", out, "--json", *E, *S
        )
        assert code == 0, err
        (row,) = json.loads(text)["slices"]
        assert row["box"] == list(boxes["display"])
        assert row["box_frame"] == "display"
        masks.append(read_segmentation(out).layers[0])
    assert np.array_equal(*masks)
    k, j, i = np.nonzero(masks[0])
    assert set(j) == {20}
    assert (i.min() >= 24, k.max() < 6) == (True, True)
    whole = phantom.ball(SHAPE)[:, 20]
    assert masks[0].sum() == whole[1:6, 24:46].sum()


def test_segment_clicks_in_both_frames(evanyseg, turned, tmp_path: Path) -> None:
    image = turned[0]
    masks = []
    for frame, point in {"display": "30.5,4.5", "file": "17.5,4.5"}.items():
        out = tmp_path / f"{frame}.mha"
        clicks = ("--point", point, "--box-frame", frame)
        assert evanyseg("segment", image, "--slice", 20, *clicks, "-o", out, *E, *S)[0] == 0
        masks.append(read_segmentation(out).layers[0])
    assert np.array_equal(*masks)
    assert masks[0].any()


def test_score_takes_both_frames_and_writes_one(evanyseg, turned, tmp_path: Path) -> None:
    image, mask, boxes = turned
    found = []
    for frame, box in boxes.items():
        out = tmp_path / f"{frame}.csv"
        arguments = ("--slice", 20, "--box", *box, "--box-frame", frame, "-o", out)
        code, _, err = evanyseg("score", image, mask, *arguments, *E)
        assert code == 0, err
        found += table(out)
    assert found[0] == found[1]
    assert [float(found[0][n]) for n in ("x0", "y0", "x1", "y1")] == list(boxes["display"])
    assert found[0]["box_frame"] == "display"


def test_select_takes_both_frames(evanyseg, turned, tmp_path: Path) -> None:
    image, mask, boxes = turned
    files.write_volume(tmp_path / "none.nii.gz", phantom.volume(SHAPE, direction=FLIPPED), np.zeros(SHAPE, np.uint8))
    rankings = []
    for frame, box in boxes.items():
        where = ("--slice", 20, "--box", *box, "--box-frame", frame, "--json")
        for candidates in ((mask, tmp_path / "none.nii.gz"), S):
            code, text, err = evanyseg("select", image, *candidates, *where, *E)
            assert code == 0, err
            rankings.append([c["pred_dice"] for c in json.loads(text)["ranking"]])
    assert rankings[:2] == rankings[2:]


@pytest.mark.parametrize("what", ["segment", "score", "select", "select segmenter"])
def test_commands_refuse_a_volumes_box_without_its_frame(evanyseg, turned, tmp_path: Path, what: str) -> None:
    image, mask, boxes = turned
    out = tmp_path / "o.nii.gz"
    box = ("--slice", 20, "--box", *boxes["file"])
    command = {
        "segment": ("segment", image, "-o", out, *S),
        "score": ("score", image, mask),
        "select": ("select", image, mask, mask),
        "select segmenter": ("select", image, "-o", out, *S),
    }[what]
    code, _, err = evanyseg(*command, *box, *E)
    assert code == 2
    said = " ".join(err.split())
    assert "v.nii.gz is a volume and the frame of its box or points is not stated" in said
    assert "--box-frame" in said
    assert not out.exists()


def test_the_demo_refuses_too(turned) -> None:
    from evanyseg.commands.support.prompts import shown_prompts
    from evanyseg.io.read import read_image

    planes = stack_of(read_image(turned[0]))
    with pytest.raises(PromptError, match="not stated"):
        shown_prompts(planes, 20, None, [PointPrompt(3, 3)], None)
    assert shown_prompts(planes, 20, None, [], None) == (None, [])


@pytest.fixture
def single(tmp_path: Path) -> Path:
    """A folder with a single slice stored upside down and mirrored, and masks of it."""
    volume = phantom.volume((1, 40, 48), direction=np.diag([-1.0, -1, 1]))
    files.write_volume(tmp_path / "v.mha", volume)
    files.write_volume(tmp_path / "l.mha", volume, phantom.ball((1, 40, 48)).astype(np.uint8))
    pixels, mask = phantom.picture((40, 48))
    files.write_image_2d(tmp_path / "a.png", pixels)
    files.write_image_2d(tmp_path / "m.png", mask.astype(np.uint8) * 255)
    return tmp_path


DISPLAY, FILE = "4,5,30,20", "18,20,44,35"
"""One box on the single slice in both frames."""


def pairs(evanyseg, folder: Path, lines: list[str], *options: object) -> tuple[int, list[dict[str, str]]]:
    (folder / "pairs.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    code, _, _ = evanyseg("score", "--pairs", folder / "pairs.csv", "-o", folder / "out.csv", *options, *E)
    return code, table(folder / "out.csv")


def test_a_tables_column_states_the_frame(evanyseg, single: Path) -> None:
    lines = [
        "image,mask,x0,y0,x1,y1,box_frame,note",
        f"v.mha,l.mha,{DISPLAY},display,a",
        f"v.mha,l.mha,{FILE},file,b",
        f"v.mha,l.mha,{FILE},,c",
        f"v.mha,l.mha,{FILE},voxels,d",
        f"a.png,m.png,{DISPLAY},,e",
        "v.mha,l.mha,,,,,,f",
    ]
    code, rows = pairs(evanyseg, single, lines)
    assert code == 1
    assert rows[0]["pred_dice"] == rows[1]["pred_dice"] != ""
    assert "not stated" in rows[2]["caveats"]
    assert "can be 'display' or 'file'" in rows[3]["caveats"]
    assert [r["box_frame"] for r in rows] == ["display", "file", "", "voxels", "display", ""]
    assert rows[1]["x0"] == "18"  # a user's numbers stay the user's, and say what they are
    assert all(math.isfinite(float(rows[n]["pred_dice"])) for n in (0, 1, 4, 5))


def test_an_option_states_it_for_rows_that_do_not(evanyseg, single: Path) -> None:
    lines = ["image,mask,x0,y0,x1,y1", f"v.mha,l.mha,{FILE}", f"a.png,m.png,{DISPLAY}"]
    code, rows = pairs(evanyseg, single, lines, "--box-frame", "file")
    assert code == 0
    assert list(rows[0])[:7] == ["image", "mask", "x0", "y0", "x1", "y1", "box_frame"]
    assert [r["box_frame"] for r in rows] == ["file", "file"]
    other = pairs(evanyseg, single, ["image,mask,x0,y0,x1,y1,box_frame", f"v.mha,l.mha,{DISPLAY},display"])[1]
    assert other[0]["pred_dice"] == rows[0]["pred_dice"]
    again = pairs(evanyseg, single, (single / "out.csv").read_text().splitlines(), "--box-frame", "file")[1]
    assert again == other  # the row's own word counts


def test_compare_reads_and_states_the_frame(evanyseg, single: Path) -> None:
    boxes, out = single / "boxes.csv", single / "t.csv"
    run = lambda *options: evanyseg(
        "compare", "--boxes", boxes, *S, "--segmenter", "builtin", "--table", out, *options, *E
    )
    found = {}
    for frame, box in {"display": DISPLAY, "file": FILE}.items():
        boxes.write_text(f"image,x0,y0,x1,y1\nv.mha,{box}\n")
        assert run("--box-frame", frame)[0] == 0
        found[frame] = table(out)
        assert {r["box_frame"] for r in found[frame]} == {frame}
    assert [r["pred_dice"] for r in found["display"]] == [r["pred_dice"] for r in found["file"]]
    assert "box_frame" in COLUMNS
    boxes.write_text(f"image,x0,y0,x1,y1\nv.mha,{FILE}\n")
    _, _, err = run()
    assert "not stated" in err
