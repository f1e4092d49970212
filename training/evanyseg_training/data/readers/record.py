"""What every reader yields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One labeled object class of one image file.

    `mask_value`: a number, several joined by ';' (their union is the object), 'nonzero', or 'instances' (every
    non-zero value is an object of its own). `prediction`: a label map with the same values, made by
    `prediction_source` ('human rater ...' means a person). 3D files are NIfTI/NRRD/MHA, cut along axis 2.
    """

    image: Path
    mask: Path
    set: str
    source: str
    subject: str
    use: str = "train"
    modality: str = ""
    label: str = "object"
    mask_value: str = "nonzero"
    is_3d: bool = False
    prediction: Path | None = None
    prediction_source: str = ""
