"""An estimator that is told what a mask is meant to be (after Quality Sentinel, arXiv 2406.00327)."""
