"""The one Dice: by hand, its rule for empty masks, and that nobody keeps another formula."""

import re
from pathlib import Path

import numpy as np
import pytest

from evanyseg.overlap import dice, dice_of_iou
from evanyseg.pipeline.continuity import Continuity

ROOT = Path(__file__).resolve().parents[2]


def square(y, x, side=10):
    mask = np.zeros((40, 40), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_dice_by_hand():
    assert dice(square(10, 10), square(10, 13)) == pytest.approx(0.7)
    assert dice(square(10, 10), square(10, 10)) == 1.0
    assert dice(square(0, 0), square(20, 20)) == 0.0
    assert dice_of_iou(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 2 / 3, 1])


def test_two_empty_masks_agree_and_one_never_does():
    empty = np.zeros((40, 40), bool)
    assert dice(empty, empty) == 1.0
    assert dice(empty, square(1, 1)) == dice(square(1, 1), empty) == 0.0


def test_what_is_carried_along_a_stack_is_ranked_by_it():
    image = np.zeros((40, 40, 3), np.uint8)
    carried = Continuity(image, square(10, 10))
    assert carried.shared(square(10, 13)) == pytest.approx(0.7)
    assert carried.shared(np.zeros((40, 40), bool)) == 0.0


@pytest.mark.parametrize("folder", ["EvanySegSlicer/evanyseg", "training/evanyseg_training"])
def test_the_formula_is_written_once(folder):
    """2 |A and B| over a sum of areas, in any of the ways it stood here before."""
    formula = re.compile(r"\b2(\.0)? ?\* ?(int\()?\(?(np\.count_nonzero\()?\(?\w[\w.]* & ")
    found = {p.name for p in (ROOT / folder).rglob("*.py") if formula.search(p.read_text(encoding="utf-8"))}
    assert found <= {"overlap.py"}
