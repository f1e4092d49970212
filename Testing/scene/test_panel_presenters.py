"""What panels ask of presenters: options, models that are missing, waiting for their turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from evanyseg.errors import EvanySegError
from evanyseg.weights.store import WeightStore
from EvanySegSlicerLib.presenters.editing.edit_watch import QUIET_MS, EditWatch
from EvanySegSlicerLib.presenters.setup.model_store import ModelStore
from EvanySegSlicerLib.presenters.showing.map_follower import MapFollower
from EvanySegSlicerLib.scene.headless.offscreen import require_opengl
from scene.test_front_end import FrontEnd

try:
    require_opengl()
except EvanySegError as problem:
    pytest.skip(str(problem), allow_module_level=True)


class HandTimer:
    """Fires when the test says so."""

    def __init__(self, action) -> None:
        self.action, self.waiting = action, None

    @property
    def active(self) -> bool:
        return self.waiting is not None

    def start(self, milliseconds: int) -> None:
        self.waiting = milliseconds

    def stop(self) -> None:
        self.waiting = None

    close = stop

    def fire(self) -> None:
        self.waiting = None
        self.action()


@pytest.fixture
def front(app):
    one = FrontEnd(app)
    yield one
    one.close()


def test_a_slider_moved_while_something_runs_is_scored_afterwards(front):
    front.draw(5, (10, 10, 54, 54))
    presenters = front.presenters
    view = front.views.active()
    assert presenters.exploring.choose(presenters.segmenting.segment_id, view.slice_node, None) == ""
    presenters.segmenting.propagate(view.slice_node, "both", 0.0)
    presenters.exploring.set_error("Erode", 3)
    assert presenters.exploring.trials == []
    front.executor.run_all()
    assert [trial.pixels for trial in presenters.exploring.trials] == [3]


def test_options_are_kept_in_the_session_in_their_own_kind(front):
    settings, session = front.presenters.settings, lambda: front.presenters.controller.session
    settings.set_option("learn_every", "5")
    settings.set_option("auto_score", True)
    settings.set_option("reviewer", "Ann")
    settings.set_option("min_area_mm2", 2.5)
    assert (session().learn_every, session().auto_score, session().reviewer) == (5, True, "Ann")
    assert session().min_area_mm2 == 2.5
    settings.set_option("learn_every", "many")
    assert session().learn_every == 5
    settings.set_option("min_area_mm2", -1)
    assert "below 0" in front.view.problems[-1]
    assert session().min_area_mm2 == 2.5


def test_models_that_cannot_be_used_say_what_they_lack(tmp_path: Path):
    models, weights = ModelStore.of_engine(), WeightStore(tmp_path)
    assert models.missing("segmenter", "builtin", weights, lambda name: None) == ""
    assert "PyTorch" in models.missing("segmenter", "sam-vit-b", weights, lambda name: None)
    assert "evanyseg models download sam-vit-b" in models.missing("segmenter", "sam-vit-b", weights, lambda name: name)
    assert "evanyseg models import medsam" in models.missing("segmenter", "medsam", weights, lambda name: name)
    (tmp_path / "medsam_vit_b.pth").write_bytes(b"there")
    assert models.missing("segmenter", "medsam", weights, lambda name: name) == ""
    assert models.missing("estimator", "adapted", weights)
    assert models.missing("estimator", "nobody", weights) == "not known here"


def test_edits_are_noticed_after_a_pause_and_scored_again_where_that_is_wanted(front):
    timers = []
    make = lambda action: timers.append(HandTimer(action)) or timers[-1]
    watch = EditWatch(front.presenters.controller, make, front.presenters.settled)
    front.draw(5, (10, 10, 54, 54))
    watch.follow()
    (timer,) = timers
    assert timer.waiting == QUIET_MS
    while timer.active:
        timer.fire()
    review = front.presenters.controller.review
    plane = review.reader.plane(2, 5)
    mask = review.store.mask(front.rows[0].segment_id, plane).copy()
    mask[:, : mask.shape[1] // 2] = False
    front.presenters.settings.set_option("auto_score", True)
    review.store.write(front.rows[0].segment_id, plane, mask)
    watch.edited()
    before = front.rows[0].dice
    while timer.active:
        timer.fire()
    front.executor.run_all()
    assert not front.rows[0].stale
    assert front.rows[0].dice < before
    watch.close()


def test_an_estimator_without_maps_is_asked_once(front):
    presenters, timers = front.presenters, []
    make = lambda action: timers.append(HandTimer(action)) or timers[-1]
    follower = MapFollower(presenters.error_map, presenters.segmenting, front.views, make)
    front.draw(5, (10, 10, 54, 54))
    estimator = presenters.controller.review.pipeline.estimator
    whole = estimator.estimate_cases
    estimator.estimate_cases = lambda cases, maps=False, *more: whole(cases, False, *more)
    follower.set_on(True)
    front.executor.run_all()
    assert "error maps" in front.view.problems[-1]
    said = len(front.view.problems)
    for _ in range(3):
        follower.soon()
        timers[0].fire()
        front.executor.run_all()
    assert len(front.view.problems) == said, "not again before something changes"
    follower.close()
