"""Segmenters that exist for evaluation only: the estimator and the built-in segmenter never see a mask of theirs.

Two unlike networks (a U-Net on a crop, a residual encoder-decoder on the whole image) give natural errors of several
kinds; checkpoints of their first steps give the failures. Trained on the train split alone.
"""
