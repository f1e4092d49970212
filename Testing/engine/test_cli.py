"""The command itself, and the commands on scored tables: select, compare, triage. Networks are stand-ins."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from doubles import BrightSegmenter
from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, S, table
from evanyseg import cli, models
from evanyseg.models import ModelSpec

# ---- the command itself ------------------------------------------------------------------------------------------


def test_help_lists_the_commands_and_each_shows_an_example(evanyseg) -> None:
    code, out, _ = evanyseg("--help")
    assert code == 0
    for command in ("segment", "score", "select", "compare", "triage"):
        assert command in out
        code, text, _ = evanyseg(command, "--help")
        assert code == 0
        assert f"evanyseg {command} " in text
    assert "not for clinical use" in out


def test_version_and_unknown_commands(evanyseg) -> None:
    from evanyseg import __version__

    assert evanyseg("--version")[1].strip() == f"evanyseg {__version__}"
    code, _, err = evanyseg("segmnt")
    assert code == 2
    assert "segmnt" in err


def test_a_missing_extra_is_one_sentence(monkeypatch, capsys) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name in ("typer", "PIL") else object())
    assert cli.main(["--help"]) == 2
    assert "needs typer, Pillow; install them with: pip install 'evanyseg-slicer[cli]'" in capsys.readouterr().err


# ---- segment -----------------------------------------------------------------------------------------------------


# ---- score -------------------------------------------------------------------------------------------------------


# ---- select, compare, triage -------------------------------------------------------------------------------------


def test_select_copies_the_best_mask_as_it_is(evanyseg, picture, tmp_path: Path) -> None:
    image, good, mask = picture
    bad = files.write_image_2d(tmp_path / "bad.png", np.roll(mask, 15, axis=1).astype(np.uint8) * 255)
    empty = files.write_image_2d(tmp_path / "empty.png", np.zeros_like(mask, np.uint8))
    out = tmp_path / "best.png"
    code, text, err = evanyseg("select", image, bad, empty, good, "-o", out, *E, "--json")
    assert code == 0, err
    found = json.loads(text)
    assert [Path(r["candidate"]).name for r in found["ranking"]] == ["mask.png", "bad.png", "empty.png"]
    assert found["ranking"][2]["pred_dice"] is None
    assert out.read_bytes() == good.read_bytes()
    code, _, err = evanyseg("select", image, empty, "-o", out, *E)
    assert (code, "could be scored: empty mask" in err) == (2, True)


def test_select_among_the_masks_of_segmenters(evanyseg, picture, tmp_path: Path) -> None:
    image, _, mask = picture
    out = tmp_path / "best.png"
    code, text, err = evanyseg("select", image, *S, *S, "--box", 5, 5, 75, 55, "-o", out, *E, "--json")
    assert code == 0, err
    found = json.loads(text)
    assert found["best"] == "bright-box, mask 1"
    assert len(found["ranking"]) == 6
    assert np.array_equal(np.asarray(Image.open(out)) > 0, mask)


def test_select_whole_volumes(evanyseg, volume, tmp_path: Path) -> None:
    right = files.write_volume(tmp_path / "right.nii.gz", phantom.volume(SHAPE), phantom.ball(SHAPE))
    code, text, _ = evanyseg("select", volume[0], volume[1], right, *E, "--json")
    assert code == 0
    assert Path(json.loads(text)["best"]).name == "right.nii.gz"


def test_select_per_sample_in_a_table(evanyseg, tmp_path: Path) -> None:
    path, out = tmp_path / "s.csv", tmp_path / "b.csv"
    path.write_text("image,who,pred_dice\na,x,0.5\na,y,0.9\nb,x,\nb,y,0.2\nc,x,\n")
    code, _, err = evanyseg("select", "--scores", path, "-o", out)
    assert code == 0
    assert [(r["image"], r["who"]) for r in table(out)] == [("a", "y"), ("b", "y")]
    assert "1 samples have no scored candidate" in err
    path.write_text("image,who,pred_dice\nc,x,\n")
    assert evanyseg("select", "--scores", path, "-o", out)[0] == 0
    assert out.read_text().strip() == "image,who,pred_dice"


def test_select_needs_something_to_choose_from(evanyseg, picture, tmp_path: Path) -> None:
    for arguments, why in {
        (picture[0],): "give an IMAGE with masks",
        (picture[0], *S): "needs the object's --box",
        (picture[0], picture[1], "-o", tmp_path / "b.nii.gz"): "must end as the candidates do, in .png",
    }.items():
        code, _, err = evanyseg("select", *arguments, *E)
        assert code == 2
        assert why in " ".join(err.replace("│", " ").split())


def scored_tables(folder: Path) -> tuple[Path, Path]:
    random = np.random.default_rng(0)
    easy = random.uniform(0.5, 0.9, 40)
    lines = {"sam": easy, "medsam": easy + 0.05 + random.normal(0, 0.01, 40)}
    for name, values in lines.items():
        rows = "".join(f"i{n},p{n // 4},{v:.4f}\n" for n, v in enumerate(values))
        (folder / f"{name}.csv").write_text("image,patient,pred_dice\n" + rows + "extra,p0,\n")
    return folder / "sam.csv", folder / "medsam.csv"


def test_compare_two_tables_and_one(evanyseg, tmp_path: Path) -> None:
    paths = scored_tables(tmp_path)
    code, out, _ = evanyseg("compare", *paths, "--group", "patient", "--json")
    found = json.loads(out)
    assert code == 0
    assert [s["segmenter"] for s in found["segmenters"]] == ["medsam", "sam"]
    assert [s["unscored"] for s in found["segmenters"]] == [1, 1]
    assert found["differences"][0]["clear"]
    assert 0.04 < found["differences"][0]["low"] < found["differences"][0]["high"] < 0.06
    both = tmp_path / "both.csv"
    both.write_text("model,image,pred_dice\na,x,0.5\nb,x,0.7\na,y,0.6\nb,y,0.8\nb,z,0.1\n")
    code, text, err = evanyseg("compare", both, "--by", "model", "-o", tmp_path / "c.csv")
    assert code == 0
    assert "+0.200" in text
    assert "1 samples are not there for every segmenter" in err
    assert [r["segmenter"] for r in table(tmp_path / "c.csv")] == ["b", "a"]


def test_compare_refuses_what_cannot_be_compared(evanyseg, tmp_path: Path) -> None:
    one = tmp_path / "one.csv"
    one.write_text("segmenter,image,pred_dice\na,x,0.5\na,x,0.6\n")
    other = tmp_path / "other.csv"
    other.write_text("image,pred_dice\nq,0.5\n")
    cases = {
        (one,): "is there twice",
        (one, other): "is there twice",
        (other, "--by", "image"): "only one segmenter",
        (other,): "lacks the column segmenter",
    }
    for arguments, why in cases.items():
        code, _, err = evanyseg("compare", *arguments)
        assert code == 2
        assert why in err
    one.write_text("image,pred_dice\nx,0.5\n")
    assert "share no sample" in evanyseg("compare", one, other)[2]


def test_triage_puts_the_worst_first(evanyseg, tmp_path: Path) -> None:
    path, out = tmp_path / "s.csv", tmp_path / "t.csv"
    lines = ["image,pred_dice,finding,caveats", "a,0.9,mask,", "b,0.3,mask,odd", "c,,mask,empty mask", "d,,absent,"]
    path.write_text("\n".join([*lines, "e,0.8,mask,", ""]))
    code, text, _ = evanyseg("triage", path, "--percentile", 50, "-o", out)
    assert code == 0
    assert [r["image"] for r in table(out)] == ["b", "e", "c"]
    assert text.rindex("0.30") < text.rindex("0.80")
    found = json.loads(evanyseg("triage", path, "--json")[1])
    assert [r["image"] for r in found["poor"]] == ["b"]
    assert [r["image"] for r in found["unscored"]] == ["c"]


def test_triage_alerts_with_its_exit_code(evanyseg, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("image,pred_dice\na,0.9\nb,0.65\n")
    code, _, err = evanyseg("triage", path, "--alert", 0.7)
    assert (code, "1 rows below 0.7" in err) == (1, True)
    assert evanyseg("triage", path, "--alert", 0.6)[0] == 0
    assert evanyseg("triage", path, "--alert", 60)[0] == 2
    assert evanyseg("triage", path, "--percentile", 0)[0] == 2
    path.write_text("image,dice\n")
    assert "lacks the column pred_dice" in evanyseg("triage", path)[2]


def test_the_score_table_feeds_triage(evanyseg, volume, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    evanyseg("score", *volume, *E, *S, "-o", out)
    found = json.loads(evanyseg("triage", out, "--percentile", 20, "--json")[1])
    assert [r["index"] for r in found["poor"]] == ["7", "5"]


def boxes_table(folder: Path) -> Path:
    pixels, _ = phantom.picture()
    files.write_image_2d(folder / "a.png", pixels)
    files.write_image_2d(folder / "b.png", np.roll(pixels, 4, axis=1))
    lines = ["image,x0,y0,x1,y1,patient", "a.png,5,5,75,55,p", "a.png,20,15,60,45,p", "b.png,5,5,79,55,q"]
    (folder / "boxes.csv").write_text("\n".join([*lines, "gone.png,1,1,9,9,q", "b.png,,,,,q", "b.png,,,,,q", ""]))
    return folder / "boxes.csv"


def test_compare_runs_the_segmenters_on_boxes(evanyseg, tmp_path: Path) -> None:
    class WholeBox(BrightSegmenter):
        name = "whole-box"

        def segment(self, *arguments, **options):
            found = super().segment(*arguments, **options)
            return replace(found, logits=found.logits[1:2], predicted_iou=found.predicted_iou[1:2])

    models.segmenters.register(ModelSpec("whole-box", "", lambda spec, path, device: WholeBox()))
    try:
        arguments = ("--segmenter", "whole-box", *S, "--boxes", boxes_table(tmp_path), "--table", tmp_path / "t.csv")
        code, out, err = evanyseg("compare", *arguments, *E, "--json")
    finally:
        models.segmenters.remove("whole-box")
    assert code == 0, err
    found = json.loads(out)
    assert [s["segmenter"] for s in found["segmenters"]] == ["bright-box", "whole-box"]
    assert [s["scored"] for s in found["segmenters"]] == [3, 3]
    assert found["differences"][0]["clear"]
    assert "6 of 12 rows failed" in err
    rows = table(tmp_path / "t.csv")
    assert len(rows) == 12
    assert {r["patient"] for r in rows} == {"p", "q"}
    assert [r["caveats"].startswith("error: ") for r in rows] == [False, False, False, True, True, True] * 2
    best = evanyseg("select", "--scores", tmp_path / "t.csv", "--sample", "image", "--json")[1]
    assert {r["segmenter"] for r in json.loads(best)["selected"]} == {"bright-box"}


def test_compare_needs_two_segmenters_for_boxes(evanyseg, tmp_path: Path) -> None:
    path = boxes_table(tmp_path)
    for arguments in ((), ("--boxes", path), ("--boxes", path, *S), (path, "--boxes", path)):
        code, _, err = evanyseg("compare", *arguments, *E)
        assert code == 2
        assert "--boxes" in err
