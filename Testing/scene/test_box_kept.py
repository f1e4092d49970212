"""The box that a mask came from is kept with every digit: scored again, the mask has the same numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from doubles.review import RecordingView
from evanyseg.prompts import BoxPrompt
from EvanySegSlicerLib.presenters.front_end import Presenters
from EvanySegSlicerLib.presenters.setup.model_store import ModelStore
from EvanySegSlicerLib.scene.jobs.runner import JobRunner, ManualExecutor
from EvanySegSlicerLib.scene.nodes.session_node import SessionNode
from EvanySegSlicerLib.scene.table.records import text_of_box
from scene.headless import add_volume


class NoViews:
    def all(self) -> list:
        return []

    def active(self) -> None:
        return None


def test_a_box_is_written_with_every_digit() -> None:
    box = BoxPrompt(1 / 3, np.float64(2) / 7, 100 + 1e-9, 200 / 3)
    read = BoxPrompt(*json.loads(text_of_box(box)))
    assert read == box


@pytest.mark.parametrize("seed", range(3))
def test_a_prompted_mask_scored_again_has_the_same_numbers(app, seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, j, i = np.mgrid[:6, :64, :64]
    ball = (j - 31.5) ** 2 + (i - 31.5) ** 2 <= 14**2
    volume = add_volume(app, (np.where(ball, 400, 80) + rng.normal(0, 15, k.shape)).astype(np.int16))
    executor = ManualExecutor()
    made = Presenters(JobRunner(lambda device: executor), ModelStore.of_engine(), RecordingView(), NoViews())
    made.bind(SessionNode.of_scene(app.scene))
    made.controller.node.set("volume", volume.GetID())
    review = made.controller.require()
    plane = review.reader.plane(2, 3)
    made.segmenting.add_segment()
    box = BoxPrompt(*(np.array([15, 15, 48, 48]) + rng.uniform(-0.5, 0.5, 4)))
    made.controller.work(lambda open_review: open_review.jobs.box(made.segmenting.segment_id, plane, box))
    executor.run_all()
    [before] = review.table.records()
    assert before.box_prompt == box
    made.segmenting.score_existing("axial")
    executor.run_all()
    [after] = review.table.records()
    assert (after.dice, after.low, after.high) == (before.dice, before.low, before.high)
    made.leave()
