"""One image has one window, and one mask one score, whichever front end asks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from doubles import DigestEstimator, ThresholdSegmenter
from engine import dicom_files
from evanyseg.geometry.volume import ImageSource, Volume
from evanyseg.io.read import read_image
from evanyseg.io.segmentation import segmentation_of_labels
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.scoring.stacks import SliceStack
from evanyseg.scoring.volumes import VolumeScorer
from EvanySegSlicerLib.scene.nodes.add_volume import add_volume as add_read_volume
from EvanySegSlicerLib.scene.nodes.image_facts import image_facts
from EvanySegSlicerLib.scene.review.former_scores import restore_scores
from EvanySegSlicerLib.scene.review.open_review import open_review
from scene.headless import add_segmentation, add_volume

SHAPE = (5, 24, 30)
PIXELS = np.random.default_rng(3).integers(0, 3000, SHAPE).astype(np.uint16)
MASK = np.zeros(SHAPE, bool)
MASK[1:4, 6:18, 8:20] = True
HU = {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"}


def series(folder: Path, pixels: np.ndarray = PIXELS, **values: object) -> Volume:
    folder.mkdir()
    for k in range(SHAPE[0]):
        dicom_files.write_slice(folder / f"{k}.dcm", pixels[k], 16, (0.0, 0.0, 2.0 * k), **values)
    return read_image(folder)


def by_commands(volume: Volume) -> tuple[str, dict[int, float]]:
    stack = SliceStack(volume, segmentation_of_labels(MASK.astype(np.uint8), volume), "axial")
    rows = VolumeScorer(stack, pipeline()).scores()
    return stack.window.describe(), {r.index: r.dice for r in rows}


def by_scene(app, node) -> tuple[str, dict[int, float]]:
    segmentation, ids = add_segmentation(app, node, {"mask": MASK})
    review = open_review(node, segmentation, pipeline()).review
    found = review.jobs.score(2, [ids["mask"]]).run().outcomes
    (window,) = {o.window for o in found}
    assert window == review.reader.snapshot().window.describe()
    return window, {o.plane.index: o.estimate.dice for o in found}


def pipeline() -> SlicePipeline:
    return SlicePipeline(DigestEstimator(), ThresholdSegmenter())


def imported(app, volume: Volume, modality: str = "", unit: str = ""):
    """A node as Slicer's DICOM import leaves it: modality in the subject hierarchy, unit on the node."""
    import slicer

    node = add_volume(app, volume.array, volume.ijk_to_ras, "CT")
    if modality:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(app.scene)
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
        hierarchy.SetItemAttribute(item, name, modality)
    if unit:
        entry = slicer.vtkCodedEntry()
        entry.SetValueSchemeMeaning(unit, "UCUM", "")
        node.SetVoxelValueUnits(entry)
    return node


@pytest.mark.parametrize("facts", [("CT", "[hnsf'U]"), ("CT", ""), ("", "[hnsf'U]"), None])
def test_a_ct_has_the_soft_tissue_window_by_commands_and_in_the_scene(app, tmp_path: Path, facts) -> None:
    volume = series(tmp_path / "ct", **HU)
    node = add_read_volume(app.scene, volume) if facts is None else imported(app, volume, *facts)
    window, scores = by_commands(volume)
    assert window == "ct-soft [-160, 240]"
    assert by_scene(app, node) == (window, scores)
    assert len(scores) == 3


@pytest.mark.parametrize("facts", [("MR", "1"), ("PT", ""), ("CT", "1"), ("", "")])
def test_what_is_no_ct_in_hounsfield_units_has_percentiles(app, tmp_path: Path, facts) -> None:
    plain = {"Modality": facts[0] or "OT", "RescaleSlope": 1, "RescaleIntercept": -1024}
    if facts[0] == "CT":
        plain["RescaleType"] = "US"
    volume = series(tmp_path / "s", **plain)
    window, scores = by_commands(volume)
    assert window.startswith("percentile")
    assert by_scene(app, imported(app, volume, *facts)) == (window, scores)


def test_padding_counts_for_no_percentile_where_the_scene_knows_it(app, tmp_path: Path) -> None:
    pixels = PIXELS.copy()
    pixels[:, :, :6] = 60000
    volume = series(tmp_path / "mr", pixels, Modality="MR", PixelPaddingValue=60000)
    node = add_read_volume(app.scene, volume)
    window, scores = by_commands(volume)
    assert image_facts(node) == ImageSource("MR", False, (60000.0, 60000.0))
    assert by_scene(app, node) == (window, scores)
    assert by_scene(app, imported(app, volume, "MR"))[0] != window, "else this test could not fail"


class Database:
    """Slicer's DICOM database, as far as it is asked: values as text, '' for a tag that is not there."""

    def __init__(self, folder: Path) -> None:
        read = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
        self.files = {str(one.SOPInstanceUID): one for one in read}
        self.asked = 0

    def instanceValue(self, uid: str, tag: str) -> str:
        self.asked += 1
        element = self.files[uid].get(tuple(int(part, 16) for part in tag.split(",")))
        return "" if element is None else str(element.value)


