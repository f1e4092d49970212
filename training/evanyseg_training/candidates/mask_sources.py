"""Where a mask comes from: the values of the column `mask_source`."""

CORRUPTION, UNSEEN_CORRUPTION = "corruption", "unseen corruption"
"""Made from the truth by a method of `corruption`, or by one that training never sees."""
OTHER_OBJECT = "other object"
"""A neat outline of another structure inside the prompt box."""
CLASSICAL, UNSEEN_CLASSICAL = "classical", "unseen classical"
"""By a method without training."""
STORED, ANNOTATOR = "stored", "annotator"
"""Stored in the data: predictions of published models, outlines by human annotators."""
SEGMENTER, COMPARISON = "segmenter", "comparison"
"""By the built-in segmenter's training runs, and by the segmenters that only evaluation knows."""
POOL = "pool"
"""By any segmenter of a selection pool."""

PROMPT_ONLY = (OTHER_OBJECT,)
"""Wrong because of what was asked for alone: without the prompt they may be good masks of something else, so that they
are never shown or measured without it."""
MODEL_GENERATED = (STORED, COMPARISON)
"""Those of held-out lists that are models."""
BY_METHODS = (SEGMENTER, STORED, ANNOTATOR, CLASSICAL)
"""Those of candidates that are not made from the truth."""
