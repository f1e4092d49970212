"""The score table: one row per segment and slice, eight scores of history, quick with thousands of rows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evanyseg.bands import BandThresholds
from evanyseg.errors import EvanySegError
from evanyseg.io.write import write_text
from EvanySegSlicerLib.scene.overlay.corner_annotation import annotation_text
from EvanySegSlicerLib.scene.table.exports import csv_text, report_rows
from EvanySegSlicerLib.scene.table.records import COLUMNS, MISSING, ScoreRecord
from EvanySegSlicerLib.scene.table.rows import TableRows
from EvanySegSlicerLib.scene.table.score_table import HISTORY_LENGTH, ScoreTable


def record(index=0, content="h", dice=0.8, **more):
    return ScoreRecord("s1", "Liver", "axial", 2, index, dice=dice, content_hash=content, **more)


@pytest.fixture
def table(app):
    return ScoreTable.create(app.scene)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
numbers = st.one_of(st.just(float("nan")), st.floats(0, 1))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.builds(
            record,
            st.integers(0, 5),
            st.sampled_from(["a", "b", "c"]),
            numbers,
            comment=texts,
            wrong_mm2=numbers,
            decision=st.sampled_from(["", "accepted", "flagged"]),
        ),
        max_size=20,
    )
)
def test_what_is_put_is_read_back_by_anybody(app, rows):
    app.scene.Clear(0)
    table = ScoreTable.create(app.scene)
    expected = {}
    for row in rows:
        table.put(row)
        expected[row.key] = row
    fresh = TableRows(table.node)  # another reader of the same node
    assert len(fresh) == len(expected)
    for key, row in expected.items():
        found = fresh.get(key)
        assert repr(found) == repr(table.get(key))
        assert (found.dice == row.dice) or (np.isnan(found.dice) and np.isnan(row.dice))
        assert found.content_hash == row.content_hash
        if row.comment.strip() == row.comment and '"' not in row.comment and row.comment:
            assert found.comment.split() == row.comment.split()


def test_columns_are_named_typed_and_complete(table):
    table.put(record())
    node = table.node.GetTable()
    assert tuple(node.GetColumnName(n) for n in range(node.GetNumberOfColumns())) == COLUMNS
    assert node.GetValueByName(0, "dice").ToDouble() == 0.8
    assert node.GetValueByName(0, "segment").ToString() == "Liver"


def test_the_history_keeps_the_last_eight_contents_of_a_slice(table):
    for number in range(HISTORY_LENGTH + 4):
        table.put(record(3, f"content {number}", dice=number / 20))
        table.put(record(4, f"other {number}"))
    key = record(3).key
    kept = [n for n in range(12) if table.recall(key, f"content {n}") is not None]
    assert kept == list(range(4, 12))
    assert table.recall(key, "content 7").dice == 7 / 20
    again = ScoreTable.of_node(table.node)
    assert again.recall(key, "content 7").dice == 7 / 20
    again.put(record(3, "newest"))
    assert again.recall(key, "content 4") is None, "the oldest gives way, also after loading"
    assert again.recall(key, "content 5") is not None


def test_a_decision_is_about_one_content_and_a_comment_about_the_slice(table):
    table.put(record(decision="", content="a"))
    table.update(replace(table.get(record().key), decision="accepted", comment="seen"))
    table.put(record(content="a", dice=0.81))
    assert (table.get(record().key).decision, table.get(record().key).comment) == ("accepted", "seen")
    table.put(record(content="b"))
    assert (table.get(record().key).decision, table.get(record().key).comment) == ("", "seen")


def test_thousands_of_rows_are_written_at_once(table):
    """The node tells its observers once a call, not once a row: that would take seconds (`dev.py bench responsive`)."""
    rows = [replace(record(n, f"h{n}"), segment_id=f"s{n % 7}") for n in range(5000)]
    told = []
    tag = table.node.AddObserver("ModifiedEvent", lambda *_: told.append(1))
    table.put(*rows)
    first = len(told)
    table.put(*[replace(r, content_hash=r.content_hash + "x") for r in rows])
    assert len(told) <= 2 * first <= 20
    told.clear()
    for row in rows[:200]:
        assert table.get(row.key) is not None
        table.update(replace(table.get(row.key), comment="c"))
    assert len(told) <= 200 * 2
    table.node.RemoveObserver(tag)
    fresh = ScoreTable.of_node(table.node)
    assert len(fresh.records()) == 5000


def test_removed_rows_stay_in_the_history(table):
    table.put(record(1, "a"), record(2, "b"), record(3, "c"))
    assert table.remove([record(2).key, record(9).key]) == 1
    assert [r.index for r in table.records()] == [1, 3]
    assert table.get(record(3).key).content_hash == "c"
    assert table.reconcile({record(2).key: "b"}) == [record(2).key], "undo brings the row back"
    assert table.get(record(2).key).dice == 0.8


def test_bands_follow_the_thresholds(table):
    table.put(record(1, dice=0.8).with_band(table.thresholds), record(2, dice=float("nan")))
    assert table.get(record(1).key).band == "check"
    table.set_thresholds(BandThresholds(0.75, 0.5))
    assert table.get(record(1).key).band == "good"
    assert table.get(record(2).key).band == "unscored"


def test_one_modified_event_for_many_rows(table):
    calls = []
    table.node.AddObserver("ModifiedEvent", lambda *_: calls.append(1))
    table.put(*[record(n) for n in range(50)])
    assert 1 <= len(calls) <= 3


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (record(dice=0.62, low=0.48, high=0.74, band="poor"), "Liver 0.62 POOR [0.48-0.74]"),
        (record(dice=0.95, band="good"), "Liver 0.95 GOOD"),
        (
            record(dice=0.95, low=0.9, high=1.0, band="good", caveats="unlike the training data; x"),
            "Liver 0.95 GOOD [0.90-1.00] (warning: unlike the training data)",
        ),
        (record(dice=0.62, stale=1), "Liver STALE (edited since it was scored, was 0.62)"),
        (record(dice=float("nan"), caveats="empty mask"), "Liver UNSCORED (empty mask)"),
        (record(dice=0.0, kind=MISSING, area_mm2=123.4), "Liver MISSING? (a mask of 123 mm² is likely here)"),
    ],
)
def test_the_corner_annotation_says_it_in_words(row, text):
    assert annotation_text(row) == text


def test_csv_has_names_empty_cells_for_nan_and_no_formulas(tmp_path):
    rows = [record(1, comment="=HYPERLINK(1)"), record(2, dice=float("nan"), comment='a, "b"')]
    lines = csv_text(rows).splitlines()
    assert lines[0].startswith("segment_id,segment,plane,axis,index,position_mm,kind,dice,low,high,band")
    assert "'=HYPERLINK(1)" in lines[1]
    assert ",0.8," in lines[1]
    assert ',"a, ""b""",' in lines[2]
    assert "nan" not in lines[2]
    path = tmp_path / "scores.csv"
    write_text(path, csv_text(rows), "utf-8-sig")
    assert path.read_text(encoding="utf-8-sig") == csv_text(rows)
    with pytest.raises(EvanySegError, match="cannot be written"):
        write_text(path / "scores.csv", csv_text(rows))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scores.csv"]


def test_report_rows_carry_the_estimate_and_the_persons_words():
    row = record(7, dice=0.6, low=0.5, high=0.7, area_mm2=50.0, decision="flagged", comment="leaks", position_mm=14.0)
    made = report_rows([row, record(8)], lambda _: 0.5)
    assert (made[0].segment, made[0].plane, made[0].index, made[0].position, made[0].area) == (
        "Liver",
        "axial",
        7,
        14.0,
        100,
    )
    assert made[0].estimate.dice == 0.6
    assert made[0].note == "flagged, leaks"
    assert made[1].note == ""
