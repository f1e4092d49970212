"""`evanyseg audit` on data sets made here: two organs, some masks bad, some names wrong, people of two groups."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine.audit_sets import nnunet, organs, save
from engine.cli_fixtures import E, table
from evanyseg.audit.layouts import read_dataset
from evanyseg.errors import ImageError

STOPPED_AT = """
import os
import evanyseg.audit.measure as measure
real, seen = measure.read_image, []
def stopping(path, *a, **k):
    seen.append(path)
    if len(seen) == {}:
        os.kill(os.getpid(), signal.SIGINT)
    return real(path, *a, **k)
measure.read_image = stopping
"""
"""Run first: the audit is stopped when it reads that many images."""


def test_an_nnunet_folder_is_audited_and_the_page_shows_what_is_wrong(evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "Dataset001", bad=(2, 5), swapped=(7,))
    people = tmp_path / "people.csv"
    people.write_text("case,sex,site\n" + "".join(f"case_{n:02},{'FM'[n % 2]},here\n" for n in range(9)))
    code, out, err = evanyseg("audit", folder, "-o", tmp_path / "out", *E, "--metadata", people, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [entry["label"] for entry in found["labels"]] == ["kidney_left", "kidney_right"]
    left, right = found["labels"]
    assert left["cases"] == left["scored"] == 9
    assert left["share_below_0.8"] == pytest.approx(2 / 9)
    assert right["share_below_0.8"] == 0
    assert set(left["worst"].split("; ")[:2]) == {"case_02", "case_05"}
    assert left["mean_low"] < left["mean_pred_dice"] < left["mean_high"]
    assert {(s["case"], s["label"]) for s in found["suspicions"]} == {
        ("case_07", "kidney_left"),
        ("case_07", "kidney_right"),
    }
    assert {(g["label"], g["column"]) for g in found["groups"]} == {("kidney_left", "sex"), ("kidney_right", "sex")}
    assert found["not_compared"] == ["site: it has one value, here."]
    rows = table(tmp_path / "out" / "cases.csv")
    assert len(rows) == 18
    first = rows[0]
    assert (first["label"], first["sex"], first["slices"]) == ("kidney_left", "F", "9")
    # 8-bit voxel counts by hand: size in mm3
    labels = organs(0)[1]
    assert float(first["size"]) == pytest.approx(np.count_nonzero(labels == 1) * 1.5 * 1.5 * 4)
    page = (tmp_path / "out" / "audit.html").read_text()
    assert page.count("<img ") == 10
    assert "left and right exchanged" in page
    assert "<li>site: it has one value, here.</li>" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    parquet = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "out" / "cases.parquet")
    assert parquet.num_rows == 18
    kinds = {field.name: str(field.type) for field in parquet.schema}
    numbers = {"slices", "scored", "size", "right", "anterior", "superior", "pred_dice", "low", "high", "worst_slice"}
    assert {name for name, kind in kinds.items() if kind == "double"} == numbers | {"worst_dice", "truth"}
    assert {kind for kind in kinds.values() if kind != "double"} == {"string"}
    assert parquet["truth"].null_count == 18


def test_what_reading_the_files_gave_rise_to_is_told(evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "Dataset001", count=3)
    labels = organs(1)[1]
    labels[0, :3, :3] = 3
    save(folder / "labelsTr" / "case_01.nii.gz", labels)
    audit = ("audit", folder, "-o", tmp_path / "out", *E)
    code, out, err = evanyseg(*audit)
    assert code == 0, err
    said = " ".join((out + err).split())
    assert "Note, case_01: Labels are named by dataset.json. It has no name for the values 3." in said
    assert "Note, case_00 and 1 other: Labels are named by dataset.json." in said
    rows = {(row["case"], row["label"]): row["remarks"] for row in table(tmp_path / "out" / "cases.csv")}
    assert rows["case_01", "kidney_left"].endswith("no name for the values 3.")
    assert rows["case_00", "kidney_left"] == "Labels are named by dataset.json."
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert [remark["cases"] for remark in document["remarks"]] == [["case_01"], ["case_00", "case_02"]]
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "<li><b>case_01</b>: Labels are named by dataset.json. It has no name for the values 3.</li>" in page


def test_masks_of_a_model_take_the_labels_place(evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 3)
    for n in range(2):
        save(tmp_path / "predicted" / f"case_{n:02}.nii.gz", organs(n, bad=True)[1])
    code, out, err = evanyseg("audit", folder, "--masks", tmp_path / "predicted", "-o", tmp_path / "out", *E, "--json")
    assert code == 0, err
    left = next(entry for entry in json.loads(out)["labels"] if entry["label"] == "kidney_left")
    assert (left["cases"], left["share_below_0.8"]) == (2, 1.0)


def test_few_slices_stand_for_a_volume(evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 2)
    for slices, scored in (("3", "3"), ("all", "9")):
        code, _, err = evanyseg("audit", folder, "-o", tmp_path / slices, *E, "--slices", slices)
        assert code == 0, err
        assert {row["scored"] for row in table(tmp_path / slices / "cases.csv")} == {scored}
    code, _, err = evanyseg("audit", folder, "-o", tmp_path / "none", *E, "--slices", "0")
    assert code == 2
    assert "write 10, or all" in err


def test_a_stopped_audit_goes_on_and_gives_the_same(bright_process, evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 6, bad=(1,))
    stopped = bright_process("audit", folder, "-o", "out", *E, folder=tmp_path, prelude=STOPPED_AT.format(4))
    assert stopped.returncode not in (0, 1, 2)
    assert "6 finished rows are kept" in stopped.stderr
    assert not (tmp_path / "out" / "cases.csv").exists()
    code, _, err = evanyseg("audit", folder, "-o", tmp_path / "out", *E)
    assert code == 2
    assert "--resume" in err
    again = bright_process("audit", folder, "-o", "out", *E, "--resume", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    code, _, err = evanyseg("audit", folder, "-o", tmp_path / "whole", *E)
    assert code == 0, err
    assert (tmp_path / "out" / "cases.csv").read_text() == (tmp_path / "whole" / "cases.csv").read_text()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        p.name for p in (tmp_path / "whole").iterdir()
    )


def test_a_stopped_audit_tries_again_what_failed(bright_process, evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 4)
    (image,) = folder.rglob("case_01_0000*")
    whole = image.read_bytes()
    image.write_bytes(b"half copied")
    stopped = bright_process("audit", folder, "-o", "out", *E, folder=tmp_path, prelude=STOPPED_AT.format(3))
    assert "3 finished rows are kept" in stopped.stderr
    image.write_bytes(whole)
    again = bright_process("audit", folder, "-o", "out", *E, "--resume", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    rows = table(tmp_path / "out" / "cases.csv")
    assert sorted({r["case"] for r in rows}) == [f"case_{n:02}" for n in range(4)]
    assert len(rows) == 8
    assert all(r["pred_dice"] for r in rows)


def test_a_table_with_known_truth_gets_map_at_k(evanyseg, tmp_path: Path) -> None:
    rows = []
    for n in range(12):
        image, labels = organs(n, bad=n < 3)
        save(tmp_path / f"i{n}.nii.gz", image)
        save(tmp_path / f"m{n}.nii.gz", labels)
        rows.append({"image": f"i{n}.nii.gz", "mask": f"m{n}.nii.gz", "label": "1", "dice": 0.6 if n < 3 else 0.99})
    pairs = tmp_path / "pairs.csv"
    with pairs.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    code, out, err = evanyseg("audit", pairs, "-o", tmp_path / "out", *E, "--truth-column", "dice", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["precision@5"] >= 0.6
    assert found["MAP@5"] > 0.5
    pairs.write_text(pairs.read_text().replace("0.6", "60", 1))
    code, _, err = evanyseg("audit", pairs, "-o", tmp_path / "out2", *E, "--truth-column", "dice")
    assert code == 2
    assert "row 2" in err


def test_a_case_that_cannot_be_read_is_named_and_the_others_are_scored(evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 3)
    (folder / "labelsTr" / "case_01.nii.gz").write_bytes(b"not an image")
    code, _, err = evanyseg("audit", folder, "-o", tmp_path / "out", *E)
    assert code == 1
    assert "case_01" in err
    assert "1 of 3 cases failed" in err
    assert len(table(tmp_path / "out" / "cases.csv")) == 5
    for n in range(3):
        (folder / "labelsTr" / f"case_{n:02}.nii.gz").write_bytes(b"not an image")
    code, _, err = evanyseg("audit", folder, "-o", tmp_path / "out2", *E)
    assert code == 2
    assert "None of the 3 cases" in err


def test_a_decathlon_folder(tmp_path: Path) -> None:
    image, labels = organs(0)
    save(tmp_path / "imagesTr" / "a.nii.gz", image)
    save(tmp_path / "labelsTr" / "a.nii.gz", labels)
    pair = {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}
    describe = lambda entry: (tmp_path / "dataset.json").write_text(json.dumps({"training": [entry]}))
    describe(pair)
    (case,) = read_dataset(tmp_path)
    assert (case.name, case.mask.name) == ("a", "a.nii.gz")
    describe({**pair, "label": "../../etc/passwd"})
    with pytest.raises(ImageError, match="outside of the data set"):
        read_dataset(tmp_path)
    describe({"image": 3})
    with pytest.raises(ImageError, match="no pair"):
        read_dataset(tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(ImageError, match="JSON"):
        read_dataset(tmp_path)


def test_bids_derivatives_with_people(tmp_path: Path) -> None:
    image, labels = organs(0)
    raw, made = tmp_path / "raw", tmp_path / "raw" / "derivatives" / "seg"
    for sub in ("01", "02"):
        save(raw / f"sub-{sub}" / "anat" / f"sub-{sub}_T1w.nii.gz", image)
        save(made / f"sub-{sub}" / "anat" / f"sub-{sub}_desc-auto_dseg.nii.gz", labels)
    (raw / "participants.tsv").write_text("participant_id\tsex\tage\nsub-01\tF\t44\nsub-02\tn/a\t51\n")
    first, second = read_dataset(made)
    assert (first.subject, first.image.name, dict(first.metadata)) == (
        "01",
        "sub-01_T1w.nii.gz",
        {"age": "44", "sex": "F"},
    )
    assert second.metadata["sex"] == ""
    save(raw / "sub-01" / "anat" / "sub-01_T2w.nii.gz", image)
    with pytest.raises(ImageError, match="fits several images"):
        read_dataset(made)
    for path in (raw / "sub-02" / "anat").iterdir():
        path.unlink()
    for path in (raw / "sub-01" / "anat").glob("*T2w*"):
        path.unlink()
    with pytest.raises(ImageError, match="no image for"):
        read_dataset(made)


@pytest.mark.parametrize(
    ("made", "options", "words"),
    [
        (lambda p: p / "nothing", {}, "There is no"),
        (lambda p: p, {}, "dataset.json"),
        (lambda p: nnunet(p, 1), {"truth_column": "dice"}, "a folder has none"),
        (lambda p: nnunet(p, 0), {}, "no case"),
    ],
)
def test_what_is_no_data_set_is_said(tmp_path: Path, made, options: dict, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        read_dataset(made(tmp_path), **options)


def test_a_mask_without_image_and_metadata_of_nobody(tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 2)
    people = tmp_path / "p.csv"
    people.write_text("case,sex\nsomebody,F\n")
    with pytest.raises(ImageError, match="None of the 1 rows"):
        read_dataset(folder, metadata=people)
    people.write_text("case,sex\ncase_00,F\ncase_00,M\n")
    with pytest.raises(ImageError, match="two rows"):
        read_dataset(folder, metadata=people)
    (folder / "imagesTr" / "case_01_0000.nii.gz").unlink()
    with pytest.raises(ImageError, match="have no image"):
        read_dataset(folder)


def test_rows_of_one_image_with_several_masks_or_labels_stay_apart(bright_process, evanyseg, tmp_path: Path) -> None:
    image, good = organs(0)
    save(tmp_path / "i.nii.gz", image)
    save(tmp_path / "good.nii.gz", good)
    save(tmp_path / "bad.nii.gz", organs(0, bad=True)[1])
    pairs = tmp_path / "pairs.csv"
    rows = [f"i.nii.gz,{mask}.nii.gz,{label},{dice}" for mask, dice in (("good", 1), ("bad", 0.6)) for label in (1, 2)]
    pairs.write_text("\n".join(["image,mask,label,dice", *rows]) + "\n")
    more = (*E, "--truth-column", "dice")
    code, _, err = evanyseg("audit", pairs, "-o", tmp_path / "whole", *more)
    assert code == 0, err
    found = table(tmp_path / "whole" / "cases.csv")
    assert [(Path(r["mask"]).name, r["label_id"][-1]) for r in found] == [
        ("good.nii.gz", "1"), ("good.nii.gz", "2"), ("bad.nii.gz", "1"), ("bad.nii.gz", "2"),
    ]  # fmt: skip
    assert float(found[2]["pred_dice"]) < float(found[0]["pred_dice"]) - 0.1
    # the two masks of the left organ are pictured each as it was scored
    page = (tmp_path / "whole" / "audit.html").read_text()
    images = re.findall(r'src="(data:image/png;base64,[^"]+)"', page)
    assert len(images) == 4
    assert len(set(images[:2])) == 2
    stopped = bright_process("audit", pairs, "-o", "out", *more, folder=tmp_path, prelude=STOPPED_AT.format(3))
    assert "2 finished rows are kept" in stopped.stderr
    again = bright_process("audit", pairs, "-o", "out", *more, "--resume", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out" / "cases.csv").read_text() == (tmp_path / "whole" / "cases.csv").read_text()


def test_metadata_that_says_nothing_and_masks_that_lie_elsewhere_are_told(evanyseg, tmp_path: Path) -> None:
    folder = nnunet(tmp_path / "d", 8)
    people = tmp_path / "people.csv"
    people.write_text("case,site,sex\n" + "".join(f"case_{n:02},here,{'FM'[n % 2] if n else ''}\n" for n in range(8)))
    elsewhere = sitk.GetImageFromArray(organs(7)[1])
    elsewhere.SetSpacing((1.5, 1.5, 4.0))
    elsewhere.SetOrigin((500.0, 0.0, 0.0))
    sitk.WriteImage(elsewhere, str(folder / "labelsTr" / "case_07.nii.gz"))
    code, _, err = evanyseg("audit", folder, "-o", tmp_path / "out", *E, "--metadata", people)
    assert code == 1, err
    assert "Not compared: site: it has one value, here." in err
    assert "case_07: " in err
    assert "(500 mm apart): save it again with the image's own geometry" in err
    assert "1 of 8 cases failed; the others are scored" in err
    (group,) = [g for g in table(tmp_path / "out" / "groups.csv") if g["label"] == "kidney_left"]
    assert (group["column"], group["left_out"]) == ("sex", "1"), "case_00 has no sex"
