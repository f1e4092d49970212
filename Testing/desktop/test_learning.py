"""Learning from corrections as a person does it in the panel."""

from __future__ import annotations

import pytest
import slicer

from desktop import phantoms
from desktop.user import User
from doubles import ThresholdSegmenter
from doubles.review import double_models
from evanyseg.quality.builtin import load
from scene.headless import add_segmentation
from scene.learner import QUICK, SLICES, objects

CORRECTED = 7


@pytest.fixture(scope="module")
def builtin():
    return load()


@pytest.fixture
def user(host, hands, builtin, tmp_path, monkeypatch):
    """A model's masks of one volume, scored; the truth is `user.truth`."""
    monkeypatch.setenv("EVANYSEG_REFERENCES", str(tmp_path / "references"))
    voxels, truth, masks = objects(0)
    volume = phantoms.add_volume(host.scene, voxels)
    segmentation, _ = add_segmentation(host.core, volume, {"Liver": masks})
    one = User(host, hands, double_models(ThresholdSegmenter(), builtin), volume)
    one.truth = truth
    one.panel._parameters.segmentation = segmentation
    one.panel.presenters.learning.options = QUICK
    one.driver.settle()
    one.click("scoreButton")
    one.wait("the scores")
    one.tab("reviewTab")
    return one


def correct(user, index):
    """Paint the truth in the Segment Editor (a script here), go there, accept."""
    plane = user.review.reader.plane(2, index)
    segment = user.review.store.ids()[0]
    user.review.store.write(segment, plane, plane.take(user.truth))
    user.driver.wait_until(lambda: user.panel.watch.settled, what="the comparison")
    user.panel.presenters.reviewing.go((segment, 2, index, ""))
    user.click("acceptButton")


def test_correct_learn_undo_save_load_and_go_on(user, tmp_path):
    assert not user.ui.learnButton.isVisible()
    assert not user.ui.learningLabel.isVisible()
    user.ui.reviewerEdit.setText("Ann")
    user.driver.settle()
    before = {row.index: row.dice for row in user.rows}
    for index in range(CORRECTED):
        correct(user, index)
    assert user.rows[0].reviewer == "Ann"
    assert user.ui.learningLabel.text == "7 corrected slices of 1 volume; nothing is learned from them"
    user.click("rescoreButton")
    user.wait()
    user.click("learnButton")
    user.wait("learning", 200)
    assert user.status().startswith("Scored with adapted (liver, 7 corrected, ")
    assert "error on them 0." in user.ui.learningLabel.text
    name = user.rows[9].estimator
    assert name.startswith("adapted")
    assert user.rows[9].dice != before[9]
    user.host.core.save_mrb(tmp_path / "review.mrb")
    user.host.close_scene()
    user.host.core.load_mrb(tmp_path / "review.mrb")
    user.driver.settle()
    assert user.ui.undoLearningButton.isVisible()
    correct(user, CORRECTED)
    assert user.ui.learningLabel.text.endswith("; 1 more since"), "also before the edit was noticed"
    user.driver.wait_until(lambda: user.rows[CORRECTED].stale, what="the edit to be noticed")
    user.click("rescoreButton")
    user.wait()
    assert user.rows[CORRECTED].estimator == name
    user.click("undoLearningButton")
    user.wait()
    assert {row.estimator for row in user.rows} == {"builtin"}
    assert user.rows[9].dice == before[9]
    assert not user.ui.undoLearningButton.isVisible()
    assert len(user.rows) == SLICES


def test_scikit_learn_is_asked_for_before_it_is_installed(user, monkeypatch):
    from EvanySegSlicerLib.desktop.setup import dependencies

    correct(user, 0)
    asked, installed = [], []
    agree = [False]
    monkeypatch.setattr(dependencies, "missing_for_learning", lambda: () if installed else ("scikit-learn>=1.4",))
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **k: asked.append(text) or agree[0])
    monkeypatch.setattr(slicer.util, "pip_install", lambda arguments: installed.append(arguments))
    user.click("learnButton")
    assert installed == []
    assert not user.panel.controller.busy
    assert asked == ["Learning from corrections needs these Python packages: scikit-learn (15 MB to download). "
                     "Install them now?"]  # fmt: skip
    agree[0] = True
    user.click("learnButton")
    user.wait("learning", 200)
    assert installed == [["--no-deps", "scikit-learn>=1.4"]]
    assert "do not help yet" in user.status()


def test_the_folder_is_seen_exported_and_deleted(user, tmp_path, monkeypatch):
    import qt

    assert user.ui.referencesLabel.toolTip == str(tmp_path / "references")
    correct(user, 0)
    user.click("learnButton")
    user.wait("learning", 200)
    user.tab("settingsTab")
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    user.click("openReferencesButton")
    assert opened == [str(tmp_path / "references")]
    chosen = lambda *asked: str(tmp_path / "out")
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", staticmethod(chosen))
    user.click("exportReferencesButton")
    assert "1 corrected slices written" in user.status()
    assert len(list((tmp_path / "out").glob("*/references.csv"))) == 1
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **k: True)
    user.click("clearReferencesButton")
    assert list((tmp_path / "references").iterdir()) == []
    assert "deleted" in user.status()


def test_the_reviewer_of_the_last_scene_signs_in_the_next(user):
    import qt

    from EvanySegSlicerLib.desktop.tabs.learning_box import REVIEWER_KEY

    user.tab("settingsTab")
    user.ui.reviewerEdit.clear()
    user.driver.type_text(user.ui.reviewerEdit, "Bea")
    user.ui.reviewerEdit.clearFocus()
    user.driver.settle()
    user.host.close_scene()
    user.driver.settle()
    assert user.ui.reviewerEdit.text == "Bea"
    qt.QSettings().remove(REVIEWER_KEY)
