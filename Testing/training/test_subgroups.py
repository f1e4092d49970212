"""Subgroups of an evaluation's masks."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evanyseg.prompts import BoxPrompt
from evanyseg_training.evaluation.subgroups import FILLS, by_fill


@dataclass
class Boxes:
    table: pd.DataFrame
    boxes: list[BoxPrompt]

    def __len__(self) -> int:
        return len(self.boxes)

    def true_box(self, i: int) -> BoxPrompt:
        return self.boxes[i]


def test_objects_are_told_apart_by_how_much_of_their_box_they_fill():
    boxes = [BoxPrompt(0, 0, 10, 10), BoxPrompt(5, 5, 15, 25), BoxPrompt(2, 0, 12, 10), BoxPrompt(0, 0, 4, 5)]
    cases = Boxes(pd.DataFrame({"area": [34, 70, 65, 20]}), boxes)
    thin, between, compact = FILLS
    assert by_fill(cases).tolist() == [thin, between, compact, compact]
