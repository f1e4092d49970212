"""Segments are found by what people call them, label maps get the names that are known, and nothing is mixed up."""

from __future__ import annotations

import bz2
import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, table
from evanyseg.errors import ImageError
from evanyseg.io.names.totalsegmentator import TABLES
from evanyseg.io.read import read_segmentation
from evanyseg.io.seg_nrrd import write_seg_nrrd
from evanyseg.io.segmentation import Segment, Segmentation, segmentation_of_labels

DATASET = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1, "tumour": 2}, "numTraining": 1}
SNAP = """################################################
# ITK-SnAP Label Description File
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Left kidney, upper"
    2     0  255    0        1  1  1    "Zyste"
"""
CTBL = "# Color table file\n0 background 0 0 0 0\n1 left_kidney 255 0 0 255\n2 cyst 0 255 0 255\n"


def two_labels() -> np.ndarray:
    """A good one (1, the left half of the ball) and a bad one (2, the right half, shifted)."""
    ball = phantom.ball(SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, :24][ball[:, :, :24]] = 1
    labels[:, :, 24:][np.roll(ball, 12, axis=1)[:, :, 24:]] = 2
    return labels


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return files.write_volume(tmp_path / "v.nii.gz", phantom.volume(SHAPE))


def named_file(path: Path, *segments: tuple[str, str, int]) -> Path:
    grid = phantom.volume(SHAPE)
    made = tuple(Segment(i, name, value) for i, name, value in segments)
    write_seg_nrrd(path, Segmentation(grid, (two_labels(),), made))
    return path


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


def nrrd(path: Path, meta: str, data: np.ndarray, encoding: str = "raw", kinds: str = "", space: str = "") -> Path:
    """An NRRD file as other programs write it, [K, J, I] or [K, J, I, layers]."""
    sizes = " ".join(map(str, data.shape[::-1]))
    none = "none " * (data.ndim - 3)
    pack = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}[encoding]
    head = (
        f"NRRD0005\ntype: uint8\ndimension: {data.ndim}\nspace: {space or 'left-posterior-superior'}\nsizes: {sizes}\n"
        f"space directions: {none}(1,0,0) (0,1,0) (0,0,2)\nkinds: {kinds or 'domain domain domain'}\n"
        f"encoding: {encoding}\nspace origin: (1,2,3)\n{meta}\n"
    )
    path.write_bytes(head.encode() + pack(data.tobytes()))
    return path


def meta(*segments: tuple[int, str, str, int]) -> str:
    lines = [f"Segment{n}_ID:={i}\nSegment{n}_Name:={name}\nSegment{n}_LabelValue:={v}" for n, i, name, v in segments]
    return "\n".join(lines) + "\n" if lines else ""


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


# ---- names of label maps -----------------------------------------------------------------------------------------


def label_map(path: Path, labels: np.ndarray | None = None) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    return files.write_volume(path, phantom.volume(SHAPE), two_labels() if labels is None else labels)


def names_of(path: Path, **options: object) -> list[tuple[str, int]]:
    return [(s.name, s.value) for s in read_segmentation(path, **options).segments]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("dataset.json", json.dumps(DATASET), ["liver", "tumour"]),
        ("v1.json", json.dumps({"labels": {"0": "background", "1": "liver", "2": "tumour"}}), ["liver", "tumour"]),
        ("plain.json", '{"1": "liver", "2": "tumour"}', ["liver", "tumour"]),
        ("turned.json", '{"liver": 1, "tumour": "2"}', ["liver", "tumour"]),
        ("snap.txt", SNAP, ["Left kidney, upper", "Zyste"]),
        ("slicer.ctbl", CTBL, ["left kidney", "cyst"]),
        ("table.csv", "Value;Name\n1;liver\n2;Größe\n", ["liver", "Größe"]),
        ("table.tsv", "label\tstructure\n2\ttumour\n1\tliver\n", ["liver", "tumour"]),
    ],
)
def test_names_from_files_of_every_kind(
    evanyseg, image: Path, tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    mask = label_map(tmp_path / "l.nrrd")
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / name).write_text(text, encoding="utf-8")
    assert [n for n, _ in names_of(mask, names=tmp_path / "names" / name)] == expected
    arguments = ("score", image, mask, "--names", tmp_path / "names" / name, *E, "-o", tmp_path / "s.csv")
    code, _, err = evanyseg(*arguments, "--label", expected[0])
    assert code == 0, err
    assert f"Labels are named by {name}." in " ".join(err.split())
    assert {(r["segment"], r["segment_id"]) for r in table(tmp_path / "s.csv")} == {(expected[0], "Label_1")}
    assert evanyseg(*arguments, "--label", "Label_2")[0] == evanyseg(*arguments, "--label", "2")[0] == 0


