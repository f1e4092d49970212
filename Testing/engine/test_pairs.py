"""A table of pairs is scored as a stream; rows that fail say why and the others are scored."""

from __future__ import annotations

import csv
import gc
import tracemalloc
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from doubles import BrightEstimator
from engine import files, phantom
from evanyseg.errors import CancelledError, ImageError, OutputError
from evanyseg.io.tables import open_table
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.scoring.pair_rows import PairOptions, PairRows, ScoredRow
from evanyseg.scoring.pairs import PairsResult, log_of_pairs, score_table

ADDED = ["pred_dice", "low", "high", "caveats", "estimator", "intensity"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pixels, mask = phantom.picture()
    files.write_image_2d(tmp_path / "a.png", pixels)
    files.write_image_2d(tmp_path / "good.png", mask.astype(np.uint8) * 255)
    files.write_image_2d(tmp_path / "bad.png", np.roll(mask, 20, axis=1).astype(np.uint8) * 255)
    files.write_image_2d(tmp_path / "empty.png", np.zeros_like(pixels))
    files.write_image_2d(tmp_path / "small.png", np.zeros((3, 3), np.uint8))
    labels = np.where(mask, 3, 0).astype(np.uint8)
    labels[:4, :4] = 9
    files.write_image_2d(tmp_path / "labels.png", labels)
    return tmp_path


def score(scorer: PairRows, table: Path, out: Path, *hooks, needed=("image", "mask"), **more) -> PairsResult:
    given = open_table(table, needed)
    return score_table(scorer, given, log_of_pairs(given, out), *hooks, **more)


def run(folder: Path, text: str, **options) -> tuple[list[dict[str, str]], object]:
    (folder / "pairs.csv").write_text(text, encoding="utf-8")
    scorer = PairRows(SlicePipeline(BrightEstimator(batch=2)), PairOptions(**options))
    column = options.get("label_column")
    needed = ["image", "mask", *([column] if column else [])]
    result = score(scorer, folder / "pairs.csv", folder / "out.csv", needed=needed)
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), result


def test_scores_are_added_and_further_columns_kept_in_order(folder: Path) -> None:
    rows, result = run(folder, 'patient,image,mask,note\n7,a.png,good.png,"x, y"\n8,a.png,bad.png,ü\n')
    assert list(rows[0]) == ["patient", "image", "mask", "note", *ADDED]
    assert [r["patient"] for r in rows] == ["7", "8"]
    assert [r["note"] for r in rows] == ["x, y", "ü"]
    assert float(rows[0]["pred_dice"]) > 0.99 > 0.6 > float(rows[1]["pred_dice"])
    assert float(rows[1]["low"]) < float(rows[1]["pred_dice"]) < float(rows[1]["high"])
    assert (result.rows, result.failed) == (2, 0)


@pytest.mark.parametrize("spell", ["slashes", "composed", "decomposed", "home"])
def test_files_are_found_as_other_systems_spell_them(folder: Path, spell: str, monkeypatch) -> None:
    form = "NFD" if spell == "composed" else "NFC"
    here = folder / unicodedata.normalize(form, "Schädel")
    here.mkdir()
    for name in ("a.png", "good.png"):
        (folder / name).rename(here / name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    other = unicodedata.normalize("NFC" if form == "NFD" else "NFD", "Schädel")
    cells = {"slashes": f"{here.name}\\NAME", "home": f"~/{here.name}/NAME"}.get(spell, f"{other}/NAME")
    row = ",".join(cells.replace("NAME", name) for name in ("a.png", "good.png"))
    rows, result = run(folder, f"image,mask\n{row}\n")
    assert result.failed == 0
    assert float(rows[0]["pred_dice"]) > 0.99


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("gone.png,good.png,,,,", "There is no file"),
        ("a.png,gone.png,,,,", "There is no file"),
        ("a.png,small.png,,,,", "must have the same size"),
        ("a.png,good.png,5,5,3,20", "inverted"),
        ("a.png,good.png,500,5,600,20", "outside the image"),
        ("a.png,good.png,5,5,6,6", "less than 2 x 2 pixels"),
        ("a.png,good.png,nan,5,60,60", "'nan' is no number"),
        ("a.png,good.png,5,,60,60", "incomplete"),
        ("a.png,good.png,a,b,c,d", "not four numbers"),
        (",good.png,,,,", "'image' is empty"),
        ("x" * 400 + ",good.png,,,,", "cannot be opened"),
    ],
)
def test_a_row_that_fails_says_why_and_the_others_are_scored(folder: Path, row: str, why: str) -> None:
    good = "a.png,good.png,,,,"
    rows, result = run(folder, "\n".join(["image,mask,x0,y0,x1,y1", good, row, good, row, good, ""]))
    assert [bool(r["pred_dice"]) for r in rows] == [True, False, True, False, True]
    assert rows[1]["caveats"].startswith("error: ")
    assert why in rows[1]["caveats"]
    assert (result.rows, result.failed) == (5, 2)
    assert [n for n, _ in result.failures] == [2, 4]


