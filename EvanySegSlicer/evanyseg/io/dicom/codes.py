"""What a segment is and who made it, in DICOM's codes. No import of DICOM libraries unless a name is looked up.

Source: DICOM PS3.3 C.8.20.4 (Segment Description Macro), PS3.16 CID 7150 (categories), CID 7191 to 7197 (types).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...errors import EvanySegError

AUTOMATIC, SEMIAUTOMATIC, MANUAL = "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"


@dataclass(frozen=True)
class Code:
    """A coded concept: value and scheme identify it, the meaning is for people."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class SegmentedProperty:
    """What a segment shows: the category ('Anatomical Structure'), the type ('Liver'), modifiers ('Left'), regions."""

    category: Code
    type: Code
    modifiers: tuple[Code, ...] = ()
    regions: tuple[Code, ...] = ()


@dataclass(frozen=True)
class SegmentAlgorithm:
    """Who or what made a segment: kind is AUTOMATIC, SEMIAUTOMATIC or MANUAL; a manual one needs no name.

    `family`: None when nobody said; `parameters`: how it was called, as text such as 'box=12 20 80 90'.
    """

    kind: str
    name: str = ""
    version: str = ""
    family: Code | None = None
    parameters: str = ""


TISSUE = Code("85756007", "SCT", "Tissue")
UNSPECIFIED = SegmentedProperty(TISSUE, TISSUE)
"""What 3D Slicer writes for a segment that nobody has coded: it says nothing more than 'something of the body'."""

ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")

_CATEGORIES = (
    (7192, Code("91723000", "SCT", "Anatomical Structure")),
    (7194, Code("49755003", "SCT", "Morphologically Abnormal Structure")),
    (7191, TISSUE),
    (7197, Code("91720002", "SCT", "Body Substance")),
    (7193, Code("260787004", "SCT", "Physical object")),
)
"""Context groups of property types and the category that each belongs to, in the order in which they are searched."""


def property_named(name: str) -> SegmentedProperty | None:
    """The property whose type has exactly this meaning in DICOM's own lists ('liver', 'Neoplasm'); None if none has.

    Nothing is guessed: 'liver lesion' or 'Leber' find nothing.
    """
    from pydicom.sr.codedict import codes

    wanted = name.strip().casefold()
    for group, category in _CATEGORIES:
        types = getattr(codes, f"cid{group}")
        for keyword in types.dir():
            code = getattr(types, keyword)
            if code.meaning.casefold() == wanted:
                return SegmentedProperty(category, Code(code.value, code.scheme_designator, code.meaning))
    return None


def property_of_text(text: str) -> SegmentedProperty:
    """From 'SCT:10200004:Liver', or with the category before it, '...:Anatomical Structure/SCT:10200004:Liver'.

    Raises EvanySegError that shows the form.
    """
    parts = [_code_of_text(part) for part in text.split("/")]
    if len(parts) > 2 or any(part is None for part in parts):
        raise EvanySegError(
            f"'{text}' is no code; write SCHEME:VALUE:MEANING, for example SCT:10200004:Liver, or with the category "
            "before it: SCT:91723000:Anatomical Structure/SCT:10200004:Liver."
        )
    found = [part for part in parts if part is not None]
    if len(found) == 2:
        return SegmentedProperty(found[0], found[1])
    return SegmentedProperty(category_of(found[0]), found[0])


def code_of_item(item: Any) -> Code:
    """From one item of a DICOM code sequence; long code values and URNs are taken as they are."""
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    return Code(str(value), str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeMeaning", "")))


def category_of(code: Code) -> Code:
    from pydicom.sr.codedict import codes

    for group, category in _CATEGORIES:
        types = getattr(codes, f"cid{group}")
        found = (getattr(types, keyword) for keyword in types.dir())
        if any((c.value, c.scheme_designator) == (code.value, code.scheme) for c in found):
            return category
    return TISSUE


def _code_of_text(text: str) -> Code | None:
    match = re.fullmatch(r"\s*([\w.-]{1,16}):([^:/\s]{1,16}):([^:/]{1,64})", text)
    return Code(match[2], match[1], match[3].strip()) if match else None
