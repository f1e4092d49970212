"""Codes are looked up or given, never guessed; colours survive DICOM's encoding; what is missing is said."""

from __future__ import annotations

import math
import sys

import highdicom as hd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evanyseg.errors import EvanySegError, OutputError
from evanyseg.io.dicom.codes import Code, property_named, property_of_text
from evanyseg.io.dicom.colors import cielab_of_rgb, rgb_of_cielab
from evanyseg.io.dicom.seg.write import require_highdicom
from evanyseg.report.measurements import measured_segment
from evanyseg.results import QualityEstimate
from evanyseg.scoring.summary import summarize


@pytest.mark.parametrize(
    ("name", "value", "category"),
    [
        ("Liver", "10200004", "Anatomical Structure"),
        (" liver ", "10200004", "Anatomical Structure"),
        ("Neoplasm", "108369006", "Morphologically Abnormal Structure"),
        ("fat", "55603005", "Tissue"),
    ],
)
def test_a_name_that_dicom_lists_has_its_code(name: str, value: str, category: str) -> None:
    found = property_named(name)
    assert found is not None
    assert (found.type.value, found.type.scheme, found.category.meaning) == (value, "SCT", category)


@pytest.mark.parametrize("name", ["liver lesion", "Leber", "Segment", "", "Label 3"])
def test_other_names_have_none(name: str) -> None:
    assert property_named(name) is None


def test_a_code_is_given_with_or_without_its_category() -> None:
    found = property_of_text("SCT:10200004:Liver")
    assert (found.type, found.category.meaning) == (Code("10200004", "SCT", "Liver"), "Anatomical Structure")
    found = property_of_text("99ME:1:My category/99ME:2:My thing")
    assert (found.category, found.type) == (Code("1", "99ME", "My category"), Code("2", "99ME", "My thing"))
    assert property_of_text("99ME:2:My thing").category.meaning == "Tissue"


@pytest.mark.parametrize(
    "text", ["Liver", "SCT:10200004", "SCT::Liver", "a:b:c/d:e:f/g:h:i", "SCT:12345678901234567:x"]
)
def test_what_is_no_code_shows_the_form(text: str) -> None:
    with pytest.raises(EvanySegError, match="is no code; write SCHEME:VALUE:MEANING, for example SCT:10200004:Liver"):
        property_of_text(text)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_colors_come_back_and_agree_with_highdicom(color: tuple[int, int, int]) -> None:
    stored = cielab_of_rgb([c / 255 for c in color])
    assert rgb_of_cielab(stored) == pytest.approx([c / 255 for c in color], abs=2e-3)
    theirs = hd.color.CIELabColor.from_rgb(*color).value
    assert max(abs(a - b) for a, b in zip(stored, theirs, strict=True)) < 64  # of 65535


def test_without_highdicom_it_is_said_and_nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(OutputError, match=r"needs the package highdicom \(with pydicom 3 or newer\); install it"):
        require_highdicom()


class _Row:
    def __init__(self, index: int, area: float, dice: float) -> None:
        self.index, self.area, self.dice = index, area, dice


def test_the_mean_of_a_report_is_the_mean_of_the_summary() -> None:
    """Weighted by area, a missed slice like the median one, unscored ones not at all: one rule for both."""
    given_ = [(0, 100, 0.9), (1, 300, 0.7), (2, 0, 0.0), (3, 50, math.nan)]
    rows = [(k, area, QualityEstimate(dice, dice - 0.1, dice + 0.1, 0.9, "e")) for k, area, dice in given_]
    found = measured_segment(1, "a", rows, in_frames=True)
    summary = summarize("a", [_Row(k, area, dice) for k, area, dice in given_])
    assert found.whole[0] == pytest.approx(summary.mean_dice)
    assert found.whole == pytest.approx((found.whole[0], found.whole[0] - 0.1, found.whole[0] + 0.1))
    assert found.worst == summary.worst_dice == 0.0
    assert [s.k for s in found.slices] == [0, 1, 2, 3]
    assert [s.k for s in measured_segment(1, "a", rows, in_frames=False).slices] == [None] * 4
