"""The codes in a `.seg.nrrd` written by the engine are what Slicer's terminology module reads, and the reverse."""

from __future__ import annotations

import slicer

from evanyseg.io.dicom.codes import Code, SegmentedProperty
from evanyseg.io.dicom.terminology import TAG, property_of_tags, tags_of_property

KIDNEY = SegmentedProperty(
    Code("123037004", "SCT", "Anatomical Structure"),
    Code("64033007", "SCT", "Kidney"),
    (Code("7771000", "SCT", "Left"),),
    (Code("818981001", "SCT", "Abdomen"),),
)


def test_slicer_reads_the_codes_and_its_own_text_is_read_back() -> None:
    logic, entry = slicer.vtkSlicerTerminologiesModuleLogic(), slicer.vtkSlicerTerminologyEntry()
    tags = tags_of_property(KIDNEY)
    assert logic.DeserializeTerminologyEntry(tags.removeprefix(f"{TAG}:").rstrip("|"), entry)
    assert entry.GetCategoryObject().GetCodeValue() == "123037004"
    assert entry.GetTypeObject().GetCodeMeaning() == "Kidney"
    assert entry.GetTypeModifierObject().GetCodeMeaning() == "Left"
    written = logic.SerializeTerminologyEntry(entry)
    assert property_of_tags(f"Segmentation.Status:completed|{TAG}:{written}|") == KIDNEY


def test_tags_without_codes_are_nothing() -> None:
    assert property_of_tags("") is None
    assert property_of_tags("Segmentation.Status:completed|") is None
    assert property_of_tags(f"{TAG}:somewhere~^^~SCT^1^x|") is None
