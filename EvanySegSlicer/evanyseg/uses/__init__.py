"""The four uses of predicted quality (Senbi et al., arXiv 2409.14874): find the poor samples, compare segmenters
without ground truth, alert below a threshold, select the best candidate of each sample.

Scores are predicted Dice, NaN where the estimator could not score: NaN is never poor, never best, never averaged, and
always counted.
"""

from .alert import Alert, alert_below
from .compare import Comparison, PairedDifference, SegmenterMean, compare_segmenters
from .poor import PoorSamples, find_poor
from .select import best_of_candidates, select_best

__all__ = [
    "Alert",
    "Comparison",
    "PairedDifference",
    "PoorSamples",
    "SegmenterMean",
    "alert_below",
    "best_of_candidates",
    "compare_segmenters",
    "find_poor",
    "select_best",
]
