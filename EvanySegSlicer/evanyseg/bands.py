"""Quality bands: the words and colours a score is shown with. Always word and colour, never colour alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class QualityBand(str, Enum):
    GOOD = "good"
    CHECK = "check"
    POOR = "poor"
    UNSCORED = "unscored"


@dataclass(frozen=True)
class BandThresholds:
    """good: dice >= `good`; check: dice >= `check`; poor below; unscored: NaN.

    The Dice counts as it is shown, with two decimals: "0.70 poor" beside "poor below 0.70" would read as a fault.
    """

    good: float = 0.9
    check: float = 0.7

    def __post_init__(self) -> None:
        if not 0.0 < self.check < self.good <= 1.0:
            raise ValueError(f"Bands need 0 < check < good <= 1, got check {self.check:g} and good {self.good:g}.")

    def band(self, dice: float) -> QualityBand:
        if math.isnan(dice):
            return QualityBand.UNSCORED
        shown = round(float(dice), 2)
        if shown >= self.good:
            return QualityBand.GOOD
        return QualityBand.CHECK if shown >= self.check else QualityBand.POOR


# Okabe-Ito blue / yellow-orange / vermillion: told apart under deuteranopia, protanopia and in grey.
BAND_COLORS: dict[QualityBand, tuple[float, float, float]] = {
    QualityBand.GOOD: (0.0, 0.447, 0.698),
    QualityBand.CHECK: (0.941, 0.894, 0.259),
    QualityBand.POOR: (0.835, 0.369, 0.0),
    QualityBand.UNSCORED: (0.6, 0.6, 0.6),
}
