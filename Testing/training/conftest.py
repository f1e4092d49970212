"""Fixtures of the estimator's tests: a made-up store with candidates, and the training data on it."""

import pytest

from evanyseg_training.candidates.run import CandidateOptions, copy_stored, make_corruptions
from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.data.store import Store
from evanyseg_training.estimator.samples.data import EstimatorData
from evanyseg_training.estimator.samples.options import DataOptions
from training.disc_store import make_store
from training.estimator_runs import SIZE


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-up")
    store = make_store(folder / "store")
    make_corruptions(store, folder / "candidates", CandidateOptions(masks=150, per_object=(8, 15)))
    copy_stored(store, folder / "candidates")
    return folder


@pytest.fixture(scope="module")
def data(folders):
    pool = CandidateStore(folders / "candidates", Store(folders / "store"))
    return EstimatorData(pool, "train", DataOptions(size=SIZE))
