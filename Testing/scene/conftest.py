"""A fresh real scene per test (0.02 s), and a small volume with its review."""

from __future__ import annotations

import importlib.util

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("slicer") is not None else ["test_*.py"]


@pytest.fixture
def app(tmp_path):
    from EvanySegSlicerLib.scene.headless.boot import boot

    slicer_app = boot(tmp_path / "cache")
    yield slicer_app
    slicer_app.close()


@pytest.fixture
def truth():
    """An ellipsoid, bool [K, J, I]."""
    from scene.headless import ball

    return ball()


@pytest.fixture
def volume(app, truth):
    """The ellipsoid on noise, 1 x 1.2 x 2 mm, axes along L, P, S."""
    from orientations import oriented_matrix
    from scene.headless import add_volume, phantom

    return add_volume(app, phantom(truth), oriented_matrix(signs=(-1, -1, 1), spacing=(1.0, 1.2, 2.0)))


@pytest.fixture
def opened(volume):
    """An OpenReview of `volume` with an empty segment 'Liver' and the test models."""
    from doubles import make_pipeline
    from EvanySegSlicerLib.scene.review.open_review import open_review

    made = open_review(volume, pipeline=make_pipeline())
    made.review.store.add("Liver")
    return made


@pytest.fixture
def review(opened):
    return opened.review


@pytest.fixture
def liver(review):
    return review.store.ids()[0]
