"""Compare, error map, explore, settings: each clicked through as a user does."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from desktop import module
from desktop.test_draw_box import annotation_texts
from desktop.test_many_slices import add_segmentation
from desktop.user import User
from doubles import KnownTruthEstimator, ThresholdSegmenter


@pytest.fixture
def user(host, driver):
    others = (ThresholdSegmenter(60, "eager"), ThresholdSegmenter(245, "shy"))
    return User(host, driver, module.double_models(others=others))


@pytest.fixture
def one(host, hands):
    return User(host, hands)


def tick(user, *rows):
    from PySide6 import QtCore

    for row in range(user.ui.compareModels.count):
        on = QtCore.Qt.CheckState.Checked if row in rows else QtCore.Qt.CheckState.Unchecked
        user.ui.compareModels.item(row).setCheckState(on)


def test_compare_shows_candidates_best_first_and_keeps_the_chosen(user):
    user.draw(half=30)
    before = user.mask().copy()
    user.tab("compareTab")
    tick(user, 0, 1, 2)
    user.click("compareButton")
    user.wait("candidates", 60)
    shown = user.ui.candidateList
    candidates = user.panel.presenters.comparing.candidates
    assert shown.count == len(candidates) >= 3
    assert {c.segmenter for c in candidates} >= {"threshold", "shy"} or {c.segmenter for c in candidates} >= {
        "builtin",
        "shy",
    }
    scores = [c.estimate.dice for c in candidates]
    assert scores == sorted(scores, reverse=True)
    assert not shown.item(0).icon().isNull()
    assert (user.mask() == before).all(), "comparing writes nothing"
    last = len(candidates) - 1
    shown.setCurrentRow(last)
    user.click("keepChosenButton")
    user.wait("the chosen one")
    assert (user.mask() == candidates[last].mask).all()
    user.click("keepBestButton")
    user.wait("the best one")
    assert (user.mask() == candidates[0].mask).all()
    user.tab("segmentTab")
    user.click("undoButton")
    assert (user.mask() == candidates[last].mask).all()


def test_compare_without_a_box_or_a_tick_is_said(one):
    one.tab("compareTab")
    one.click("compareButton")
    assert "Draw a box first" in one.status()
    tick(one)
    one.click("compareButton")
    assert "Tick at least one" in one.status()


def test_a_segmenter_that_fails_is_named_and_the_others_compared(host, hands):
    from evanyseg.errors import WeightsError

    class Broken(ThresholdSegmenter):
        def embed(self, image, should_cancel=lambda: False):
            raise WeightsError("The weights of Broken are not on this computer.")

    user = User(host, hands, module.double_models(others=(Broken(name="broken"),)))
    user.draw()
    user.tab("compareTab")
    tick(user, 0, 1)
    user.click("compareButton")
    user.wait("candidates")
    assert "broken: The weights" in user.status()
    assert user.ui.candidateList.count >= 1


def test_error_map_shows_where_it_is_wrong_and_follows_scrolling(user):
    user.draw(half=26)
    user.scroll("Red", 1)
    user.draw(half=12, center=(10, 0))
    composite = user.host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    quality = composite.GetForegroundVolumeID()
    user.click("errorMapCheckBox")
    user.wait("the error map")
    shown = composite.GetForegroundVolumeID()
    assert shown != quality
    codes = slicer.util.arrayFromVolume(user.host.scene.GetNodeByID(shown))
    assert (codes > 150).sum() > 300, "much is missing"
    user.scroll("Red", -1)
    user.driver.run_for(0.3)
    user.wait("the next map")
    node = user.host.scene.GetNodeByID(composite.GetForegroundVolumeID())
    assert (slicer.util.arrayFromVolume(node) > 0).sum() < 30, "this slice is right"
    texts = annotation_texts(user.host.view("Red"))
    assert {"probably too much", "probably missing"} < set(texts)
    assert not any("stale" in text for text in texts), "the legend is that of what is shown"
    user.click("errorMapCheckBox")
    assert composite.GetForegroundVolumeID() == quality
    texts = annotation_texts(user.host.view("Red"))
    assert "probably too much" not in texts
    assert any("stale" in text for text in texts)


def test_bands_in_3d_are_derived_and_go_again(one):
    one.draw()
    one.click("bandsCheckBox")
    names = [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLSegmentationNode", one.host.scene)]
    assert "Quality bands" in names
    one.click("bandsCheckBox")
    names = [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLSegmentationNode", one.host.scene)]
    assert "Quality bands" not in names


def test_explore_follows_the_slider_and_changes_nothing(user):
    reference = add_segmentation(user)
    segment_id = user.review.store.ids()[0]
    user.panel.presenters.segmenting.segment_id = segment_id
    before = slicer.util.arrayFromSegmentBinaryLabelmap(reference, segment_id, user.volume).copy()
    user.ui.referenceSelector.setCurrentNode(reference)
    user.tab("exploreTab")
    scores = []
    for pixels in (2, 6, 12):
        user.ui.amountSlider.value = pixels
        user.wait("the answer")
        user.driver.wait_until(lambda p=pixels: user.panel.presenters.exploring.last.pixels == p, what="the answer")
        scores.append(user.panel.presenters.exploring.last)
    dice = [trial.estimate.dice for trial in scores]
    assert dice == sorted(dice, reverse=True)
    assert [trial.true for trial in scores] == pytest.approx(dice, abs=0.02)
    assert "true Dice" in user.ui.exploreResultLabel.text
    assert not user.ui.scatterPicture.pixmap.isNull()
    assert not user.ui.explorePicture.pixmap.isNull()
    after = slicer.util.arrayFromSegmentBinaryLabelmap(reference, segment_id, user.volume)
    assert np.array_equal(before, after)
    user.click("clearScatterButton")
    assert user.panel.presenters.exploring.trials == []


@pytest.mark.parametrize("error", [0, 1, 2, 3])
def test_every_synthetic_error_lowers_the_score(one, error):
    add_segmentation(one)
    one.panel.presenters.segmenting.segment_id = one.review.store.ids()[0]
    one.tab("exploreTab")
    one.choose("errorSelector", error)
    one.ui.amountSlider.value = 10
    one.wait("the answer")
    one.driver.wait_until(lambda: one.panel.presenters.exploring.last is not None, what="the answer")
    assert one.panel.presenters.exploring.last.estimate.dice < 0.97


def test_new_bands_recolor_rows_at_once(one):
    one.draw(half=12, center=(10, 0))
    assert one.rows[0].band == "poor"
    one.tab("settingsTab")
    one.ui.checkSpinBox.setValue(0.2)
    one.driver.settle()
    assert one.rows[0].band == "check"
    assert any("CHECK" in text for text in annotation_texts(one.host.view("Red")))
    one.ui.checkSpinBox.setValue(0.95)
    assert "Bands need" in one.status()
    assert one.rows[0].band == "check"


def test_the_summary_counts_poor_by_the_users_bands(one):
    one.draw(half=12, center=(10, 0))
    one.tab("settingsTab")
    one.ui.checkSpinBox.setValue(0.2)
    one.driver.settle()
    one.tab("reviewTab")
    texts = [one.ui.summaryTable.item(0, column).text() for column in range(one.ui.summaryTable.columnCount)]
    assert texts[3:5] == ["0 %", ""], "neither share nor run, as no row is poor"


def test_every_text_names_the_error_maps_colors_as_they_are(one):
    """The words, against the hue of the colours that are drawn."""
    import colorsys

    from EvanySegSlicerLib.presenters.explore import images
    from EvanySegSlicerLib.scene.overlay import error_map as map_

    hues = {"red": (-20, 20), "yellow": (45, 70), "cyan": (175, 200), "blue": (210, 255), "magenta": (290, 330)}
    said = (one.ui.errorMapCheckBox.toolTip, map_.IN_WORDS, (module.ROOT / "docs/tutorial.md").read_text("utf-8"))
    sentence = [next(s for s in text.replace(",", ".").split(".") if "too " in s).lower() for text in said]
    for color, word, picture in (
        (map_.FALSE_POSITIVE_COLOR, map_.FALSE_POSITIVE_WORD, images.TOO_MUCH),
        (map_.FALSE_NEGATIVE_COLOR, map_.FALSE_NEGATIVE_WORD, images.TOO_LITTLE),
    ):
        low, high = hues[word]
        assert low <= 360 * colorsys.rgb_to_hsv(*color)[0] <= high
        assert picture == tuple(round(255 * c) for c in color)
        assert all(word in text.lower() for text in said)
    assert all("magenta" in text and "red " not in text for text in sentence)


def test_continuous_colors_are_an_option(one):
    one.draw(half=12, center=(10, 0))
    middle = one.picture().pixelColor(one.picture().width() // 2 + 30, one.picture().height() // 2)
    one.choose("colorsSelector", 1)
    other = one.picture().pixelColor(one.picture().width() // 2 + 30, one.picture().height() // 2)
    assert middle != other


def test_cache_limit_is_kept(one):
    one.draw()
    one.ui.cacheSpinBox.setValue(64)
    assert one.panel.models.cache.max_bytes == 64 * 2**20


def test_weights_folder_import_and_clear(one, tmp_path, monkeypatch):
    from evanyseg.weights.store import WeightStore

    one.panel.presenters.settings.store = WeightStore(tmp_path / "weights")
    one.tab("settingsTab")
    one.click("clearWeightsButton")
    assert "no downloaded weights" in one.status()
    bad = tmp_path / "notes.txt"
    bad.write_text("not weights")
    one.panel.presenters.settings.import_weights(bad)
    one.wait("the import")
    assert one.status()
    assert "ready" not in one.status()
    assert bad.read_text() == "not weights"


def test_segments_with_poor_slices_are_flagged_when_wanted(one):
    one.draw(half=12, center=(10, 0))
    one.tab("settingsTab")
    one.click("flagSegmentsCheckBox")
    one.panel.updated([])
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    segment = one.review.segmentation.GetSegmentation().GetSegment(one.rows[0].segment_id)
    assert logic.GetSegmentStatus(segment) == logic.Flagged


def test_models_are_listed_and_the_choice_is_kept_in_the_scene(user):
    user.choose("segmenterSelector", 1)
    assert user.panel.controller.session.segmenter == "eager"
    user.draw()
    assert user.rows[0].segmenter == "eager"


def test_an_estimator_without_maps_says_so(host, hands):
    class NoMaps(KnownTruthEstimator):
        def _score(self, case, maps):
            return super()._score(case, False)

    user = User(host, hands, module.double_models(estimator=NoMaps()))
    user.draw()
    user.click("errorMapCheckBox")
    user.wait("the answer")
    assert "no error maps" in user.status()


def test_the_error_map_is_that_of_the_chosen_segment(one):
    one.draw(half=26)
    one.click("addSegmentButton")
    one.draw(half=12, center=(10, 0))
    composite = one.host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    one.click("errorMapCheckBox")
    one.wait("the error map")
    shown = lambda: slicer.util.arrayFromVolume(one.host.scene.GetNodeByID(composite.GetForegroundVolumeID()))
    assert (shown() > 100).sum() > 300, "the second segment misses much"
    one.choose("segmentSelector", 0)
    one.driver.run_for(0.3)
    one.wait("the other map")
    assert (shown() > 0).sum() < 30, "the first one is right"
