"""From images with predictions to model-level estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np

from ..errors import EvanySegError
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, part_of, raise_if_cancelled
from .cases import SIDE, SUPPORT, Images
from .correction import Corrected, Scored, corrected
from .mapping import FEWEST_CHECKPOINTS, FEWEST_LABELED, TREND, Estimated, Observed, estimated, means
from .measures import MEASURES, WORDS, measured
from .reverse.protocol import ReverseEngine, ReverseSegmenter
from .unfinished import Parts, digest

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
        require_checkpoints(len(self.checkpoints))
        for images, what in ((self.labeled, "labelled images"), (self.train, "labelled training images")):
            if len(images) < FEWEST_LABELED:
                raise EvanySegError(f"{len(images)} {what}: at least {FEWEST_LABELED} are needed to fit estimates to.")
        if not len(self.unlabeled):
            raise EvanySegError("There are no unlabelled images to estimate the model's metrics on.")


def require_checkpoints(count: int) -> None:
    """Raises EvanySegError."""
    if count < FEWEST_CHECKPOINTS:
        raise EvanySegError(
            f"{count} checkpoints: a line through fewer than {FEWEST_CHECKPOINTS} says nothing of another one. Keep "
            "more of a training's checkpoints (the paper: 20), and predict with each."
        )


@dataclass(frozen=True)
class ModelEstimates:
    """What is estimated on the unlabelled images, by metric: `of` by the reverse step, `by_images` from the labelled
    images' metric and the predicted Dice of both sides; from_scores and from_both: the Dice again, from the mean of
    predicted Dice over checkpoints, and from pseudo Dice and predicted Dice together (the three: None where nothing was
    scored). pseudo: [K, T, 6] on both sides. doubts: sentences."""

    checkpoints: tuple[str, ...]
    of: Mapping[str, Estimated]
    by_images: Mapping[str, Corrected] | None
    from_scores: Estimated | None
    from_both: Estimated | None
    mean_scores: np.ndarray
    pseudo: tuple[np.ndarray, np.ndarray] = field(repr=False)
    doubts: tuple[str, ...] = ()

    def best(self, metric: str) -> Corrected | Estimated:
        """What was measured to be nearer to the truth: corrected image by image where predictions were scored."""
        return self.by_images[metric] if self.by_images is not None else self.of[metric]


def model_estimates(
    data: ModelData,
    engine: ReverseEngine,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
    kept: Parts | None = None,
) -> ModelEstimates:
    """kept: where the reverse step's results stay. Raises CancelledError, OutputError."""
    real = real_metrics(data.labeled)
    pseudo = pseudo_metrics(data, engine, progress, should_cancel, kept)
    return estimates_of(data, real, pseudo)


def estimates_of(data: ModelData, real: np.ndarray, pseudo: tuple[np.ndarray, np.ndarray]) -> ModelEstimates:
    """From real metrics [K, N, 6] of the labelled images and pseudo metrics [K, T, 6] of both sides."""
    train, labeled = tuple(data.train.subjects), tuple(data.labeled.subjects)
    seen = {
        name: Observed(real[..., m], labeled, [(pseudo[0][..., m], pseudo[1][..., m])], [(train, train)])
        for m, name in enumerate(MEASURES)
    }
    found = {name: estimated(one, LIMITS[name]) for name, one in seen.items()}
    scored, from_both = estimates_from_scores(data, real), None
    if scored is not None:
        dice, of_scores = seen["dice"], (labeled, tuple(data.unlabeled.subjects))
        scores = (data.labeled.predicted_dice, data.unlabeled.predicted_dice)
        both = Observed(dice.real, labeled, [*dice.predictors, scores], [(train, train), of_scores])
        from_both = estimated(both, LIMITS["dice"])
    from_scores, by_images = scored or (None, None)
    return ModelEstimates(
        data.checkpoints,
        found,
        by_images,
        from_scores,
        from_both,
        mean_predicted(data),
        pseudo,
        _doubts(found, data.checkpoints),
    )


def estimates_from_scores(data: ModelData, real: np.ndarray) -> tuple[Estimated, dict[str, Corrected]] | None:
    """What needs no reverse step: the Dice by a line over checkpoints from the mean of predicted Dice, and all metrics
    corrected image by image. None where a side has no scores."""
    labeled, unlabeled = tuple(data.labeled.subjects), tuple(data.unlabeled.subjects)
    scores = (data.labeled.predicted_dice, data.unlabeled.predicted_dice)
    if not all(np.isfinite(part).any() for part in scores):
        return None
    dice = Observed(real[..., MEASURES.index("dice")], labeled, [scores], [(labeled, unlabeled)])
    here, there = Scored(scores[0], labeled), Scored(scores[1], unlabeled)
    by_images = {name: corrected(real[..., m], here, there, LIMITS[name]) for m, name in enumerate(MEASURES)}
    return estimated(dice, LIMITS["dice"]), by_images


