"""The demo on small generated volumes, with deterministic models: every file is there and opens again."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

import doubles
from evanyseg import cli
from evanyseg.errors import EvanySegError, GeometryError, PromptError
from evanyseg.geometry.boxes import BoxFrame
from evanyseg.geometry.volume import Volume
from evanyseg.io.write import write_labels
from evanyseg.overlap import dice
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.builtin import load
from EvanySegSlicerLib.demo import show
from EvanySegSlicerLib.demo.learn import CORRECTED, can_learn, learn
from EvanySegSlicerLib.demo.plan import AXIAL, SEEN_IN_TRAINING, fullest_slice, plan
from EvanySegSlicerLib.demo.run import box_around_brightest
from EvanySegSlicerLib.demo.stage import add_segment, set_stage
from EvanySegSlicerLib.demo.template import cut_structures
from EvanySegSlicerLib.scene.headless.boot import boot


def quiet(text: str) -> None:
    pass


@pytest.fixture
def scan(tmp_path):
    """A NIfTI of 24 slices with a bright block of 12 x 16 pixels on slices 6 to 17."""
    array = np.full((24, 48, 40), 20, np.int16)
    array[6:18, 10:26, 14:26] = 220
    path = tmp_path / "scan.nii.gz"
    write_labels(path, array, Volume(array, spacing=(0.8, 0.8, 2.0)))
    return path


def test_the_demo_on_a_users_volume_writes_everything(scan, tmp_path) -> None:
    box = BoxPrompt(12, 8, 28, 28)
    run = show.own_volume(scan, "axial", 12, box, BoxFrame.DISPLAY, "", doubles.make_pipeline, quiet)
    try:
        document = show.finish(run, tmp_path / "out", quiet)
    finally:
        run.stage.close()
    for name in ("sheet", "report", "table", "scene", "segmentation"):
        assert (tmp_path / "out" / document["files"][name]).stat().st_size > 100
    with open(document["files"]["table"], newline="") as file:
        rows = list(csv.DictReader(file))
    masks = {int(r["index"]): float(r["area_mm2"]) for r in rows if r["kind"] == "mask"}
    assert sorted(masks) == list(range(6, 18))  # carried to every slice that has the block, and no further
    assert set(masks.values()) == {12 * 16 * 0.64}
    assert document["comparison"] is None
    assert not list((tmp_path / "out").glob(".evanyseg*"))

    again = boot()
    try:
        again.load_mrb(tmp_path / "out/scene.mrb")
        segmentation = again.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
        assert segmentation.GetSegmentation().GetNumberOfSegments() == 1
    finally:
        again.close()


def test_the_demo_learns_from_slices_that_the_reference_corrects() -> None:
    """The reference is wider than what is bright, which the built-in estimator cannot know before it is told."""
    rng = np.random.default_rng(0)
    _, j, i = np.mgrid[:14, :64, :72]
    apart = np.hypot((j - 32) / (14 + rng.normal(0, 1.5, 14)[:, None, None]), (i - 36) / 18)
    bright = apart < 0.8
    voxels = (np.where(bright, 150, 60) + rng.normal(0, 8, bright.shape)).astype(np.int16)
    stage = set_stage(Volume(voxels), SlicePipeline(load(), doubles.ThresholdSegmenter()))
    try:
        segment = add_segment(stage, "Object")
        box = BoxPrompt(14, 14, 58, 50)
        for index in range(14):
            stage.review.segment_box(segment, stage.review.reader.plane(AXIAL, index), box)
        before = {r.index: r.dice for r in stage.review.table.records()}
        assert can_learn(stage)
        lesson = learn(stage, segment, apart < 1.25)
        assert lesson is not None
        assert len(lesson.corrected) == CORRECTED
        assert len(lesson.true) == 14 - CORRECTED
        assert not set(lesson.corrected) & {r.index for r in lesson.after}
        assert lesson.error(lesson.after) < 0.5 * lesson.error(lesson.before)
        assert {r.index: r.dice for r in stage.review.table.records()} == before, "the table stays as it is"
        said = show.lesson_of(lesson)
        assert said is not None
        assert (said["others"], said["helps"]) == (8, True)
        assert learn(stage, segment, np.zeros_like(bright)) is None
    finally:
        stage.close()


def test_only_the_builtin_estimator_learns_and_notes_about_the_file_are_said(scan) -> None:
    with scan.open("ab") as file:
        file.write(gzip.compress(b"more than its header tells of"))
    said = []
    run = show.own_volume(scan, "axial", 12, None, None, "", doubles.make_pipeline, said.append)
    try:
        assert any(text.startswith("scan.nii.gz") for text in said), said
        assert not can_learn(run.stage)
        assert run.lesson is None
    finally:
        run.stage.close()


def test_a_box_outside_the_users_slice_is_refused(scan) -> None:
    with pytest.raises(PromptError, match="outside the image"):
        show.own_volume(
            scan, "axial", 12, BoxPrompt(100, 100, 120, 120), BoxFrame.FILE, "", doubles.make_pipeline, quiet
        )


def test_a_box_whose_frame_is_not_stated_is_refused(scan) -> None:
    with pytest.raises(PromptError, match=r"scan\.nii\.gz is a volume and the frame .* --box-frame"):
        show.own_volume(scan, "axial", 12, BoxPrompt(12, 8, 28, 28), None, "", doubles.make_pipeline, quiet)


def test_a_box_in_the_files_frame_starts_where_it_was_meant(tmp_path) -> None:
    array = np.full((6, 48, 40), 20, np.int16)
    array[2:4, 10:26, 24:36] = 220
    path = tmp_path / "mirrored.nii.gz"
    write_labels(path, array, Volume(array, direction=np.diag([-1.0, 1.0, 1.0])))
    box = BoxPrompt(22, 8, 38, 28)
    run = show.own_volume(path, "axial", 3, box, BoxFrame.FILE, "", doubles.make_pipeline, quiet)
    try:
        assert run.prompts[0][2] == BoxPrompt(2, 8, 18, 28)
        assert {r.record.area_mm2 for r in run.rows if r.record.kind == "mask"} == {16 * 12}
    finally:
        run.stage.close()


def test_a_slice_outside_the_users_volume_is_refused(scan) -> None:
    with pytest.raises(GeometryError, match="outside the volume"):
        show.own_volume(scan, "axial", 99, None, None, "", doubles.make_pipeline, quiet)


def test_without_a_box_the_brightest_object_is_boxed() -> None:
    pixels = np.zeros((40, 40))
    pixels[10:20, 5:25] = 100
    pixels[30:33, 30:33] = 100
    box = box_around_brightest(pixels)
    assert box.x0 <= 5 < 25 <= box.x1
    assert box.y1 < 25
    with pytest.raises(EvanySegError, match="no contrast"):
        box_around_brightest(np.ones((10, 10)))


def test_structures_are_cut_where_the_tissue_says() -> None:
    k, j, i = np.mgrid[:90, :100, :96]
    brain = ((k - 45) / 42) ** 2 + ((j - 50) / 46) ** 2 + ((i - 48) / 44) ** 2 < 1
    hole = ((k - 48) / 7) ** 2 + ((j - 50) / 14) ** 2 + ((i - 48) / 10) ** 2 < 1
    core = ((k - 50) / 30) ** 2 + ((j - 50) / 34) ** 2 + ((i - 48) / 34) ** 2 < 1
    lobes = [((k - 16) / 8) ** 2 + ((j - 50) / 10) ** 2 + ((i - c) / 8) ** 2 < 1 for c in (30, 66)]
    white = ((core & (k > 32)) | lobes[0] | lobes[1]) & ~hole & brain
    gray = brain & ~white & ~hole
    found = cut_structures((brain * 100).astype(np.uint8), gray.astype(float), white.astype(float))
    assert dice(found["Lateral ventricles"], hole) > 0.9
    assert dice(found["Cerebellar white matter"], (lobes[0] | lobes[1]) & brain) > 0.85
    assert dice(found["Whole brain"], brain) == 1
    prompts = plan(found)
    assert {p.structure for p in prompts} <= set(SEEN_IN_TRAINING)  # the demo says what the models have seen
    assert len({p.axis for p in prompts}) == 3  # three orientations
    assert prompts[0].index == fullest_slice(found["Lateral ventricles"], AXIAL)
    reference = found["Lateral ventricles"][prompts[-1].index]
    good, poor = prompts[0].box(reference), prompts[-1].box(reference)
    assert poor.x1 < good.x1 - 0.3 * good.width  # the poor box misses a good part on purpose


@pytest.mark.parametrize("name", ["segmentation.seg.nrrd", "pictures/own.nii.gz"])
def test_the_demo_never_replaces_the_volume_that_it_was_given(tmp_path, capsys, name: str) -> None:
    volume = tmp_path / name
    volume.parent.mkdir(exist_ok=True)
    volume.write_bytes(b"precious")
    assert cli.main(["demo", "--volume", str(volume), "--out", str(tmp_path)]) == 2
    assert "would replace the input" in " ".join(capsys.readouterr().err.split())
    assert volume.read_bytes() == b"precious"