@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 2, "RescaleIntercept": -100}])
def test_padding_of_what_slicer_imported_is_asked_of_its_database(app, tmp_path: Path, monkeypatch, rescale) -> None:
    import slicer

    pixels = PIXELS.copy()
    pixels[:, :, :6] = 60000
    volume = series(tmp_path / "mr", pixels, Modality="MR", PixelPaddingValue=60000, **rescale)
    database = Database(tmp_path / "mr")
    node = imported(app, volume, "MR")
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    open_review(node, None, pipeline())
    assert database.asked == 0, "a volume from a file has no instances to ask about"
    node.SetAttribute("DICOM.instanceUIDs", " ".join(database.files))
    assert by_scene(app, node) == by_commands(volume)
    assert image_facts(node).padding == volume.source.padding
    asked = database.asked
    open_review(node, None, pipeline())
    assert database.asked == asked, "once is enough: the node keeps it"


def test_padding_is_not_guessed_where_slices_are_rescaled_differently(app, tmp_path: Path, monkeypatch) -> None:
    import slicer

    series(tmp_path / "pt", Modality="PT", PixelPaddingValue=0, RescaleSlope=2, RescaleIntercept=0)
    database = Database(tmp_path / "pt")
    list(database.files.values())[-1].RescaleSlope = 3
    node = add_volume(app, PIXELS.astype(np.float32))
    node.SetAttribute("DICOM.instanceUIDs", " ".join(database.files))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    open_review(node, None, pipeline())
    assert image_facts(node).padding is None


def test_the_window_follows_what_becomes_known_and_is_said(app, tmp_path: Path) -> None:
    node = imported(app, series(tmp_path / "ct", **HU))
    review = open_review(node, None, pipeline()).review
    hint = "the modality is unknown; for a CT choose a CT preset."
    assert review.reader.window_sentence() == f"Shown by {review.reader.snapshot().window.describe()}: {hint}"
    before = review.reader.snapshot().window
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(app.scene)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "CT")
    assert (before.name, review.reader.snapshot().window.name) == ("percentile", "ct-soft")
    assert review.reader.window_sentence() == "Shown by ct-soft [-160, 240]: a CT in Hounsfield units."
    review.reader.preset = "ct-lung"
    assert review.reader.window_sentence() == "Shown by ct-lung [-1350, 150]."


def test_reading_the_facts_leaves_the_scene_as_it_was(app) -> None:
    node = add_volume(app, PIXELS.astype(np.int16))
    count = app.scene.GetNumberOfNodes()
    assert image_facts(node) == ImageSource()
    assert app.scene.GetNumberOfNodes() == count


def scored(review) -> dict[int, tuple[float, str]]:
    return {r.index: (r.dice, r.window) for r in review.table.records()}


def test_slices_scored_in_another_window_are_scored_again_and_never_mixed_up(app) -> None:
    """One mask of one image has a score in each window: a preset must not keep, or bring back, another one's."""
    node = add_volume(app, PIXELS.astype(np.int16), name="CT")
    segmentation, ids = add_segmentation(app, node, {"mask": MASK})
    review = open_review(node, segmentation, pipeline()).review
    found = {}
    for preset in ("ct-soft", "ct-lung"):
        review.reader.preset = preset
        applied = review.score_existing(2)
        assert len(applied.keys) == 3, preset
        found[preset] = scored(review)
        assert not review.score_existing(2).keys, "unchanged now"
    soft, lung = found["ct-soft"], found["ct-lung"]
    assert {w for _, w in soft.values()} == {"ct-soft [-160, 240]"}
    assert {w for _, w in lung.values()} == {"ct-lung [-1350, 150]"}
    assert all(soft[k][0] != lung[k][0] for k in soft), "else this test could not fail"
    row = review.table.get((ids["mask"], 2, 2, ""))
    former = review.table.recall(row.key, row.content_hash, row.estimator, "ct-soft [-160, 240]")
    assert (former.dice, former.window) == soft[2]

    plane = review.reader.plane(2, 2)
    full = review.store.mask(ids["mask"], plane).copy()
    review.store.write(ids["mask"], plane, np.zeros_like(full))
    review.refresh()
    review.store.write(ids["mask"], plane, full)
    review.refresh()
    assert scored(review)[2] == lung[2], "the score that comes back is the one of the window it had"


def test_scores_of_before_come_back_only_in_the_window_of_now(app) -> None:
    node = add_volume(app, PIXELS.astype(np.int16), name="CT")
    segmentation, _ = add_segmentation(app, node, {"mask": MASK})
    review = open_review(node, segmentation, pipeline(), preset="ct-soft").review
    review.score_existing(2)
    rows = review.table.records()
    name = rows[0].estimator
    soft, lung = "ct-soft [-160, 240]", "ct-lung [-1350, 150]"
    review.table.put(*(replace(r, estimator="learned", dice=0.5) for r in rows))
    learned = review.table.records()
    assert restore_scores(review.table, learned, name, lung) == ([], [r.key for r in learned])
    assert restore_scores(review.table, learned, name, soft) == ([r.key for r in learned], [])
    assert scored(review) == {r.index: (r.dice, soft) for r in rows}
    assert {r.estimator for r in review.table.records()} == {name}