def mean_predicted(data: ModelData) -> np.ndarray:
    """[K] of the unlabelled images' predicted Dice; NaN where none is scored."""
    scores = data.unlabeled.predicted_dice
    found: np.ndarray = np.where(np.isfinite(scores).any(1), means(scores), np.nan)
    return found


def real_metrics(images: Images) -> np.ndarray:
    """[K, N, 6] of predictions against the truth."""
    assert images.truth is not None
    return np.stack([measured(one, images.truth) for one in images.predictions])


def pseudo_metrics(
    data: ModelData,
    engine: ReverseEngine,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
    kept: Parts | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """[K, T, 6] of the training images, segmented from the labelled and from the unlabelled side's predictions.

    Both sides teach with as many images: more would teach better, and look like a better model. Where a side has
    several times as many, several such groups teach in turn, and the mean of what comes out counts.
    """
    at = data.train.support()
    assert data.train.truth is not None
    pixels, truth = data.train.pixels[at], data.train.truth[at]
    targets = _Targets(
        truth,
        cache(lambda: engine.describe(pixels, part_of(progress, 0, 0.1), should_cancel)),
        engine.name.encode() + digest(pixels, truth),
    )
    count = min(SUPPORT, len(data.labeled), len(data.unlabeled))
    out = []
    for begin, images in ((0.1, data.labeled), (0.55, data.unlabeled)):
        groups = images.groups(count)
        share = 0.45 / len(groups)
        found = [
            _taught(images, group, engine, targets, part_of(progress, begin + n * share, share), should_cancel, kept)
            for n, group in enumerate(groups)
        ]
        out.append(np.mean(found, axis=0))
    return out[0], out[1]


@dataclass(frozen=True)
class _Targets:
    """What is segmented in reverse: truth bool [T, n, n], what the engine knows of the images (found when it is first
    needed), and what tells that it is the same as in an earlier run."""

    truth: np.ndarray
    described: Callable[[], np.ndarray]
    made_of: bytes


def _taught(
    images: Images,
    group: np.ndarray,
    engine: ReverseEngine,
    targets: _Targets,
    progress: Progress,
    should_cancel: ShouldCancel,
    kept: Parts | None,
) -> np.ndarray:
    """[K, T, 6] of the targets, segmented from a group's images with each checkpoint's predictions."""
    pixels = images.pixels[group]
    describe = lambda: engine.describe(pixels, part_of(progress, 0, 0.5), should_cancel)
    segmenter = cache(lambda: engine.taught(describe(), targets.described(), should_cancel))
    made_of, rows = targets.made_of + digest(pixels), []
    for number, predictions in enumerate(images.predictions):
        raise_if_cancelled(should_cancel)
        progress(0.5 + 0.5 * number / len(images.predictions), "reverse step")
        masks = predictions[group]
        make = partial(_segmented, segmenter, masks, targets.truth)
        rows.append((kept or Parts()).get(made_of + digest(masks), make)["metrics"])
    return np.stack(rows)


def _segmented(
    segmenter: Callable[[], ReverseSegmenter], masks: np.ndarray, truth: np.ndarray
) -> dict[str, np.ndarray]:
    return {"metrics": measured(segmenter()(masks), truth)}


def _doubts(found: Mapping[str, Estimated], checkpoints: tuple[str, ...]) -> tuple[str, ...]:
    out = []
    flat = [WORDS[name] for name, one in found.items() if _trend(one) < TREND]
    if flat:
        out.append(
            f"No common trend over the checkpoints in the reverse step: {', '.join(flat)} (correlation of pseudo and "
            f"real metric below {TREND:g}). What it says of those is hardly more than the mean of the labelled images: "
            "look at the plot."
        )
    beyond = [name for name, inside in zip(checkpoints, found["dice"].inside, strict=True) if not inside]
    if beyond:
        out.append(
            f"Reverse step: Dice beyond what the labelled images show, by extending the line: {', '.join(beyond[:5])}"
            + (f" and {len(beyond) - 5} more." if len(beyond) > 5 else ".")
        )
    return tuple(out)


def _trend(one: Estimated) -> float:
    return one.trend if np.isfinite(one.trend) else 0.0