def test_colours_come_with_the_names(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text(SNAP)
    found = read_segmentation(label_map(tmp_path / "l.nrrd"), names=tmp_path / "n.txt")
    assert found.segments[0].color == (1.0, 0.0, 0.0)


def test_names_of_the_file_itself(tmp_path: Path) -> None:
    """As TotalSegmentator writes them: Caret's XML in an extension of the NIfTI header."""
    plain = label_map(tmp_path / "l.nii").read_bytes()
    xml = b'<?xml version="1.0" encoding="UTF-8"?> <CaretExtension><VolumeInformation Index="0"><LabelTable>'
    xml += b'<Label Key="1" Red="1.0" Green="0.5" Blue="0" Alpha="1"><![CDATA[liver]]></Label>\n'
    xml += b'<Label Key="2" Red="0" Green="0" Blue="1" Alpha="1"><![CDATA[portal_vein & more]]></Label>\n'
    xml += b"</LabelTable></VolumeInformation></CaretExtension>\n     "
    size = -(-(len(xml) + 8) // 16) * 16
    section = struct.pack("<2i", size, 0) + xml.ljust(size - 8, b"\0")
    offset = 352 + size
    head = plain[:108] + struct.pack("<f", offset) + plain[112:348]
    path = tmp_path / "named.nii"
    path.write_bytes(head + b"\x01\0\0\0" + section + plain[352:])
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), two_labels())
    assert names_of(path) == [("liver", 1), ("portal_vein & more", 2)]
    assert read_segmentation(path).remarks[-1] == "Labels are named by the label table in the file itself."
    packed = tmp_path / "named.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert names_of(packed) == [("liver", 1), ("portal_vein & more", 2)]
    for damage in (b"<LabelTable>", b"Key=", b"</CaretExtension>"):  # what cannot be understood names nothing
        path.write_bytes(head + b"\x01\0\0\0" + section.replace(damage, b"?" * len(damage)) + plain[352:])
        assert [n for n, _ in names_of(path)] in (["Label 1", "Label 2"], ["liver", "portal_vein & more"])


def test_names_of_nnunets_folders(tmp_path: Path) -> None:
    predicted = label_map(tmp_path / "predictions" / "case_1.nii.gz")
    raw = label_map(tmp_path / "Dataset001_Liver" / "labelsTr" / "case_1.nii.gz")
    apart = label_map(tmp_path / "Dataset001_Liver" / "mine" / "case_1.nii.gz")
    for folder in (predicted.parent, raw.parent.parent):
        (folder / "dataset.json").write_text(json.dumps(DATASET))
    assert names_of(predicted) == names_of(raw) == [("liver", 1), ("tumour", 2)]
    assert names_of(apart) == [("Label 1", 1), ("Label 2", 2)]
    (predicted.parent / "dataset.json").write_text('{"labels": {"liver": 1}}')  # somebody else's file of that name
    assert names_of(predicted) == [("Label 1", 1), ("Label 2", 2)]
    (predicted.parent / "dataset.json").write_text("{")
    assert names_of(predicted) == [("Label 1", 1), ("Label 2", 2)]
    (predicted.parent / "dataset.json").write_text(json.dumps({**DATASET, "labels": {"background": 0, "lung": 5}}))
    assert names_of(predicted) == [("Label 1", 1), ("Label 2", 2)]


