"""Every stand-in of the tests: small real models, deterministic and without torch, and views that write down what they
are told. (`small_segmenter` holds a real network of few weights; import it by name, it needs torch.)
"""

from .bright import BrightEstimator, BrightSegmenter
from .digest import DigestEstimator
from .levels import BoxOverlapEstimator, LevelsSegmenter
from .truth import KnownTruthEstimator, ThresholdSegmenter, make_pipeline

__all__ = [
    "BoxOverlapEstimator",
    "BrightEstimator",
    "BrightSegmenter",
    "DigestEstimator",
    "KnownTruthEstimator",
    "LevelsSegmenter",
    "ThresholdSegmenter",
    "make_pipeline",
]
