"""What the estimator has to beat, each a small class with one interface: `fit(table, dice)` and `predict(table)`.

A table has one row per mask: the shape features of `shape.FEATURES` and, where a segmenter gave them, the signals of
`signals.SIGNALS`. A method that lacks its signals for a row answers NaN there, and is reported with its own count.
"""
