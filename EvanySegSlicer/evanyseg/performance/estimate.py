"""From images with predictions to model-level estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import EvanySegError
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from .cases import SIDE, SUPPORT, Images
from .mapping import FEWEST_CHECKPOINTS, FEWEST_LABELED, TREND, Estimated, Observed, estimated, means
from .measures import MEASURES, WORDS, measured
from .reverse.protocol import ReverseEngine

SCORES, BOTH = "mean predicted Dice", "both"
LIMITS = {name: (0.0, float(np.hypot(SIDE, SIDE))) if name == "hd95" else (0.0, 1.0) for name in MEASURES}
LIMITS["correlation"] = (-1.0, 1.0)


@dataclass(frozen=True)
class ModelData:
    """A model's checkpoints on three sets: the labelled images it was trained on (no predictions needed), labelled
    images it was not trained on, and images without labels. Predictions are of the same checkpoints in the same
    order."""

    train: Images
    labeled: Images
    unlabeled: Images
    checkpoints: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.checkpoints) < FEWEST_CHECKPOINTS:
            raise EvanySegError(
                f"{len(self.checkpoints)} checkpoints: a line through fewer than {FEWEST_CHECKPOINTS} says nothing of "
                "another one. Keep more of a training's checkpoints (the paper: 20), and predict with each."
            )
        for images, what in ((self.labeled, "labelled images"), (self.train, "labelled training images")):
            if len(images) < FEWEST_LABELED:
                raise EvanySegError(f"{len(images)} {what}: at least {FEWEST_LABELED} are needed to fit estimates to.")
        if not len(self.unlabeled):
            raise EvanySegError("There are no unlabelled images to estimate the model's metrics on.")


@dataclass(frozen=True)
class ModelEstimates:
    """What is estimated on the unlabelled images, by metric; from_scores and from_both: the Dice again, from the mean
    of predicted Dice, and from pseudo Dice and predicted Dice together (None where nothing was scored). pseudo: [K, T,
    6] on both sides. doubts: sentences."""

    checkpoints: tuple[str, ...]
    of: Mapping[str, Estimated]
    from_scores: Estimated | None
    from_both: Estimated | None
    mean_scores: np.ndarray
    pseudo: tuple[np.ndarray, np.ndarray] = field(repr=False)
    doubts: tuple[str, ...] = ()


def model_estimates(
    data: ModelData,
    engine: ReverseEngine,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> ModelEstimates:
    """Raises CancelledError."""
    real = real_metrics(data.labeled)
    pseudo = pseudo_metrics(data, engine, progress, should_cancel)
    return estimates_of(data, real, pseudo)


def estimates_of(data: ModelData, real: np.ndarray, pseudo: tuple[np.ndarray, np.ndarray]) -> ModelEstimates:
    """From real metrics [K, N, 6] of the labelled images and pseudo metrics [K, T, 6] of both sides."""
    train, labeled = tuple(data.train.subjects), tuple(data.labeled.subjects)
    seen = {
        name: Observed(real[..., m], labeled, [(pseudo[0][..., m], pseudo[1][..., m])], [(train, train)])
        for m, name in enumerate(MEASURES)
    }
    found = {name: estimated(one, LIMITS[name]) for name, one in seen.items()}
    scores = (data.labeled.predicted_dice, data.unlabeled.predicted_dice)
    from_scores = from_both = None
    if all(np.isfinite(part).any() for part in scores):
        dice, of_scores = seen["dice"], (labeled, tuple(data.unlabeled.subjects))
        from_scores = estimated(Observed(dice.real, labeled, [scores], [of_scores]), LIMITS["dice"])
        both = Observed(dice.real, labeled, [*dice.predictors, scores], [(train, train), of_scores])
        from_both = estimated(both, LIMITS["dice"])
    mean = np.where(np.isfinite(scores[1]).any(1), means(scores[1]), np.nan)
    return ModelEstimates(
        data.checkpoints, found, from_scores, from_both, mean, pseudo, _doubts(found, data.checkpoints)
    )


def real_metrics(images: Images) -> np.ndarray:
    """[K, N, 6] of predictions against the truth."""
    assert images.truth is not None
    return np.stack([measured(one, images.truth) for one in images.predictions])


def pseudo_metrics(
    data: ModelData, engine: ReverseEngine, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
) -> tuple[np.ndarray, np.ndarray]:
    """[K, T, 6] of the training images, segmented from the labelled and from the unlabelled side's predictions.

    Both sides teach with as many images: more would teach better, and look like a better model. Where a side has
    several times as many, several such groups teach in turn, and the mean of what comes out counts.
    """
    targets = data.train.support()
    assert data.train.truth is not None
    truth = data.train.truth[targets]
    described = engine.describe(data.train.pixels[targets], _part(progress, 0, 0.2), should_cancel)
    count = min(SUPPORT, len(data.labeled), len(data.unlabeled))
    out = []
    for side, images in enumerate((data.labeled, data.unlabeled)):
        begin = 0.2 + 0.4 * side
        groups = images.groups(count)
        every = np.concatenate(groups)
        known = engine.describe(images.pixels[every], _part(progress, begin, 0.2), should_cancel)
        found = []
        for number, group in enumerate(groups):
            segment = engine.taught(known[number * count : (number + 1) * count], described, should_cancel)
            rows = []
            for k, name in enumerate(data.checkpoints):
                raise_if_cancelled(should_cancel)
                done = (number + k / len(data.checkpoints)) / len(groups)
                progress(begin + 0.2 + 0.2 * done, f"reverse step, {name}")
                rows.append(measured(segment(images.predictions[k][group]), truth))
            found.append(np.stack(rows))
        out.append(np.mean(found, axis=0))
    return out[0], out[1]


def _part(progress: Progress, begin: float, share: float) -> Progress:
    return lambda fraction, what: progress(begin + share * fraction, what)


def _doubts(found: Mapping[str, Estimated], checkpoints: tuple[str, ...]) -> tuple[str, ...]:
    out = []
    flat = [WORDS[name] for name, one in found.items() if _trend(one) < TREND]
    if flat:
        out.append(
            f"No common trend over the checkpoints: {', '.join(flat)} (correlation of pseudo and real metric below "
            f"{TREND:g}). Those estimates are hardly more than the mean of the labelled images: look at the plot."
        )
    beyond = [name for name, inside in zip(checkpoints, found["dice"].inside, strict=True) if not inside]
    if beyond:
        out.append(
            f"Dice beyond what the labelled images show, estimated by extending the line: {', '.join(beyond[:5])}"
            + (f" and {len(beyond) - 5} more." if len(beyond) > 5 else ".")
        )
    return tuple(out)


def _trend(one: Estimated) -> float:
    return one.trend if np.isfinite(one.trend) else 0.0
