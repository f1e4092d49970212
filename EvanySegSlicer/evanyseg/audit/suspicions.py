"""Names that do not fit: left and right exchanged, and labels that look like another label of the data set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .case import AuditRow

FEWEST = 8
"""Cases of a label before anything is said of how it usually looks."""
ODD, USUAL = 5.0, 2.0
"""Robust standard deviations from the label's own median (size, place): farther than the first is odd, and within the
second of another label's it looks like that one."""
FLOORS = (0.25, 0.03, 0.03, 0.03)
"""Least spread of log size and of the place, so that labels that hardly vary are not called odd for nothing."""
_SIDE = re.compile(r"(?<![a-z])(left|right|lt|rt|l|r)(?![a-z])")


@dataclass(frozen=True)
class Suspicion:
    """A row and why its name is doubted, in words."""

    row: AuditRow
    why: str


def suspicions(rows: Sequence[AuditRow]) -> list[Suspicion]:
    """In the rows' order; at most one each."""
    known = [row for row in rows if row.size > 0 and not np.isnan(row.center[0])]
    found = {id(row): Suspicion(row, why) for row, why in _unlike_their_label(known)}
    found |= {id(row): Suspicion(row, why) for row, why in _exchanged_sides(known)}
    return [found[id(row)] for row in rows if id(row) in found]


def side_of(label: str) -> tuple[str, str]:
    """('left' or 'right' or '', the label without it)."""
    text = label.lower().replace("_", " ").replace("-", " ")
    match = _SIDE.search(text)
    if match is None:
        return "", text
    side = "left" if match.group(1).startswith("l") else "right"
    return side, " ".join((text[: match.start()] + text[match.end() :]).split())


def _exchanged_sides(rows: Sequence[AuditRow]) -> list[tuple[AuditRow, str]]:
    pairs: dict[tuple[str, str, str], dict[str, AuditRow]] = {}
    for row in rows:
        side, organ = side_of(row.label)
        if side and not np.isnan(row.center[1]):  # pictures do not say where the patient's left is
            pairs.setdefault((row.case, row.mask, organ), {})[side] = row
    found = []
    for sides in pairs.values():
        if len(sides) == 2 and sides["left"].center[0] > sides["right"].center[0]:
            why = "lies on the patient's {} side of its counterpart: are left and right exchanged?"
            found += [(sides["left"], why.format("right")), (sides["right"], why.format("left"))]
    return found


def _unlike_their_label(rows: Sequence[AuditRow]) -> list[tuple[AuditRow, str]]:
    looks = {row.label: [] for row in rows}  # type: dict[str, list[np.ndarray]]
    for row in rows:
        looks[row.label].append(_look(row))
    usual = {label: _usual(np.array(of_label)) for label, of_label in looks.items() if len(of_label) >= FEWEST}
    found = []
    for row in rows:
        if row.label not in usual:
            continue
        here = _look(row)
        own = _distance(here, *usual[row.label])
        others = {label: _distance(here, *at) for label, at in usual.items() if label != row.label}
        nearest = min(others, key=lambda label: others[label], default="")
        if own > ODD and nearest and others[nearest] < USUAL:
            found.append((row, f"has the size and place that '{nearest}' usually has"))
        elif own > 2 * ODD:
            found.append((row, f"has another size or place than '{row.label}' has in other cases"))
    return found


def _look(row: AuditRow) -> np.ndarray:
    return np.nan_to_num(np.array([np.log(row.size), *row.center]))


def _usual(looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = np.median(looks, axis=0)
    return middle, np.maximum(1.4826 * np.median(np.abs(looks - middle), axis=0), FLOORS)


def _distance(look: np.ndarray, middle: np.ndarray, spread: np.ndarray) -> float:
    return float(np.max(np.abs(look - middle) / spread))
