"""Segments are found by what people call them and told apart by their ids; files of Slicer that hold odd segments."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, table
from engine.segments import meta, named_file, nrrd, two_labels
from evanyseg.errors import ImageError
from evanyseg.io.read import read_segmentation
from evanyseg.io.segmentation import Segment, Segmentation, segmentation_of_labels


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return files.write_volume(tmp_path / "v.nii.gz", phantom.volume(SHAPE))


# ---- which segment is meant --------------------------------------------------------------------------------------


def test_segments_of_one_name_keep_their_rows_and_ids(evanyseg, image: Path, tmp_path: Path) -> None:
    mask = named_file(tmp_path / "s.seg.nrrd", ("Segment_1", "lesion", 1), ("Segment_2", "lesion", 2))
    out, report = tmp_path / "s.csv", tmp_path / "r.html"
    code, text, err = evanyseg("score", image, mask, *E, "-o", out, "--report", report)
    assert code == 0, err
    rows = table(out)
    assert {r["segment"] for r in rows} == {"lesion"}
    assert {r["segment_id"] for r in rows} == {"Segment_1", "Segment_2"}
    good = [float(r["pred_dice"]) for r in rows if r["segment_id"] == "Segment_1"]
    bad = [float(r["pred_dice"]) for r in rows if r["segment_id"] == "Segment_2"]
    assert np.mean(good) > np.mean(bad) + 0.1
    for label in ("lesion (Segment_1)", "lesion (Segment_2)"):
        assert label in text
        assert label in report.read_text(encoding="utf-8")
    found = json.loads(evanyseg("score", image, mask, *E, "--json")[1])
    assert [s["segment_id"] for s in found["summaries"]] == ["Segment_1", "Segment_2"]


def test_an_ambiguous_word_is_refused_with_the_ids(evanyseg, image: Path, tmp_path: Path) -> None:
    mask = named_file(tmp_path / "s.seg.nrrd", ("Segment_1", "lesion", 1), ("Segment_2", "lesion", 2))
    code, _, err = evanyseg("score", image, mask, *E, "--label", "lesion")
    assert code == 2
    assert "'lesion' means 2 segments of s.seg.nrrd; name one by its id: Segment_1, Segment_2." in " ".join(err.split())
    for word in ("Segment_2", "2", "2.0"):
        assert evanyseg("score", image, mask, *E, "--label", word, "-o", tmp_path / "s.csv")[0] == 0
        assert {r["segment_id"] for r in table(tmp_path / "s.csv")} == {"Segment_2"}


def test_a_name_goes_before_an_id_and_an_id_before_a_value() -> None:
    grid, layer = phantom.volume(SHAPE), two_labels()
    found = Segmentation(grid, (layer,), (Segment("2", "b", 1), Segment("1", "2", 2), Segment("x", "1", 3)))
    assert [found.named(word).value for word in ("2", "1", "b", "x", "3")] == [2, 3, 1, 3, 3]
    layers = Segmentation(grid, (layer, layer), (Segment("a", "a", 1, 0), Segment("b", "b", 1, 1)))
    with pytest.raises(ImageError, match="name one by its id: a, b"):
        layers.named("1")
    with pytest.raises(ImageError, match=r"no segment 'live'.*Did you mean 'liver'\?"):
        Segmentation(grid, (layer,), (Segment("1", "liver", 1),)).named("live")
    assert len(found.only(["2", "1", "2"]).segments) == 2


def test_a_table_names_labels_by_name_id_or_value(evanyseg, image: Path, tmp_path: Path) -> None:
    named_file(tmp_path / "s.seg.nrrd", ("Segment_1", "liver", 1), ("Segment_2", "7", 2))
    rows = ["liver", "Segment_1", "1", "1.0", "7", "2", "liver;7", "spleen"]
    (tmp_path / "p.csv").write_text("image,mask,what\n" + "".join(f"v.nii.gz,s.seg.nrrd,{r}\n" for r in rows))
    code, _, err = evanyseg(
        "score", "--pairs", tmp_path / "p.csv", "--label-column", "what", *E, "-o", tmp_path / "s.csv"
    )
    assert code == 1
    assert "row 8: There is no segment 'spleen'" in " ".join(err.split())
    scores = [r["pred_dice"] for r in table(tmp_path / "s.csv")]
    assert len(set(scores[:4])) == 1
    assert len(set(scores[4:6])) == 1
    assert len({scores[0], scores[4], scores[6]}) == 3


# ---- Slicer's own files ------------------------------------------------------------------------------------------


def test_numbers_of_segments_may_have_gaps(tmp_path: Path) -> None:
    text = meta((3, "a", "liver", 1), (12, "b", "spleen", 2))
    found = read_segmentation(nrrd(tmp_path / "s.seg.nrrd", text, two_labels()))
    assert [(s.id, s.name, s.value) for s in found.segments] == [("a", "liver", 1), ("b", "spleen", 2)]
    layers = np.stack([two_labels() == 1, two_labels() == 2], axis=-1).astype(np.uint8)
    old = "Segment2_ID:=a\nSegment2_Name:=liver\nSegment5_ID:=b\nSegment5_Name:=spleen\n"
    found = read_segmentation(nrrd(tmp_path / "o.seg.nrrd", old, layers, kinds="list domain domain domain"))
    assert [int(found.mask(s).sum()) for s in found.segments] == [int((two_labels() == v).sum()) for v in (1, 2)]


def test_ids_that_are_there_twice_are_told_apart(tmp_path: Path) -> None:
    text = meta((0, "Segment_1", "liver", 1), (1, "Segment_1", "spleen", 2))
    found = read_segmentation(nrrd(tmp_path / "s.seg.nrrd", text, two_labels()))
    assert [s.id for s in found.segments] == ["Segment_1", "Segment_1_2"]


def test_segments_and_voxels_that_do_not_belong_together(evanyseg, image: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "s.seg.nrrd", tmp_path / "s.csv"
    nrrd(path, meta((0, "a", "liver", 7)), two_labels())
    code, text, err = evanyseg("score", image, path, *E, "-o", out)
    assert (code, text, out.exists()) == (2, "", False)
    assert "names segments that none of its voxels belongs to: the voxels hold 1, 2, the header knows 7" in " ".join(
        err.split()
    )
    nrrd(path, meta((0, "a", "liver", 1), (1, "b", "liver too", 1)), two_labels())
    assert "gives 'liver' and 'liver too' the same voxels" in " ".join(evanyseg("score", image, path, *E)[2].split())
    nrrd(path, meta((0, "a", "liver", 1), (1, "b", "empty one", 9)), two_labels())
    found = read_segmentation(path)
    assert found.remarks == (
        "s.seg.nrrd has voxels of the value 2, which no segment claims: they are left out.",
        "Without voxels, and so without a score: empty one.",
    )
    code, _, err = evanyseg("score", image, path, *E, "--label", "empty one")
    assert (code, "no voxel of s.seg.nrrd belongs to empty one" in " ".join(err.split())) == (2, True)


@pytest.mark.parametrize("key", ["MasterRepresentation", "SourceRepresentation", "ContainedRepresentationNames"])
def test_fractional_maps_are_refused_in_words(evanyseg, image: Path, tmp_path: Path, key: str) -> None:
    text = meta((0, "a", "liver", 1)) + f"Segmentation_{key}:=Fractional labelmap\n"
    path = nrrd(tmp_path / "s.seg.nrrd", text, two_labels() * 127)
    code, _, err = evanyseg("score", image, path, *E, "-o", tmp_path / "s.csv")
    assert (code, "holds a fractional label map" in " ".join(err.split())) == (2, True)
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("detached", [False, True])
def test_bzip2_is_read(tmp_path: Path, detached: bool) -> None:
    path = nrrd(tmp_path / "s.seg.nrrd", meta((0, "a", "liver, left lobe", 1)), two_labels(), "bzip2")
    if detached:
        head, data = path.read_bytes().split(b"\n\n", 1)
        (tmp_path / "voxels of it.bz2").write_bytes(b"skipped\n" + data)
        path.write_bytes(head + b"\nline skip: 1\ndata file: voxels of it.bz2\n")
    before = sorted(tmp_path.iterdir())
    found = read_segmentation(path)
    assert np.array_equal(found.layers[0], two_labels())
    assert (found.segments[0].name, found.grid.origin) == ("liver, left lobe", (1.0, 2.0, 3.0))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("space", "origin", "placed"),
    [
        ("left-posterior-superior", (1, 2, 3), True),
        ("LPS", (1, 2, 3), True),
        ("right-anterior-superior", (-1, -2, 3), True),
        ("RAS", (-1, -2, 3), True),
        ("left-anterior-superior", (1, -2, 3), True),
        ("scanner-xyz", (1, 2, 3), False),
        ("3D-left-handed", (1, 2, 3), False),
    ],
)
def test_spaces_are_turned_or_not_believed(tmp_path: Path, space: str, origin: tuple, placed: bool) -> None:
    found = read_segmentation(nrrd(tmp_path / "s.seg.nrrd", meta((0, "a", "x", 1)), two_labels(), space=space))
    assert (found.grid.origin, found.grid.has_geometry) == (tuple(map(float, origin)), placed)


# ---- maps of instances -------------------------------------------------------------------------------------------


def instances(count: int) -> np.ndarray:
    """[1, H, W] of patches of 5 x 5 pixels with a gap between them, each its own value."""
    side = int(np.ceil(np.sqrt(count)))
    patch = np.zeros((6, 6), bool)
    patch[:5, :5] = True
    numbers = np.arange(1, side * side + 1).reshape(side, side)
    numbers[numbers > count] = 0
    return (np.kron(numbers, np.ones((6, 6), int)) * np.tile(patch, (side, side)))[None].astype(np.uint16)


def test_five_thousand_instances_are_a_mask(evanyseg, tmp_path: Path) -> None:
    labels = instances(5000)[0]
    mask = files.write_image_2d(tmp_path / "m.png", labels)
    picture = files.write_image_2d(tmp_path / "i.png", (labels > 0).astype(np.uint8) * 200)
    out, report = tmp_path / "s.csv", tmp_path / "r.html"
    code, text, err = evanyseg("score", picture, mask, "--threshold", "labels", *E, "-o", out, "--report", report)
    assert code == 0, err
    rows = table(out)
    assert len({r["segment_id"] for r in rows}) == 5000
    assert all(r["area_px"] == "25" for r in rows)
    assert text.count("\n") < 200
    assert report.read_text(encoding="utf-8").count('class="card"') == 100


def test_an_image_with_as_many_values_is_none() -> None:
    values = np.random.default_rng(0).integers(0, 9000, (1, 500, 500)).astype(np.uint16)
    with pytest.raises(ImageError, match="is it an image instead of a mask"):
        segmentation_of_labels(values, phantom.volume((1, 500, 500)))
    ramp = np.arange(500 * 500).reshape(1, 500, 500).astype(np.uint32)
    with pytest.raises(ImageError, match="is it an image instead of a mask"):
        segmentation_of_labels(ramp, phantom.volume((1, 500, 500)))
    assert len(segmentation_of_labels(instances(5000), phantom.volume((1, 426, 426))).segments) == 5000