def test_boxes_are_used_and_clipped_with_a_caveat(folder: Path) -> None:
    text = "image,mask,x0,y0,x1,y1\na.png,empty.png,,,,\na.png,empty.png,5,5,40,40\na.png,good.png,-9,-9,90,90\n"
    rows, result = run(folder, text)
    assert (rows[0]["pred_dice"], rows[0]["caveats"]) == ("", "empty mask")
    assert (float(rows[1]["pred_dice"]), rows[1]["caveats"]) == (0.0, "empty mask")
    assert "box partly off the image" in rows[2]["caveats"]
    assert result.unscored == 1


def test_a_column_may_name_the_labels(folder: Path) -> None:
    text = "image,mask,value\na.png,labels.png,3\na.png,labels.png,9\na.png,labels.png,3;9\na.png,labels.png,4\n"
    rows, _ = run(folder, text, label_column="value")
    scores = [float(r["pred_dice"] or "nan") for r in rows]
    assert scores[0] > 0.99
    assert scores[1] == 0.0
    assert 0.9 < scores[2] < scores[0]
    assert "no segment '4'" in rows[3]["caveats"]


def test_volumes_get_the_mean_over_their_slices(folder: Path) -> None:
    volume = phantom.volume()
    files.write_volume(folder / "v.nii.gz", volume)
    files.write_volume(folder / "l.nii.gz", volume, phantom.ball())
    files.write_volume(folder / "none.nii.gz", volume, np.zeros(volume.shape, np.uint8))
    text = "image,mask,x0,y0,x1,y1\nv.nii.gz,l.nii.gz,,,,\nv.nii.gz,none.nii.gz,,,,\nv.nii.gz,l.nii.gz,1,1,9,9\n"
    rows, _ = run(folder, text)
    assert float(rows[0]["pred_dice"]) > 0.99
    assert "mean over slices" in rows[0]["caveats"]
    assert (rows[1]["pred_dice"], rows[1]["caveats"]) == ("", "empty mask")
    assert "belongs to one slice" in rows[2]["caveats"]


def test_an_empty_mask_is_empty_under_any_label_in_pictures_and_volumes(folder: Path) -> None:
    volume = phantom.volume()
    files.write_volume(folder / "v.nii.gz", volume)
    files.write_volume(folder / "none.nii.gz", volume, np.zeros(volume.shape, np.uint8))
    text = "image,mask,value\na.png,empty.png,3\nv.nii.gz,none.nii.gz,3\n"
    rows, result = run(folder, text, label_column="value")
    assert [(r["pred_dice"], r["caveats"]) for r in rows] == [("", "empty mask")] * 2
    assert (result.failed, result.unscored) == (0, 2)


