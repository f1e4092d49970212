"""A person who corrects a model's masks and lets the estimator learn from them, on a real scene."""

from __future__ import annotations

import numpy as np
import pytest

from doubles import ThresholdSegmenter
from doubles.review import RecordingView, double_models
from evanyseg.adaptation.candidates import CandidateOptions
from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.adaptation.learner.regression import LearnerOptions
from evanyseg.adaptation.store import ReferenceStore
from evanyseg.quality.builtin import BuiltinEstimator, load
from EvanySegSlicerLib.presenters.learning.learning import LearningPresenter
from EvanySegSlicerLib.presenters.review_controller import ReviewController
from EvanySegSlicerLib.presenters.reviewing import ReviewingPresenter
from EvanySegSlicerLib.presenters.segmenting import SegmentingPresenter
from EvanySegSlicerLib.scene.headless.boot import boot
from EvanySegSlicerLib.scene.jobs.runner import JobRunner, ManualExecutor
from EvanySegSlicerLib.scene.nodes.session_node import SessionNode
from scene.headless import add_segmentation, add_volume

QUICK = AdaptationOptions(CandidateOptions(synthetic=4), LearnerOptions(trees=40))
SLICES = 12


@pytest.fixture(scope="module")
def builtin() -> BuiltinEstimator:
    return load()


def objects(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(voxels, truth, a model's masks, which have slipped more or less), each [SLICES, 96, 112]. This person draws a
    wider border than what is bright, which no estimator can know before it is told."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:96, :112]
    voxels, truths, masks = [], [], []
    for _ in range(SLICES):
        y, x = 48 + rng.normal(0, 4), 52 + rng.normal(0, 4)
        r = ((rows - y) / (22 + rng.normal(0, 2))) ** 2 + ((columns - x) / (30 + rng.normal(0, 2))) ** 2
        bright = r < 0.45
        voxels.append(np.where(bright, 150, 70) + rng.normal(0, 15, bright.shape))
        truths.append(r < 1)
        masks.append(np.roll(bright, int(rng.integers(2, 20)), axis=1))
    return np.array(voxels).astype(np.int16), np.array(truths), np.array(masks)


class Review:
    """A person with a model's masks of one volume, scored by the built-in estimator."""

    def __init__(self, builtin, folder, seed=0, app=None, name="Liver") -> None:
        self.app = app or boot()
        self.view, self.executor = RecordingView(), ManualExecutor()
        models = double_models(ThresholdSegmenter(), builtin)
        store = ReferenceStore(folder)
        self.controller = ReviewController(JobRunner(lambda device: self.executor), models, self.view, store)
        self.node = SessionNode.of_scene(self.app.scene)
        self.controller.bind(self.node)
        self.reviewing = ReviewingPresenter(self.controller, lambda plane: None)
        self.segmenting = SegmentingPresenter(self.controller)
        self.learning = LearningPresenter(self.controller, QUICK)
        self.reviewing.decided = self.learning.check_automatic
        voxels, self.truth, self.masks = objects(seed)
        if app is None:
            volume = add_volume(self.app, voxels)
            segmentation, _ = add_segmentation(self.app, volume, {name: self.masks})
            self.node.set("volume", volume.GetID())
            self.node.set("segmentation", segmentation.GetID())
        self.controller.open()
        if app is None:
            self.segmenting.score_existing("axial")
            self.run()
        self.segment = self.review.store.ids()[0]

    @property
    def review(self):
        return self.controller.review

    @property
    def rows(self):
        return {r.index: r for r in self.review.table.records()}

    def run(self):
        self.executor.run_all()

    def correct(self, index, accept=True):
        """Paint the truth over the model's mask, and accept it."""
        plane = self.review.reader.plane(2, index)
        self.review.store.write(self.segment, plane, plane.take(self.truth))
        self.review.refresh([(self.segment, 2, index, "")])
        if accept:
            self.accept(index)

    def accept(self, index):
        self.reviewing.go((self.segment, 2, index, ""))
        self.reviewing.accept()

    def learn(self):
        self.learning.learn()
        self.run()

    def error(self, rows, indices):
        """Mean |score - true Dice| of the model's masks on slices nobody corrected."""
        planes = [self.review.reader.plane(2, i) for i in indices]
        true = [dice(p.take(self.masks), p.take(self.truth)) for p in planes]
        return float(np.mean([abs(rows[i].dice - t) for i, t in zip(indices, true, strict=True)]))

    def close(self):
        self.controller.bind(None)
        self.app.close()


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture
def person(builtin, tmp_path):
    one = Review(builtin, tmp_path / "references")
    yield one
    one.close()
