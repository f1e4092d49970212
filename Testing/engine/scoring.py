"""Scoring a label map in one call."""

from __future__ import annotations

import numpy as np

from engine.doubles import BrightEstimator, BrightSegmenter
from evanyseg.flow import SliceFlow
from evanyseg.io.segmentation import segmentation_of_labels
from evanyseg.io.volume import Volume
from evanyseg.missing_slices import MissingJudge
from evanyseg.slice_stack import SliceStack
from evanyseg.volume_scoring import SliceScore, VolumeScorer


def scored(volume: Volume, labels: np.ndarray, judge: bool = False, estimator=None, **options) -> list[SliceScore]:
    """Every score of `labels`; with `judge` also of slices without a mask; options go to `SliceStack`."""
    stack = SliceStack(volume, segmentation_of_labels(labels, volume), **options)
    flow = SliceFlow(estimator or BrightEstimator(), BrightSegmenter() if judge else None)
    return list(VolumeScorer(stack, flow, MissingJudge(flow) if judge else None).scores())
