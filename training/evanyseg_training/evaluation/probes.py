"""Three questions to an estimator: are its error maps right, does turning the image change it, how fast is it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, QualityEstimator, no_progress
from evanyseg.results import QualityCase

from ..metrics.maps import binary_dice, evaluation_window, map_scores, trivial_maps
from .cases import CaseSet

if TYPE_CHECKING:
    import pandas as pd


def map_table(
    estimator: QualityEstimator, cases: CaseSet, mode: str = "box", progress: Progress = no_progress
) -> pd.DataFrame:
    """One row per case and map: columns set, image, error ('false positive' among the mask's pixels, 'false negative'
    among the others in the window), method, ap, share (of pixels that are wrong: the AP of chance), dice (of the map
    cut at 0.5; NaN for trivial maps)."""
    import pandas as pd

    rows = []
    inputs = cases.quality_cases(mode)
    for i, estimate in enumerate(estimator.estimate_cases(inputs, maps=True)):
        mask, truth, box = cases.mask(i), cases.truth(i), cases.box(i, mode)
        where = evaluation_window(mask, box)
        if where is None or estimate.false_positive is None or estimate.false_negative is None:
            continue
        trivial = trivial_maps(mask, box)
        wrong, area = (mask ^ truth)[where], mask[where]
        for error, of_pixels, ours in (
            ("false positive", area, estimate.false_positive),
            ("false negative", ~area, estimate.false_negative),
        ):
            for method, score in [("error map", ours), *trivial.items()]:
                ap, share = map_scores(wrong, score[where], of_pixels)
                overlap = binary_dice(wrong, score[where], of_pixels) if method == "error map" else float("nan")
                rows.append((cases.table.set.iat[i], cases.table.image.iat[i], error, method, ap, share, overlap))
        progress((i + 1) / len(cases), "error maps")
    return pd.DataFrame(rows, columns=["set", "image", "error", "method", "ap", "share", "dice"])


def turned(case: QualityCase, quarter: int, flip: bool) -> QualityCase:
    """The case turned by quarter x 90 degrees (counter-clockwise), then mirrored left-right if `flip`."""
    image, mask, box = case.image, case.mask, case.box
    for _ in range(quarter % 4):
        if box is not None:
            box = BoxPrompt(box.y0, image.shape[1] - box.x1, box.y1, image.shape[1] - box.x0)
        image, mask = np.rot90(image), np.rot90(mask)
    if flip:
        if box is not None:
            box = BoxPrompt(image.shape[1] - box.x1, box.y0, image.shape[1] - box.x0, box.y1)
        image, mask = image[:, ::-1], mask[:, ::-1]
    return QualityCase(np.ascontiguousarray(image), np.ascontiguousarray(mask), box, case.caveats)


def turning_change(estimator: QualityEstimator, cases: CaseSet, mode: str = "box") -> dict[str, float]:
    """Mean |change of score| for each of the seven flips and turns, and over them all ('mean')."""
    kinds = [(q, f) for f in (False, True) for q in range(4)]
    straight = list(cases.quality_cases(mode))
    scores = np.array(
        [[e.dice for e in estimator.estimate_cases(turned(c, q, f) for c in straight)] for q, f in kinds], float
    )
    change = np.nanmean(np.abs(scores[1:] - scores[0]), axis=1)
    named = {f"{90 * q} degrees{' + flip' if f else ''}": float(v) for (q, f), v in zip(kinds[1:], change, strict=True)}
    return {**named, "mean": float(change.mean())}


def speed(estimator: QualityEstimator, case: QualityCase, repeats: int = 20, threads: int = 2) -> dict[int, float]:
    """Milliseconds a mask at batch 1 and 16 (median of repeats) with so many threads, pre-processing included."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _timed(estimator, case, repeats)
    finally:
        torch.set_num_threads(before)


def _timed(estimator: QualityEstimator, case: QualityCase, repeats: int) -> dict[int, float]:
    out = {}
    for batch in (1, 16):
        masks, boxes = np.stack([case.mask] * batch), [case.box] * batch
        estimator.estimate(case.image, masks, boxes)
        times = []
        for _ in range(max(repeats // batch, 3)):
            began = time.perf_counter()
            estimator.estimate(case.image, masks, boxes)
            times.append((time.perf_counter() - began) / batch)
        out[batch] = 1000 * float(np.median(times))
    return out
