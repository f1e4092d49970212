"""Scoring a label map in one call."""

from __future__ import annotations

import numpy as np

from doubles import BrightEstimator, BrightSegmenter
from evanyseg.geometry.volume import Volume
from evanyseg.io.segmentation import segmentation_of_labels
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.scoring.missing_slices import MissingSliceDetector
from evanyseg.scoring.stacks import SliceStack
from evanyseg.scoring.volumes import SliceScore, VolumeScorer


def scored(volume: Volume, labels: np.ndarray, detect: bool = False, estimator=None, **options) -> list[SliceScore]:
    """Every score of `labels`; with `detect` also of slices without a mask; options go to `SliceStack`."""
    stack = SliceStack(volume, segmentation_of_labels(labels, volume), **options)
    pipeline = SlicePipeline(estimator or BrightEstimator(), BrightSegmenter() if detect else None)
    return list(VolumeScorer(stack, pipeline, MissingSliceDetector(pipeline) if detect else None).scores())
