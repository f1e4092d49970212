"""Cancel, memory, overlay and gathering of a whole scoring."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from doubles import BrightEstimator, BrightSegmenter
from engine import phantom
from engine.scoring import scored
from evanyseg.bands import BandThresholds
from evanyseg.errors import CancelledError
from evanyseg.io.segmentation import segmentation_of_labels
from evanyseg.overlay_codes import UNSCORED, code_of, color_table_text, paint, severity
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.scoring.missing_slices import MissingSliceDetector
from evanyseg.scoring.run import run_scoring
from evanyseg.scoring.stacks import SliceStack
from evanyseg.scoring.volumes import VolumeScorer, mean_of_slices

SHAPE = (12, 40, 48)


# ---- cancel, memory, summaries, overlay --------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 3, 11])
def test_cancel_stops_between_slices(after: int) -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    labels[5] = 0
    pipeline = SlicePipeline(BrightEstimator(batch=1), BrightSegmenter())
    scorer = VolumeScorer(
        SliceStack(volume, segmentation_of_labels(labels, volume)), pipeline, MissingSliceDetector(pipeline)
    )
    done: list[float] = []
    with pytest.raises(CancelledError):
        for _ in scorer.scores(lambda f, _: done.append(f), lambda: len(done) >= min(after, 8)):
            pass
    assert len(done) <= after


def test_progress_ends_at_one_and_never_falls() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    seen: list[float] = []
    stack = SliceStack(volume, segmentation_of_labels(labels, volume))
    list(VolumeScorer(stack, SlicePipeline(BrightEstimator())).scores(lambda f, _: seen.append(f)))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_scoring_needs_little_memory_beside_the_volume() -> None:
    volume, labels = phantom.volume((80, 128, 128)), phantom.ball((80, 128, 128)).astype(np.uint8)
    stack = SliceStack(volume, segmentation_of_labels(labels, volume))
    scorer = VolumeScorer(stack, SlicePipeline(BrightEstimator()))
    tracemalloc.start()
    count = sum(1 for _ in scorer.scores())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 50
    assert peak < 8e6  # slices are 16 kB; the volume is 2.6 MB


def test_a_run_gathers_summary_overlay_and_the_worst_pictures() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    labels[4] = np.roll(labels[4], 9, axis=1)
    labels[7] = 0
    pipeline = SlicePipeline(BrightEstimator(), BrightSegmenter())
    stack = SliceStack(volume, segmentation_of_labels(labels, volume))
    run = run_scoring(
        VolumeScorer(stack, pipeline, MissingSliceDetector(pipeline)), BandThresholds(), overlay=True, images=3
    )
    assert [r.index for r in run.worst_first][:2] == [7, 4]
    assert [r.index for r in run.pictured][:2] == [7, 4]
    assert len(run.pictured) == 3
    assert all(r.mask is not None for r in run.pictured)
    assert all(r.mask is None for r in run.rows)
    summary = run.summaries[0]
    assert (summary.missing, summary.worst_index, summary.unscored) == (1, 7, 0)
    scores = {r.index: r.dice for r in run.rows}
    assert np.all(run.overlay[4][labels[4] > 0] == code_of(scores[4]))
    assert np.all(run.overlay[6][labels[6] > 0] == 200)
    assert not run.overlay[labels == 0].any()


def test_where_masks_overlap_the_worst_score_is_painted() -> None:
    overlay = np.zeros((1, 4), np.uint8)
    every = np.ones((1, 4), bool)
    order = severity(BandThresholds())
    left = np.array([[True, True, False, False]])
    paint(overlay, every, code_of(math.nan), order)
    assert overlay.tolist() == [[UNSCORED] * 4]
    paint(overlay, left, code_of(0.3), order)
    paint(overlay, every, code_of(0.9), order)
    paint(overlay, every, UNSCORED, order)
    assert overlay.tolist() == [[130, 130, UNSCORED, UNSCORED]], (
        "what has no score is worse than good, and poor is worse still"
    )
    assert (code_of(0.0), code_of(1.7), code_of(-1.0)) == (100, 200, 100)


def test_the_color_table_names_band_and_score_of_every_code() -> None:
    lines = [line.split() for line in color_table_text(BandThresholds()).splitlines() if not line.startswith("#")]
    names = {int(line[0]): line[1] for line in lines}
    assert names[1] == "unscored"
    assert (names[100], names[170], names[190]) == ("poor_0.00", "check_0.70", "good_0.90")
    assert len(lines) == 104
    assert all(len(line) == 6 for line in lines)


def test_one_number_for_a_volume_weighs_slices_by_area() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    labels[6] = np.roll(labels[6], 12, axis=1)
    rows = scored(volume, labels)
    dice, low, high = mean_of_slices(rows)
    expected = sum(r.dice * r.area for r in rows) / sum(r.area for r in rows)
    assert dice == pytest.approx(expected)
    assert low < dice < high
    assert all(math.isnan(v) for v in mean_of_slices([]))
