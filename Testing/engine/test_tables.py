"""Tables as spreadsheets leave them: read whatever their layout, refused where they may mislead."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.cli_fixtures import E, S, table
from evanyseg import models
from evanyseg.errors import ImageError, OutputError
from evanyseg.io.tables import checked_scores, coordinate, open_table, score_number, write_table
from evanyseg.io.tables.cells import guarded, unguarded
from evanyseg.models import ModelSpec

PAIRS = "image,mask,note\nimage.png,mask.png,Größe 5 µm\n"


@pytest.fixture
def no_network(evanyseg):
    """Runs a command whose estimator cannot be loaded: whatever is refused is refused before."""

    def fail(spec, path, device):
        raise AssertionError("a network was loaded")

    models.estimators.register(ModelSpec("never", "", fail))
    yield lambda *a: evanyseg(*a, "--estimator", "never")
    models.estimators.remove("never")


# ---- layouts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("upper", [False, True])
def test_every_layout_of_a_table_of_pairs_is_scored(
    evanyseg, picture, tmp_path: Path, separator: str, encoding: str, newline: str, upper: bool
) -> None:
    header, row = PAIRS.replace(",", separator).split("\n")[:2]
    text = newline.join([header.title() if upper else header, row, ""])
    (tmp_path / "p.csv").write_bytes(text.encode(encoding))
    out = tmp_path / "s.csv"
    code, _, err = evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", out, *E)
    assert code == 0, err
    (found,) = table(out)
    assert float(found["pred_dice"]) > 0.99
    assert found["Note" if upper else "note"] == "Größe 5 µm"
    usual = separator == "," and encoding.startswith("utf-8")
    assert ("p.csv is read as" in err) != usual


def test_a_separator_that_excel_names_in_the_first_line(tmp_path: Path) -> None:
    for line, separator in {"sep=;": ";", "sep=\t": "\t", "SEP=|": "|"}.items():
        (tmp_path / "p.csv").write_text(f"{line}\n" + "image,mask\na,b\n".replace(",", separator))
        found = open_table(tmp_path / "p.csv", ["image", "mask"])
        assert list(found.rows()) == [{"image": "a", "mask": "b"}]


def test_a_comma_in_a_quoted_header_or_cell_is_no_separator(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('"notes, long; and ""odd""";image;mask\n"a, b";"x;y.png";m.png\n')
    found = open_table(tmp_path / "p.csv", ["image", "mask"])
    assert list(found.rows()) == [{'notes, long; and "odd"': "a, b", "image": "x;y.png", "mask": "m.png"}]


def test_a_byte_that_is_no_utf8_far_behind_the_header_changes_the_encoding(tmp_path: Path) -> None:
    text = "image,mask\n" + "a,b\n" * 500_000 + "Größe,b\n"
    (tmp_path / "p.csv").write_bytes(text.encode("cp1252"))
    found = open_table(tmp_path / "p.csv", ["image"])
    assert found.layout.encoding == "cp1252"
    assert [r["image"] for r in found.rows()][-1] == "Größe"


@pytest.mark.parametrize("size", [131_073, 2_000_000])
def test_long_cells_are_read_and_kept(evanyseg, picture, tmp_path: Path, size: int) -> None:
    (tmp_path / "p.csv").write_text(f"image,mask,history\nimage.png,mask.png,{'x' * size}\n")
    out = tmp_path / "s.csv"
    code, _, err = evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", out, *E)
    assert code == 0, err
    csv.field_size_limit(2**31 - 1)
    assert len(table(out)[0]["history"]) == size


def test_empty_rows_at_the_end_are_a_spreadsheets_and_others_keep_their_place(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("image;mask;\na;b;\n;;\nc;d;\n;;\n\n;;\n")
    found = open_table(tmp_path / "p.csv", ["image", "mask"])
    assert [r["image"] for r in found.rows()] == ["a", "", "c"]
    assert found.count == 3


# ---- what may mislead is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"image,mask,image\na,b,c\n", "column image more than once"),
        (b"image,mask,Image\na,b,c\n", "column image more than once"),
        (b"image,mask\nmy,scan.png,m.png\n", "Line 2 of the table p.csv has 3 cells, its header 2 names"),
        (b"image,mask,\na,b,c\n", "Line 2 of the table p.csv has 3 cells"),
        (b'image,mask\n"a,b\nc,d\n', "is a quote missing?"),
        (b"PK\x03\x04\x14\0\6\0", "is an Excel or OpenDocument workbook; save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a text"),
        (b"image,mask\n\x81\x8d,\x90\n", "in no encoding that is known"),
        (b"image;label\na;b\n", "lacks the column mask; it has image, label"),
        (b"", "it is empty"),
    ],
)
def test_a_table_that_is_none_is_refused_before_a_network_is_loaded(
    no_network, tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "p.csv").write_bytes(content)
    code, _, err = no_network("score", "--pairs", tmp_path / "p.csv", "-o", tmp_path / "s.csv")
    assert code == 2
    assert why in " ".join(err.split())
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("arguments", [("triage",), ("select", "--scores"), ("compare",)])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ('"0,91"', "'0,91' has a decimal comma in a table separated by commas; write 0.91"),
        ("91", "'91' is no Dice: it must lie between 0 and 1 (is it in percent?)"),
        ("9100", "'9100' is no Dice: it must lie between 0 and 1."),
        ("-0.1", "'-0.1' is no Dice"),
        ("inf", "'inf' is no number"),
        ("1e999", "'1e999' is no Dice"),
        ("good", "'good' is no number"),
        ("91 %", "'91 %' is no number"),
        ("0_5", "'0_5' is no number"),
        ("0.9 ± 0.1", "is no number"),
    ],
)
def test_scores_that_are_none_are_refused(evanyseg, tmp_path: Path, arguments: tuple, value: str, why: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"image,segmenter,pred_dice\na,x,0.5\na,y,{value}\n", encoding="utf-8")
    code, out, err = evanyseg(*arguments, path)
    assert (code, out) == (2, "")
    assert "s.csv, row 2, column pred_dice: " in " ".join(err.split())
    assert why in " ".join(err.split())
    path.write_text(f"image,segmenter,pred_dice,low\na,x,0.5,0.4\na,y,0.7,{value}\n", encoding="utf-8")
    code, _, err = evanyseg(*arguments, path)
    assert (code, "row 2, column low" in " ".join(err.split())) == (2, True)


