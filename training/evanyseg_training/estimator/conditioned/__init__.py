"""The estimator that is told what a mask is meant to be (Quality Sentinel, arXiv 2406.00327), trained on own masks."""
