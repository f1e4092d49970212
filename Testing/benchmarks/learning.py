"""Learning from corrected slices: the first time, one more slice, and what the result costs when it scores."""

from __future__ import annotations

import numpy as np

from evanyseg.adaptation.fit import adapt
from evanyseg.adaptation.measured import MeasuredReferences
from evanyseg.adaptation.reference import Reference
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.builtin import load

from .interactive import rgb
from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds, peak_megabytes, ratio

FIRST, MANY = 8, 24
FIRST_S, ONE_MORE_S, MEGABYTES, TIMES = 30.0, 3.0, 600.0, 1.3
SIDE = 512


def run(runs: int, quick: bool = False) -> list[Figure]:
    """512 x 512 slices with one prediction each, every slice of a subject of its own, with the default options."""
    base = load()
    repeats = 1 if quick else min(runs, 3)
    made = [reference(seed) for seed in range(MANY + repeats)]
    adapt(made[:2], base)  # lazy imports
    first = [milliseconds(lambda: adapt(made[:FIRST], base)) / 1e3 for _ in range(repeats)]
    rows = [
        figure(f"{FIRST} references, from nothing", first, "s", FIRST_S),
        figure("peak memory of that process so far", [peak_megabytes()], "MB", MEGABYTES),
    ]
    for count in (FIRST, MANY):
        known = MeasuredReferences()
        adapt(made[:count], base, known=known)
        more = [
            milliseconds(lambda n=n, c=count, k=known: adapt(made[: c + n + 1], base, known=k)) / 1e3
            for n in range(repeats)
        ]
        rows.append(figure(f"one more than {count} references", more, "s", ONE_MORE_S))
    learned = adapt(made[:FIRST], base).estimator
    times: tuple[list[float], list[float]] = ([], [])
    for one in made[:FIRST]:
        masks, boxes = np.stack([one.truth, *one.predictions] * 4), [one.box] * 8
        for estimator, took in zip((learned, base), times, strict=True):
            took.append(milliseconds(lambda e=estimator, o=one, m=masks, b=boxes: e.estimate(o.image, m, b)))
    rows.append(ratio("scoring, adapted / built-in", *times, TIMES))
    return rows


def reference(seed: int) -> Reference:
    image, truth, _ = slice_with_object(SIDE, seed)
    shift = 4 + 3 * (seed % 9)
    return Reference(
        rgb(image), truth, BoxPrompt.of_mask(truth), (np.roll(truth, shift, axis=1),), subject=f"subject {seed}"
    )
