"""What an audit is about: cases with their metadata, and what was measured of each label of a case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = (
    "case", "subject", "label", "label_id", "image", "mask", "slices", "scored", "size", "right", "anterior",
    "superior", "pred_dice", "low", "high", "worst_slice", "worst_dice", "truth", "caveats", "estimator", "intensity",
    "remarks",
)  # fmt: skip
"""Of the table that an audit writes; the metadata's columns follow."""
NUMBERS = (
    "slices", "scored", "size", "right", "anterior", "superior", "pred_dice", "low", "high", "worst_slice",
    "worst_dice", "truth",
)  # fmt: skip
"""Those of them that are numbers; the metadata is text."""


@dataclass(frozen=True)
class AuditCase:
    """An image with its mask. labels: those that count (none: all of the mask); truth: the true Dice where it is known,
    of a case with one label; metadata: text by column; names: a file that says what the mask's values are called."""

    name: str
    image: Path
    mask: Path
    subject: str
    labels: tuple[str, ...] = ()
    truth: float = math.nan
    metadata: Mapping[str, str] = field(default_factory=dict)
    names: Path | None = None


@dataclass(frozen=True)
class AuditRow:
    """One label of one case. slices: on which it is, scored: how many of them were; size: mm3 (mm2 of a picture, pixels
    where it has no spacing); center: where it lies in the image, as shares of its extent towards right, anterior and
    superior; dice, low, high: mean over the scored slices, weighted by area (NaN: unscored);
    remarks: sentences about how the case's files were read."""

    case: str
    subject: str
    label: str
    label_id: str
    image: str
    mask: str
    slices: int = 0
    scored: int = 0
    size: float = math.nan
    center: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    dice: float = math.nan
    low: float = math.nan
    high: float = math.nan
    worst_slice: int | None = None
    worst_dice: float = math.nan
    truth: float = math.nan
    caveats: str = ""
    estimator: str = ""
    intensity: str = ""
    remarks: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def cells(self) -> dict[str, object]:
        """By the names of `COLUMNS`, then the metadata."""
        right, anterior, superior = self.center
        return {
            "case": self.case, "subject": self.subject, "label": self.label, "label_id": self.label_id,
            "image": self.image, "mask": self.mask, "slices": self.slices, "scored": self.scored, "size": self.size,
            "right": right, "anterior": anterior, "superior": superior, "pred_dice": self.dice, "low": self.low,
            "high": self.high, "worst_slice": self.worst_slice, "worst_dice": self.worst_dice, "truth": self.truth,
            "caveats": self.caveats, "estimator": self.estimator, "intensity": self.intensity,
            "remarks": self.remarks,
            **{name: text for name, text in self.metadata.items() if name not in COLUMNS},
        }  # fmt: skip

    @classmethod
    def of_cells(cls, cells: Mapping[str, str]) -> AuditRow:
        """From what `cells` became in a CSV."""
        number = lambda name: float(cells[name]) if cells[name] else math.nan
        return cls(
            case=cells["case"],
            subject=cells["subject"],
            label=cells["label"],
            label_id=cells["label_id"],
            image=cells["image"],
            mask=cells["mask"],
            slices=int(cells["slices"] or 0),
            scored=int(cells["scored"] or 0),
            size=number("size"),
            center=(number("right"), number("anterior"), number("superior")),
            dice=number("pred_dice"),
            low=number("low"),
            high=number("high"),
            worst_slice=int(cells["worst_slice"]) if cells["worst_slice"] else None,
            worst_dice=number("worst_dice"),
            truth=number("truth"),
            caveats=cells["caveats"],
            estimator=cells["estimator"],
            intensity=cells["intensity"],
            remarks=cells["remarks"],
            metadata={name: text for name, text in cells.items() if name not in COLUMNS},
        )
