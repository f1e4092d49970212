"""Readers list what is in generated folders, and refuse folders that are not what they should be."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from evanyseg_training.data.readers import READERS, read
from evanyseg_training.errors import DataError, OptionError


def picture(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), values)
    return path


def disc(value: int = 255, side: int = 40) -> np.ndarray:
    out = np.zeros((side, side), np.uint8)
    return cv2.circle(out, (side // 2, side // 2), side // 4, value, -1)


def table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_an_unknown_reader_is_refused_with_the_list_of_names(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="sa-med2d"):
        read("zip", tmp_path)


def test_plain_csv_fills_what_it_lacks(tmp_path: Path) -> None:
    path = table(tmp_path / "mine.csv", [{"image": "a.png", "mask": "m/a.png"}, {"image": "b.png", "mask": "m/b.png"}])
    first, second = read("csv", path, modality="CT")
    assert (first.image, first.mask) == (tmp_path / "a.png", tmp_path / "m/a.png")
    assert first.subject != second.subject
    assert (first.set, first.source, first.use, first.modality, first.is_3d) == ("mine", "mine", "train", "CT", False)


def test_csv_without_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mask"):
        list(read("csv", table(tmp_path / "x.csv", [{"image": "a.png"}])))


def test_a_missing_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no table x\.csv"):
        list(read("csv", tmp_path / "x.csv"))


def test_index_keeps_predictions_people_and_volumes(tmp_path: Path) -> None:
    row = {"set": "s", "source": "o", "use": "evaluate-only", "modality": "MR", "label": "heart", "subject": "p1",
           "image": "i.nii.gz", "mask": "m.nii.gz", "mask_value": "1;2", "is_3d": "1", "prediction": "p.nii.gz",
           "prediction_source": "human rater 1"}  # fmt: skip
    table(tmp_path / "index.csv", [row])
    (record,) = read("index", tmp_path)
    assert record.is_3d
    assert record.mask_value == "1;2"
    assert record.prediction == tmp_path / "p.nii.gz"
    assert (record.source, record.use, record.prediction_source) == ("o", "evaluate-only", "human rater 1")


def test_an_index_must_tell_who_is_who(tmp_path: Path) -> None:
    table(tmp_path / "index.csv", [{"image": "a.png", "mask": "b.png", "set": "s"}])
    with pytest.raises(DataError, match="source, subject, use"):
        list(read("index", tmp_path))


def test_evanyseg_folders_pair_by_stem(tmp_path: Path) -> None:
    for part in ("train", "test"):
        picture(tmp_path / f"Polyp/{part}/images/p07_1.jpg", disc())
        picture(tmp_path / f"Polyp/{part}/masks/p07_1.png", disc())
    records = list(read("pairs", tmp_path, subject_by="_"))
    assert {r.set for r in records} == {"Polyp/train", "Polyp/test"}
    assert {r.source for r in records} == {"Polyp"}  # parts share people
    assert {r.subject for r in records} == {"p07"}


def test_label_maps_in_pairs_give_one_record_per_class(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png", disc())
    labels = disc(3)
    labels[:4, :4] = 7
    picture(tmp_path / "masks/a.png", labels)
    assert sorted(r.mask_value for r in read("pairs", tmp_path)) == ["3", "7"]


def test_an_image_without_its_mask_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png", disc())
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match=r"a\.png .* has no mask"):
        list(read("pairs", tmp_path))


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder 'images'"):
        list(read("pairs", tmp_path))


@pytest.mark.parametrize("mapping", [{"AMOS": {"liver": 6}}, {"AMOS": {"6": "liver"}}])
def test_sa_med2d_names_tell_modality_case_and_class(tmp_path: Path, mapping: dict) -> None:
    name = "ct_00--AMOS--amos_0004--z_0075"
    picture(tmp_path / f"images/{name}.png", disc())
    for instance in ("000", "001"):
        picture(tmp_path / f"masks/{name}--0006_{instance}.png", disc())
    (tmp_path / "SAMed2D_v1_class_mapping_id.json").write_text(json.dumps(mapping))
    first, second = read("sa-med2d", tmp_path)
    assert first.image == second.image == tmp_path / f"images/{name}.png"
    assert first.mask != second.mask
    assert (first.source, first.subject, first.modality, first.label) == ("AMOS", "amos_0004", "ct_00", "liver")


def test_odd_names_in_sa_med2d_are_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    picture(tmp_path / "masks/whatever.png", disc())
    with pytest.raises(DataError, match=r"whatever\.png"):
        list(read("sa-med2d", tmp_path))


def decathlon(folder: Path, labels: dict[str, str]) -> None:
    for name in ("imagesTr/la_003.nii.gz", "labelsTr/la_003.nii.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    case = {"image": "./imagesTr/la_003.nii.gz", "label": "./labelsTr/la_003.nii.gz"}
    described = {"modality": {"0": "MRI"}, "labels": labels, "training": [case]}
    (folder / "dataset.json").write_text(json.dumps(described))


def test_decathlon_tasks_give_one_record_per_label(tmp_path: Path) -> None:
    decathlon(tmp_path / "Task02_Heart", {"0": "background", "1": "left atrium", "2": "wall"})
    first, second = read("decathlon", tmp_path)
    assert (first.label, second.label) == ("left atrium", "wall")
    assert first.is_3d
    assert (first.subject, first.source, first.modality) == ("la_003", "Task02_Heart", "MRI")


def test_a_decathlon_list_with_a_missing_file_is_refused(tmp_path: Path) -> None:
    decathlon(tmp_path, {"0": "background", "1": "x"})
    (tmp_path / "imagesTr/la_003.nii.gz").unlink()
    with pytest.raises(DataError, match=r"la_003\.nii\.gz, which is not there"):
        list(read("decathlon", tmp_path))


def test_a_folder_that_is_no_decathlon_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no dataset\.json"):
        list(read("decathlon", tmp_path))


def test_every_reader_named_in_the_help_exists() -> None:
    from importlib import import_module

    for module, name in READERS.values():
        assert callable(getattr(import_module(f"evanyseg_training.data.readers.{module}"), name))