def test_regions_are_unions_of_values_and_ignore_is_no_structure(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:9, 5:20, 5:20] = 2
    labels[2:9, 8:15, 8:15] = 1
    labels[3:6, 10:12, 10:12] = 3
    labels[:, 30:] = 4
    regions = {"background": 0, "whole tumour": [1, 2, 3], "core": [1, 3], "enhancing": 3, "ignore": 4}
    (tmp_path / "n.json").write_text(json.dumps({"labels": regions, "regions_class_order": [1, 2, 3]}))
    found = read_segmentation(label_map(tmp_path / "l.nii.gz", labels), names=tmp_path / "n.json")
    sizes = {s.name: int(found.mask(s).sum()) for s in found.segments}
    expected = {"whole tumour": [1, 2, 3], "core": [1, 3], "enhancing": [3]}
    assert sizes == {name: int(np.isin(labels, values).sum()) for name, values in expected.items()}
    assert len({s.id for s in found.segments}) == 3
    assert "The value 4 is 'ignore' there and is left out." in found.remarks


def test_values_without_a_name_keep_their_number_and_are_said(tmp_path: Path) -> None:
    (tmp_path / "n.json").write_text('{"1": "liver", "5": "spleen"}')
    found = read_segmentation(label_map(tmp_path / "l.nrrd"), names=tmp_path / "n.json")
    assert [s.name for s in found.segments] == ["liver", "Label 2"]
    assert "It has no name for the values 2." in found.remarks


def test_known_classes_by_their_word(evanyseg, image: Path, tmp_path: Path) -> None:
    assert (len(TABLES["totalsegmentator"]), len(TABLES["totalsegmentator-mr"])) == (117, 50)
    assert all(len(set(names)) == len(names) for names in TABLES.values())
    for value, name in {
        1: "spleen",
        5: "liver",
        52: "aorta",
        92: "rib_left_1",
        115: "rib_right_12",
        117: "costal_cartilages",
    }.items():
        assert TABLES["totalsegmentator"][value - 1] == name
    mask = label_map(tmp_path / "l.nii.gz", np.where(two_labels() == 1, 5, 0).astype(np.uint8))
    assert evanyseg("score", image, mask, "--names", "totalsegmentator", *E, "-o", tmp_path / "s.csv")[0] == 0
    assert {r["segment"] for r in table(tmp_path / "s.csv")} == {"liver"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not valid JSON"),
        ('{"labels": {}}', "names no labels"),
        ("some words\n", "names no labels"),
        ("value,name\n1.5,liver\n", "'1.5' in the column value"),
        ('{"7": "spleen"}', "names the labels 7, but l.nrrd has 1, 2: do they belong together?"),
    ],
)
def test_names_that_cannot_be_used(evanyseg, image: Path, tmp_path: Path, text: str, why: str) -> None:
    mask = label_map(tmp_path / "l.nrrd")
    (tmp_path / "n.txt").write_text(text)
    code, _, err = evanyseg("score", image, mask, "--names", tmp_path / "n.txt", "--estimator", "brigth")
    assert (code, why in " ".join(err.split())) == (2, True), err
    assert "There is no file" in evanyseg("score", image, mask, "--names", tmp_path / "gone", *E)[2]
    seg = named_file(tmp_path / "s.seg.nrrd", ("a", "a", 1), ("b", "b", 2))
    assert "names its segments itself" in " ".join(
        evanyseg("score", image, seg, "--names", "totalsegmentator", *E)[2].split()
    )


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
    mask = files.write_picture(tmp_path / "m.png", labels)
    picture = files.write_picture(tmp_path / "i.png", (labels > 0).astype(np.uint8) * 200)
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
