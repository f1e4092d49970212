"""Expected information gain of clicks: does a segmenter understand them, and does its own doubt say where to click?"""
