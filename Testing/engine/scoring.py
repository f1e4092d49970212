"""Scoring a label map in one call."""

from __future__ import annotations

import numpy as np

from doubles import BrightEstimator, BrightSegmenter
from evanyseg.geometry.volume import Volume
from evanyseg.io.segmentation import segmentation_of_labels
from evanyseg.pipeline.slice_pipeline import SliceFlow
from evanyseg.scoring.missing_slices import MissingJudge
from evanyseg.scoring.stacks import SliceStack
from evanyseg.scoring.volumes import SliceScore, VolumeScorer


def scored(volume: Volume, labels: np.ndarray, judge: bool = False, estimator=None, **options) -> list[SliceScore]:
    """Every score of `labels`; with `judge` also of slices without a mask; options go to `SliceStack`."""
    stack = SliceStack(volume, segmentation_of_labels(labels, volume), **options)
    flow = SliceFlow(estimator or BrightEstimator(), BrightSegmenter() if judge else None)
    return list(VolumeScorer(stack, flow, MissingJudge(flow) if judge else None).scores())