def test_a_decimal_comma_is_understood_where_commas_separate_nothing(evanyseg, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("Image;Segmenter;Pred_Dice\na;x;0,5\nb;x;,\n".replace(";,", ";"), encoding="utf-16")
    found = json.loads(evanyseg("triage", path, "--alert", 0.4, "--json")[1])
    assert (found["threshold"], found["alert"]["unscored"]) == (0.5, 1)
    assert [score_number(t, ";") for t in ("0,91", "1,000", "1")] == [0.91, 1.0, 1.0]
    assert [coordinate(t, ";") for t in ("12,5", "12.5", "7")] == [12.5, 12.5, 7.0]
    for text, separator in {"1,234": ";", "12,5": ",", "x": ",", "inf": ";"}.items():
        with pytest.raises(ImageError):
            coordinate(text, separator)


def test_missing_scores_are_missing_in_every_spelling(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(
        "pred_dice,x\n" + "".join(f"{t},1\n" for t in ("", "NaN", "NA", "n/a", "-", "None"))
    )
    found = open_table(tmp_path / "s.csv")
    assert not (checked_scores(found, list(found.rows())) >= 0).any()


def test_boxes_with_a_decimal_comma(evanyseg, picture, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("image;mask;X0;Y0;X1;Y1\nimage.png;mask.png;5,5;5;75;55,25\n")
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", tmp_path / "s.csv", *E)[0] == 0
    (tmp_path / "p.csv").write_text("image;mask;x0;y0;x1;y1\nimage.png;mask.png;5,125;5;75;55\n")
    code, _, err = evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", tmp_path / "s.csv", *E)
    assert (code, "'5,125' may mean two numbers" in " ".join(err.split())) == (1, True)


# ---- text stays text ---------------------------------------------------------------------------------------------

FORMULAS = ["=HYPERLINK(A1)", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "'=x", "''=x", "＝1"]


@given(st.text())
@example("-")
@example("'")
def test_guarded_text_comes_back_unchanged(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_nothing_in_a_table_begins_as_a_formula_and_all_is_read_back(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    write_table(path, ["name", text, "value"], [{"name": text, text: "x", "value": -0.25}])
    with path.open(newline="", encoding="utf-8") as file:
        cells = [c for row in csv.reader(file) for c in row]
    assert cells[0] == "name"
    assert all(c[0] not in "=+-@\t\r\n＝" for c in cells if c != "-0.2500")
    (row,) = open_table(path, ["name"]).rows()
    assert row["name"] == text
    assert row["value"] == "-0.2500"  # numbers are no formulas


def test_a_user_s_column_passes_through_every_command_unchanged(evanyseg, picture, tmp_path: Path) -> None:
    rows = [{"image": "image.png", "mask": "mask.png", "note": text} for text in FORMULAS]
    write_table(tmp_path / "p.csv", ["image", "mask", "note"], rows)
    assert evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", tmp_path / "s.csv", *E)[0] == 0
    assert evanyseg("triage", tmp_path / "s.csv", "--percentile", 100, "-o", tmp_path / "t.tsv")[0] == 0
    assert evanyseg("select", "--scores", tmp_path / "t.tsv", "--sample", "note", "-o", tmp_path / "b.csv")[0] == 0
    assert [r["note"] for r in open_table(tmp_path / "b.csv", ["note"]).rows()] == FORMULAS
    assert "\t" in (tmp_path / "t.tsv").read_text(encoding="utf-8").split("\n")[0]


# ---- endings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["s.xlsx", "s.ods", "s", "s.html", "s.csv.gz"])
def test_a_table_is_written_under_a_name_that_fits(no_network, picture, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    (tmp_path / "p.csv").write_text(PAIRS, encoding="utf-8")
    (tmp_path / "b.csv").write_text("image,x0,y0,x1,y1\nimage.png,5,5,75,55\n")
    commands = [
        ("score", *picture[:2], "-o", out),
        ("score", "--pairs", tmp_path / "p.csv", "-o", out),
        ("compare", "--boxes", tmp_path / "b.csv", *S, "--segmenter", "other", "--table", out),
    ]
    for arguments in commands:
        code, _, err = no_network(*arguments)
        assert code == 2
        assert "a table cannot be written" in " ".join(err.split())
    assert not out.exists()
    with pytest.raises(OutputError, match="cannot be written"):
        write_table(out, ["a"], [])


def test_endings_are_matched_without_case(evanyseg, picture, tmp_path: Path) -> None:
    for name in ("A.CSV", "A.TSV", "A.JSON"):
        assert evanyseg("score", *picture[:2], *E, "-o", tmp_path / name)[0] == 0
    json.loads((tmp_path / "A.JSON").read_text())
    assert len(table(tmp_path / "A.CSV")) == 1
    code, _, err = evanyseg("score", *picture[:2], *E, "--report", tmp_path / "r.pdf")
    assert (code, "a report cannot be written as '.pdf'" in " ".join(err.split())) == (2, True)
