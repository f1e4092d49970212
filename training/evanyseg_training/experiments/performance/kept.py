"""What is measured of a set, kept in a folder: predictions and scores of the checkpoints, and pseudo metrics of each
reverse engine, so that a stopped run goes on and another engine or another way of estimating needs no new training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from evanyseg.io.write import atomic_path
from evanyseg.performance.cases import SIDE, Images
from evanyseg.performance.estimate import ModelData, pseudo_metrics
from evanyseg.protocols import QualityEstimator

from ..adaptation.objects import KnownObject
from .checkpoints import TrainingOptions, images_of, model_data, thirds
from .remembering import RememberingEngine

MASKS = "masks.npz"


class KeptMeasures:
    """Of one set, in `folder`; whatever is there already is read."""

    def __init__(
        self,
        objects: Sequence[KnownObject],
        estimator: QualityEstimator,
        folder: Path,
        options: TrainingOptions,
        tell: Callable[[str], None],
    ) -> None:
        """Raises DataError."""
        self.folder, self.tell = folder, tell
        folder.mkdir(parents=True, exist_ok=True)
        self.data = self._data(objects, estimator, options)

    def pseudo(self, engine: RememberingEngine, count: int) -> tuple[tuple[np.ndarray, np.ndarray], float]:
        """Pseudo metrics [K, T, 6] of both sides with the first `count` labelled images, and the seconds it took."""
        path = self.folder / f"{engine.name}-{count}.npz"
        if not path.is_file():
            start = perf_counter()
            here, there = pseudo_metrics(first_labeled(self.data, count), engine)
            seconds = perf_counter() - start
            _save(path, {"labeled": here, "unlabeled": there, "seconds": np.array(seconds)})
            self.tell(f"  {engine.name}, {count} labelled images: {seconds:.0f} s")
        kept = np.load(path)
        return (kept["labeled"], kept["unlabeled"]), float(kept["seconds"])

    def _data(self, objects: Sequence[KnownObject], estimator: QualityEstimator, options: TrainingOptions) -> ModelData:
        path = self.folder / MASKS
        if not path.is_file():
            made = model_data(objects, estimator, options, self.tell)
            parts = {"checkpoints": np.array(made.checkpoints)}
            for name, images in (("labeled", made.labeled), ("unlabeled", made.unlabeled)):
                parts |= {name: np.packbits(images.predictions, axis=-1), f"{name}_scores": images.predicted_dice}
            _save(path, parts)
            return made
        kept = np.load(path)
        train, labeled, unlabeled = (images_of(part) for part in thirds(objects, options))
        with_masks = lambda images, name: replace(
            images,
            predictions=np.unpackbits(kept[name], axis=-1, count=SIDE).astype(bool),
            predicted_dice=kept[f"{name}_scores"],
        )
        return ModelData(
            train,
            with_masks(labeled, "labeled"),
            with_masks(unlabeled, "unlabeled"),
            tuple(str(name) for name in kept["checkpoints"]),
        )


def first_labeled(data: ModelData, count: int) -> ModelData:
    """With the first `count` labelled images alone."""
    images = data.labeled
    assert images.truth is not None
    few = Images(
        images.pixels[:count],
        images.truth[:count],
        images.predictions[:, :count],
        images.predicted_dice[:, :count],
        images.subjects[:count],
        images.names[:count],
    )
    return replace(data, labeled=few)


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
