"""Review: table, strip, order, filters, keys, decisions, exports, save and load."""

from __future__ import annotations

import csv

import pytest
from PySide6 import QtCore, QtTest

from desktop import phantoms
from desktop.user import User

KEY = QtCore.Qt.Key


@pytest.fixture
def user(host, hands):
    """Three slices, from best to worst: 6 (whole object), 5 (half), 7 (a corner of it)."""
    one = User(host, hands)
    one.draw(half=26)
    one.scroll("Red", 1)
    one.draw(half=6, center=(12, 0))
    one.scroll("Red", -2)
    one.draw(half=12, center=(10, 0))
    one.click("drawBoxButton")
    one.tab("reviewTab")
    return one


def cell(user, row, column):
    return user.ui.reviewTable.model().index(row, column).data()


def current(user):
    row = user.panel.presenters.reviewing.current_row()
    return row.index if row is not None else None


def test_table_shows_every_row_worst_first(user):
    model = user.ui.reviewTable.model()
    assert model.rowCount() == 3
    wrong = [row.wrong_mm2 for row in user.panel.presenters.reviewing.rows()]
    assert wrong == sorted(wrong, reverse=True)
    user.choose("orderSelector", 1)
    dice = [float(cell(user, n, 2)) for n in range(3)]
    assert dice == sorted(dice)
    assert cell(user, 0, 4) == "POOR"
    assert cell(user, 2, 4) == "GOOD"
    user.choose("orderSelector", 2)
    assert [cell(user, n, 1) for n in range(3)] == ["axial 5", "axial 6", "axial 7"]
    assert user.ui.countsLabel.text == "0 of 3 reviewed, 2 poor"


def test_filters_by_segment_band_state_and_area(user):
    user.choose("bandFilter", 1 + ["good", "check", "poor", "unscored"].index("good"))
    assert user.ui.reviewTable.model().rowCount() == 1
    user.choose("bandFilter", 0)
    user.ui.minimumAreaSpinBox.setValue(400)
    user.driver.settle()
    assert all(row.area_mm2 >= 400 for row in user.panel.presenters.reviewing.rows())
    assert 0 < user.ui.reviewTable.model().rowCount() < 3
    user.ui.minimumAreaSpinBox.setValue(0)
    user.choose("stateFilter", 5)
    assert user.ui.reviewTable.model().rowCount() == 0
    user.choose("stateFilter", 0)
    user.choose("segmentFilter", 1)
    assert user.ui.reviewTable.model().rowCount() == 3


def test_a_click_on_a_row_brings_the_views_there(user):
    user.choose("orderSelector", 2)
    table = user.ui.reviewTable
    place = table.visualRect(table.model().index(2, 1)).center()
    QtTest.QTest.mouseClick(table.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)
    assert current(user) == 7
    plane = user.review.reader.plane_of_view(user.host.view("Red").mrmlSliceNode())
    assert (plane.axis, plane.index) == (2, 7)


def test_keys_go_to_the_worst_accept_flag_and_comment(user):
    view = user.host.view("Red")
    user.choose("orderSelector", 1)
    user.driver.key(view, KEY.Key_N)
    first = current(user)
    assert first == user.panel.presenters.reviewing.rows()[0].index
    user.driver.key(view, KEY.Key_X)
    assert user.panel.presenters.reviewing.current_row().decision == "flagged"
    user.driver.key(view, KEY.Key_N)
    assert current(user) == user.panel.presenters.reviewing.rows()[1].index
    user.driver.key(view, KEY.Key_A)
    assert user.panel.presenters.reviewing.current_row().decision == "accepted"
    assert user.ui.countsLabel.text.startswith("2 of 3 reviewed")
    user.driver.key(view, KEY.Key_N, QtCore.Qt.KeyboardModifier.ShiftModifier)
    assert current(user) == first
    user.driver.key(view, KEY.Key_M)
    assert user.ui.commentEdit.hasFocus()
    user.driver.type_text(user.ui.commentEdit, "anxdm spill")
    assert current(user) == first, "letters typed into the comment are not keys"
    QtTest.QTest.keyClick(user.ui.commentEdit, KEY.Key_Return)
    assert user.panel.presenters.reviewing.current_row().comment == "anxdm spill"
    assert not user.ui.drawBoxButton.checked
    user.driver.key(view, KEY.Key_N)
    assert current(user) != first, "the keys work again"


def test_the_same_decision_again_takes_it_back_and_undo_takes_back_the_last(user):
    user.click("nextButton")
    user.click("acceptButton")
    user.click("acceptButton")
    assert user.panel.presenters.reviewing.current_row().decision == ""
    user.click("flagButton")
    user.click("undoDecisionButton")
    assert user.panel.presenters.reviewing.current_row().decision == ""


def test_next_says_when_all_is_reviewed(user):
    for _ in range(3):
        user.click("nextButton")
        user.click("acceptButton")
    user.click("nextButton")
    assert "Every slice shown here has been reviewed" in user.status()


def test_the_keys_are_only_there_while_the_module_is(user):
    view = user.host.view("Red")
    user.host.leave_module()
    user.driver.key(view, KEY.Key_N)
    user.driver.key(view, KEY.Key_D)
    assert current(user) is None
    assert not user.ui.drawBoxButton.checked
    user.host.selectModule("EvanySegSlicer")
    user.driver.key(view, KEY.Key_N)
    assert current(user) is not None


def test_no_key_of_slicer_is_reused():
    from EvanySegSlicerLib.desktop.shortcuts import KEYS, TAKEN

    assert not {key.upper() for key in KEYS.values()} & {key.upper() for key in TAKEN}
    assert len(set(KEYS.values())) == len(KEYS)


