"""A session through the page ends with the same masks and the same table as its steps in a script."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from doubles.review import RecordingView
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.prompts import BoxPrompt
from EvanySegSlicerLib.presenters.front_end import Presenters
from EvanySegSlicerLib.presenters.setup.model_store import ModelStore
from EvanySegSlicerLib.scene.headless.boot import boot
from EvanySegSlicerLib.scene.headless.scene_files import save_segmentation
from EvanySegSlicerLib.scene.jobs.runner import JobRunner, ManualExecutor
from EvanySegSlicerLib.scene.nodes.add_volume import add_volume
from EvanySegSlicerLib.scene.nodes.session_node import SessionNode
from web.browser import Reviewer
from web.running import Server

HALF = 125
FAR, BELOW = 200, 64
"""Screen pixels: the eraser goes from left to right, beyond the ball on both sides, so far below its middle."""
VOLATILE = {"decided", "decided_hash", "segment_id", "serial"}
"""Columns that tell one session from another: time stamps and random ids."""


def through_the_page(reviewer: Reviewer, folder: Path) -> BoxPrompt:
    """Box, propagate, erase, score again, accept, export; the box that was drawn, in pixels of the slice."""
    reviewer.drag("Red", HALF)
    reviewer.wait_rows(1)
    reviewer.wait_idle()
    reviewer.export("table", folder)
    [row] = rows(folder)
    reviewer.page.click("#propagate-both")
    reviewer.page.wait_for_function("document.getElementById('status').innerText.includes('propagated')")
    reviewer.wait_idle()
    reviewer.take("erase")
    reviewer.stroke("Red", (-FAR, BELOW), (FAR, BELOW))
    reviewer.page.wait_for_selector("#rescore:not([disabled])")
    reviewer.page.click("#rescore")
    reviewer.page.wait_for_selector("#rescore[disabled]")
    reviewer.wait_idle()
    reviewer.press("n")
    reviewer.page.wait_for_selector("#accept:not([disabled])")
    reviewer.press("a")
    reviewer.page.wait_for_function("document.getElementById('counts').innerText.startsWith('1 of')")
    for kind in ("table", "segmentation"):
        reviewer.export(kind, folder)
    return BoxPrompt(*json.loads(row["box"]))


class NoViews:
    """The script looks at nothing."""

    def all(self) -> list:
        return []

    def active(self) -> None:
        return None


def through_a_script(phantom: Path, box: BoxPrompt, folder: Path) -> None:
    core, executor = boot(), ManualExecutor()
    made = Presenters(JobRunner(lambda device: executor), ModelStore.of_engine(), RecordingView(), NoViews())
    volume = add_volume(core.scene, read_image(phantom))
    core.show(volume)
    view = core.slice_node("Red")
    made.bind(SessionNode.of_scene(core.scene))
    made.controller.node.set("volume", volume.GetID())
    review = made.controller.require()
    made.painting.fit_brush()
    plane = review.reader.plane_of_view(view)

    made.segmenting.add_segment()
    segment_id = made.segmenting.segment_id
    made.controller.work(lambda open_review: open_review.jobs.box(segment_id, plane, box))
    executor.run_all()
    made.segmenting.propagate(view, "both", 0.5)
    executor.run_all()
    scale = box.width / (2 * HALF)  # pixels of the slice for one of the screen
    middle = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
    line = middle + scale * np.array([[-FAR, BELOW], [FAR, BELOW]])
    made.painting.stroke(view, plane.to_ras(line), erase=True)
    assert sum(row.stale for row in review.table.records()) == 1
    made.segmenting.rescore()
    executor.run_all()
    made.reviewing.next()
    made.reviewing.accept()
    made.reviewing.export_csv(folder / "evanyseg-review.csv")
    save_segmentation(review.segmentation, folder / "segmentation.seg.nrrd")
    made.leave()
    core.close()


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "evanyseg-review.csv").open(encoding="utf-8-sig") as lines:
        return [{k: v for k, v in row.items() if k not in VOLATILE} for row in csv.DictReader(lines)]


def mask(folder: Path, phantom: Path) -> np.ndarray:
    [segment] = (found := read_segmentation(folder / "segmentation.seg.nrrd").on_grid_of(read_image(phantom))).segments
    return found.mask(segment)


def test_the_page_and_a_script_agree_voxel_for_voxel(browser, phantom: Path, tmp_path: Path) -> None:
    page, script = tmp_path / "page", tmp_path / "script"
    page.mkdir()
    script.mkdir()
    with Server("--volume", phantom) as server, Reviewer(browser, server) as reviewer:
        box = through_the_page(reviewer, page)
    by_page = rows(page)
    through_a_script(phantom, box, script)
    assert np.array_equal(mask(page, phantom), mask(script, phantom))
    by_script = rows(script)
    assert len(by_page) == len(by_script) > 20
    for one, other in zip(by_page, by_script, strict=True):
        assert one.keys() == other.keys()
        for column, value in one.items():
            assert value == other[column] or agree(float(value), float(other[column])), column


def agree(one: float, other: float) -> bool:
    """To five units of the sixth digit, which is all that the table keeps: sums over an error map in single precision
    depend on what else was in the batch. Below 1 to a millionth."""
    size = max(abs(one), abs(other))
    allowed = 5.001 * 10.0 ** (math.floor(math.log10(size)) - 5) if size >= 1 else 1.001e-6
    return one == pytest.approx(other, rel=0, abs=allowed)
