"""Segments are found by what people call them, label maps get the names that are known, and nothing is mixed up."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, table
from engine.segments import named_file, two_labels
from evanyseg.io.names.totalsegmentator import TABLES
from evanyseg.io.read import read_segmentation

DATASET = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1, "tumour": 2}, "numTraining": 1}
SNAP = """################################################
# ITK-SnAP Label Description File
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Left kidney, upper"
    2     0  255    0        1  1  1    "Zyste"
"""
CTBL = "# Color table file\n0 background 0 0 0 0\n1 left_kidney 255 0 0 255\n2 cyst 0 255 0 255\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return files.write_volume(tmp_path / "v.nii.gz", phantom.volume(SHAPE))


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


def test_colors_come_with_the_names(tmp_path: Path) -> None:
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
