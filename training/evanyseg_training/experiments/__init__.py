"""Experiments on whole questions: what adaptation brings, what the source papers measured."""
