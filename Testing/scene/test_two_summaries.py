"""One segmentation, scored by the command line and in a scene: one summary, one overlay."""

import numpy as np
import pytest

from doubles import make_pipeline
from evanyseg.bands import BandThresholds
from evanyseg.scoring.missing_slices import MissingSliceDetector
from evanyseg.scoring.run import run_scoring
from evanyseg.scoring.volumes import VolumeScorer
from EvanySegSlicerLib.scene.table.summaries import review_summaries, score_summary
from orientations import oriented_matrix
from scene.headless import ball, phantom
from scene.test_two_paths import both


@pytest.fixture
def scored(app, tmp_path):
    """(what the command line makes of it, the review of the same): a ball, three slices slipped, two left out."""
    truth = ball((24, 30, 36))
    held = truth.copy()
    held[14:17] = np.roll(held[14:17], 12, axis=2)
    held[9:11] = False
    matrix = oriented_matrix((0, 1, 2), (-1, -1, 1), (1.0, 1.2, 2.0))
    pipeline = make_pipeline()
    stack, review, segment_id = both(
        app, tmp_path, ".nrrd", phantom(truth), held.astype(np.uint8), matrix, "axial", pipeline
    )
    run = run_scoring(VolumeScorer(stack, pipeline, MissingSliceDetector(pipeline)), BandThresholds(), overlay=True)
    axis = stack.planes.axis
    review.score_existing(axis, [segment_id])
    review.find_missing(axis, [segment_id])
    return run, review


def test_command_line_and_panel_summarize_alike(scored):
    """Also what was left out: a Dice of 0 with the weight of a typical slice, never for free."""
    run, review = scored
    (theirs,) = run.summaries
    (ours,) = review_summaries(review.table.records(), BandThresholds())
    assert ours.scores.missing == theirs.missing == 2
    assert (ours.scores.slices, ours.scores.scored) == (theirs.slices, theirs.scored)
    for name in ("mean_dice", "median_dice", "worst_dice", "poor_fraction", "check_fraction"):
        assert getattr(ours.scores, name) == pytest.approx(getattr(theirs, name), abs=1e-5), name
    assert (ours.scores.worst_run.first, ours.scores.worst_run.last) == (
        theirs.worst_run.first,
        theirs.worst_run.last,
    )
    kept = [r for r in review.table.records() if r.kind == "mask"]
    assert score_summary("mask", kept, BandThresholds()).mean_dice > ours.scores.mean_dice + 0.05


def test_command_line_and_scene_paint_alike(scored):
    run, review = scored
    review.overlay.show()
    np.testing.assert_array_equal(review.overlay.codes, run.overlay)