def test_the_strip_has_a_colored_cell_for_each_slice(user):
    strip = user.ui.qualityStrip
    assert (strip.rowCount, strip.columnCount) == (1, 3)
    letters = [strip.item(0, n).text() for n in range(3)]
    assert letters == ["P", "G", "P"]
    assert "0." in strip.item(0, 0).toolTip()
    assert strip.item(0, 0).background().color() != strip.item(0, 1).background().color()
    place = strip.visualItemRect(strip.item(0, 2)).center()
    QtTest.QTest.mouseClick(strip.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)
    assert current(user) == 7


def test_one_summary_line_per_segment(user):
    table = user.ui.summaryTable
    assert table.rowCount == 1
    texts = [table.item(0, n).text() for n in range(6)]
    assert texts[0] == user.rows[0].segment
    assert 0 < float(texts[1]) < 1
    assert texts[3].endswith("%")
    assert texts[5] == "0/3"


def answer_file_dialog(monkeypatch, path):
    """The user's answer, as the binding gives it: (path, filter)."""
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", staticmethod(lambda *asked: (str(path), "")))


def test_export_csv_and_report(user, tmp_path, monkeypatch):
    user.click("nextButton")
    user.click("flagButton")
    for kind, button in (("csv", "exportCsvButton"), ("html", "exportHtmlButton")):
        answer_file_dialog(monkeypatch, tmp_path / f"out.{kind}")
        user.click(button)
        assert "3 rows written" in user.status()
    with open(tmp_path / "out.csv", newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3
    assert sum(line["decision"] == "flagged" for line in lines) == 1
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count("flagged") >= 1
    assert 'src="http' not in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.html"]


def test_an_export_that_cannot_be_written_loses_nothing(user, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("not a folder")
    answer_file_dialog(monkeypatch, tmp_path / "taken" / "out.csv")
    user.click("exportCsvButton")
    assert "cannot be written" in user.status()
    assert (tmp_path / "taken").read_text() == "not a folder"


def test_a_review_goes_on_after_saving_and_loading(user, tmp_path):
    user.click("nextButton")
    user.click("acceptButton")
    at, rows = current(user), {row.key: (row.dice, row.decision) for row in user.rows}
    user.host.core.save_mrb(tmp_path / "review.mrb")
    user.host.close_scene()
    assert user.rows == []
    user.host.core.load_mrb(tmp_path / "review.mrb")
    user.driver.settle()
    assert {row.key: row.decision for row in user.rows} == {key: decision for key, (_, decision) in rows.items()}
    assert [row.dice for row in user.rows] == pytest.approx([rows[row.key][0] for row in user.rows])
    assert current(user) == at
    assert user.ui.countsLabel.text.startswith("1 of 3 reviewed")
    user.driver.wait_until(lambda: user.panel.watch.settled, what="the comparison")
    assert not any(row.stale for row in user.rows)


def test_edits_elsewhere_make_slices_stale_and_one_click_scores_them(user):
    edit(user, 6)
    user.driver.wait_until(lambda: any(row.stale for row in user.rows), what="staleness")
    assert [row.index for row in user.rows if row.stale] == [6]
    assert "stale" in user.ui.countsLabel.text
    user.click("rescoreButton")
    user.wait()
    assert not any(row.stale for row in user.rows)


def test_edits_are_scored_at_once_when_wanted(user):
    user.tab("settingsTab")
    user.click("autoScoreCheckBox")
    before = {row.index: row.dice for row in user.rows}
    edit(user, 6)
    user.driver.wait_until(
        lambda: (
            not any(row.stale for row in user.rows)
            and next(row for row in user.rows if row.index == 6).dice != before[6]
        ),
        what="the new score",
    )


def edit(user, index):
    """As a script or another effect would: cut the object's left third off one slice."""
    store = user.review.store
    segment_id = store.ids()[0]
    plane = user.review.reader.plane(2, index)
    mask = store.mask(segment_id, plane).copy()
    columns = mask.any(axis=0).nonzero()[0]
    mask[:, : columns[len(columns) // 3]] = False
    store.write(segment_id, plane, mask, user.volume)
    user.review.segmentation.GetSegmentation().InvokeEvent(
        user.review.segmentation.GetSegmentation().SourceRepresentationModified
    )


def test_the_scene_keeps_only_its_own_rows(user):
    """Another segmentation has another table; coming back finds the first one."""
    first = user.review.segmentation
    before = len(user.rows)
    other = user.host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Other")
    other.CreateDefaultDisplayNodes()
    user.ui.segmentationSelector.setCurrentNode(other)
    user.driver.settle()
    assert user.rows == []
    user.ui.segmentationSelector.setCurrentNode(first)
    user.driver.settle()
    assert len(user.rows) == before
    assert phantoms.ball().shape == (12, 96, 96)


def test_a_session_of_another_front_end_stays_chosen(host, hands):
    """The demo or the web app wrote node references only; Slicer's wrapper would take them for unset."""
    from desktop import module
    from EvanySegSlicerLib.scene.review.open_review import open_review

    volume = phantoms.add_volume(host.scene, phantoms.ball())
    other = phantoms.add_volume(host.scene, phantoms.ball(seed=3), name="Other")
    phantoms.show(other)
    opened = open_review(volume)
    widget = module.enter(host)
    assert widget.panel.controller.review.volume is volume
    assert widget.panel.controller.review.segmentation is opened.review.segmentation


def test_label_maps_are_no_volumes_to_work_on(host, hands):
    label = host.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    color = host.scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Photo")
    user = User(host, hands)
    selector = user.ui.volumeSelector
    listed = [selector.nodeFromIndex(n).GetName() for n in range(selector.nodeCount())]
    assert label.GetName() not in listed
    assert color.GetName() in listed