def test_a_scored_table_can_be_scored_again_in_place(folder: Path) -> None:
    rows, _ = run(folder, "image,mask,pred_dice,caveats\na.png,good.png,0.123,old\n")
    assert list(rows[0]) == ["image", "mask", *ADDED]
    assert rows[0]["pred_dice"] != "0.123"
    scorer = PairRows(SlicePipeline(BrightEstimator()))
    score(scorer, folder / "out.csv", folder / "out.csv")
    with (folder / "out.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == rows


def test_tables_without_the_columns_are_refused_and_nothing_is_written(folder: Path) -> None:
    for text, why in {"image,seg\n": "lacks the column mask; it has image, seg", "": "it is empty"}.items():
        with pytest.raises(ImageError, match=why):
            run(folder, text)
    with pytest.raises(ImageError, match="lacks the column value"):
        run(folder, "image,mask\n", label_column="value")
    with pytest.raises(ImageError, match="cannot be read"):
        score(PairRows(SlicePipeline(BrightEstimator())), folder / "gone.csv", folder / "out.csv")
    assert not (folder / "out.csv").exists()


def test_a_table_with_a_byte_order_mark_from_a_spreadsheet(folder: Path) -> None:
    rows, result = run(folder, "\ufeffimage,mask\na.png,good.png\n")
    assert next(iter(rows[0])) == "image"
    assert result.failed == 0


def test_cancel_writes_nothing_and_keeps_the_older_result(folder: Path) -> None:
    (folder / "out.csv").write_text("precious")
    (folder / "pairs.csv").write_text("image,mask\n" + "a.png,good.png\n" * 9)
    calls = iter(range(100))
    with pytest.raises(CancelledError):
        score(
            PairRows(SlicePipeline(BrightEstimator(batch=2))),
            folder / "pairs.csv",
            folder / "out.csv",
            should_cancel=lambda: next(calls) > 6,
        )
    assert (folder / "out.csv").read_text() == "precious"
    assert not [p for p in folder.iterdir() if p.name.startswith(".evanyseg")]


def test_a_full_disk_keeps_the_older_result(folder: Path) -> None:
    resource = pytest.importorskip("resource")
    (folder / "out.csv").write_text("precious")
    (folder / "pairs.csv").write_text("image,mask\n" + "a.png,good.png\n" * 900)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(OutputError, match="The disk is full"):
            score(PairRows(SlicePipeline(BrightEstimator())), folder / "pairs.csv", folder / "out.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (folder / "out.csv").read_text() == "precious"


def test_many_rows_do_not_sit_in_memory(folder: Path) -> None:
    def peak(count: int) -> int:
        (folder / "pairs.csv").write_text("image,mask\n" + "a.png,good.png\n" * count)
        scorer = PairRows(SlicePipeline(BrightEstimator(batch=4)))
        rows = iter(range(2 * count + 1))  # each is told of twice
        collect = lambda *_: next(rows) % 10 or gc.collect()  # what only awaits collection is no leak
        tracemalloc.start()
        result = score(scorer, folder / "pairs.csv", folder / "out.csv", collect)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert result.rows == count
        return found

    peak(10)
    few, many = peak(40), peak(440)
    assert many - few < 400 * 200  # a score and a few bytes per row, while a mask alone has 4800


def test_progress_counts_rows(folder: Path) -> None:
    (folder / "pairs.csv").write_text("image,mask\n" + "a.png,good.png\n" * 4)
    seen: list[float] = []
    scorer = PairRows(SlicePipeline(BrightEstimator()))
    score(scorer, folder / "pairs.csv", folder / "out.csv", lambda fraction, _: seen.append(fraction))
    assert seen == [0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0], "rows that are done, not those that are read"


def test_columns_are_known_in_any_case_also_the_frame_of_boxes(folder: Path) -> None:
    ball = phantom.volume((3, 20, 24))
    one = replace(ball, array=ball.array[1:2], direction=np.diag([-1.0, 1.0, 1.0]))
    files.write_volume(folder / "v.nii.gz", one)
    mask = np.zeros((1, 20, 24), np.uint8)
    mask[0, 4:12, 2:10] = 1
    files.write_volume(folder / "m.nii.gz", one, mask)
    rows, result = run(folder, "Image,Mask,X0,Y0,X1,Y1,Box_Frame\nv.nii.gz,m.nii.gz,2,4,10,12,File\n")
    assert result.failed == 0, rows
    assert "mask outside its box" not in rows[0]["caveats"]
    assert list(rows[0]).count("box_frame") == 1
    assert rows[0]["box_frame"] == "file"


@pytest.mark.parametrize("names", ["x,y,w,h", "XMin,YMin,XMax,YMax", "left,top,right,bottom"])
def test_boxes_under_other_names_are_told(folder: Path, evanyseg, names: str) -> None:
    (folder / "p.csv").write_text(f"image,mask,{names}\na.png,good.png,5,5,60,60\n")
    code, _, err = evanyseg("score", "--pairs", folder / "p.csv", "--out", folder / "o.csv", "--estimator", "bright")
    assert code == 0
    told = f"Note: p.csv holds boxes in {', '.join(names.split(','))}, which are not read: call the columns x0, y0"
    assert told in " ".join(err.split())
    (folder / "p.csv").write_text(f"image,mask,{names},x0,y0,x1,y1\na.png,good.png,5,5,60,60,5,5,60,60\n")
    assert "not read" not in evanyseg("score", "--pairs", folder / "p.csv", "--out", folder / "q.csv",
                                      "--estimator", "bright")[2]  # fmt: skip


def test_where_every_row_failed_no_other_is_said_to_be_scored(folder: Path, evanyseg) -> None:
    (folder / "p.csv").write_text("image,mask\ngone.png,good.png\n")
    code, _, err = evanyseg("score", "--pairs", folder / "p.csv", "--out", folder / "o.csv", "--estimator", "bright")
    assert code == 1
    assert "1 of 1 rows failed; none is scored." in err


def test_the_summary_counts_what_the_table_says():
    """.89996 is written as .9000: a run that goes on reads .9000, and one that never stopped counts no other number."""
    result = PairsResult()
    for number, dice in enumerate((0.89996, float("nan"), 0.5), start=1):
        result.count(ScoredRow(number, {"image": "a.png"}, dice), shown=5)
    assert result.scores[::2] == [0.9, 0.5]
    assert result.unscored == 1
