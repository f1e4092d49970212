"""Codes of a segment as 3D Slicer keeps them in a `.seg.nrrd`: one tag of text with '~' and '^' between the parts.

Format: vtkSegment's tag `TerminologyEntry` (Slicer's vtkSlicerTerminologiesModuleLogic::SerializeTerminologyEntry):
context ~ category ~ type ~ type modifier ~ anatomic context ~ region ~ region modifier, each code scheme^value^meaning;
tags are 'name:value' with '|' between them.
"""

from __future__ import annotations

from .codes import Code, SegmentedProperty

TAG = "TerminologyEntry"
_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_REGIONS = "Anatomic codes - DICOM master list"


def property_of_tags(tags: str) -> SegmentedProperty | None:
    """From the value of `SegmentN_Tags`; None when no category and type stand there."""
    for tag in tags.split("|"):
        name, _, value = tag.partition(":")
        if name.strip() != TAG:
            continue
        parts = [_code(part) for part in value.split("~")]
        if len(parts) < 3 or parts[1] is None or parts[2] is None:
            return None
        modifier, region = (parts[n] if len(parts) > n else None for n in (3, 5))
        return SegmentedProperty(parts[1], parts[2], (modifier,) if modifier else (), (region,) if region else ())
    return None


def tags_of_property(known: SegmentedProperty) -> str:
    """The value of `SegmentN_Tags`; the form holds one modifier and one region."""
    modifier = _text(known.modifiers[0]) if known.modifiers else "^^"
    region = _text(known.regions[0]) if known.regions else "^^"
    parts = (_CONTEXT, _text(known.category), _text(known.type), modifier, _REGIONS, region, "^^")
    return f"{TAG}:{'~'.join(parts)}|"


def _code(text: str) -> Code | None:
    scheme, _, rest = text.partition("^")
    value, _, meaning = rest.partition("^")
    return Code(value.strip(), scheme.strip(), meaning.strip()) if scheme.strip() and value.strip() else None


def _text(code: Code) -> str:
    """The characters that separate parts cannot stand in a meaning."""
    clean = "".join(" " if c in "~^|" else c for c in code.meaning)
    return f"{code.scheme}^{code.value}^{clean}"
