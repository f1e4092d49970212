"""Candidates by trained segmenters, cross-fitted: no mask comes from a model that saw its subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evanyseg.geometry.box_jitter import jittered_normally
from evanyseg.protocols import Progress, Segmenter, no_progress
from evanyseg.results import Candidates

from ..data.manifest import fold_of
from ..data.store import Store
from ..errors import LeakageError, OptionError, RunError
from ..segmenter.config import SegmenterConfig
from .mask_sources import SEGMENTER
from .run import CandidateOptions, chosen_objects
from .store import CandidateWriter


@dataclass(frozen=True)
class FoldModel:
    """A segmenter file; `fold` is the fold it was trained WITHOUT (None: it saw no subject of the store). `left_out`:
    the data sets it never saw; it then makes masks for these alone, with the errors of a segmenter out of its
    domain."""

    path: Path
    fold: int | None = None
    left_out: frozenset[str] | None = None

    @classmethod
    def parsed(cls, text: str) -> FoldModel:
        """From FILE, FILE@FOLD or FILE@leave-out: the sets that the config.yaml beside FILE gives no weight.

        Raises OptionError for another word, RunError where that file is missing or leaves nothing out.
        """
        path, _, kind = text.rpartition("@")
        if not path:
            return cls(Path(text))
        if kind.isdigit():
            return cls(Path(path), int(kind))
        if kind not in ("leave-out", "left-out"):  # the second is its former name
            raise OptionError(f"'{kind}' in --model {text} is neither a fold nor 'leave-out'.")
        config = Path(path).parent / "config.yaml"
        weights = SegmenterConfig.load(config).weight_of if config.is_file() else {}
        sets = frozenset(name for name, weight in weights.items() if weight == 0)
        if not sets:
            raise RunError(f"{config} leaves no data set out: give it 'weight_of' of 0 for some, and train.")
        return cls(Path(path), left_out=sets)

    def never_saw(self, row: Mapping[str, str], folds: int) -> bool:
        """Whether the subject of a manifest row (set, split, source, subject) was kept from its training."""
        if self.left_out is not None:
            return row["set"] in self.left_out
        return row["split"] != "train" or self.fold in (None, fold_of(row["source"], row["subject"], folds))

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"


@dataclass(frozen=True)
class SegmenterRun:
    """`models_per_image` of the allowed models for each image, `boxes` prompts per object and model: the jitter grows
    from prompt to prompt, so that poor boxes (and poor masks) are there too."""

    models_per_image: int = 2
    boxes: Sequence[float] = (0.05, 0.15)
    folds: int = 2


def allowed(models: Sequence[FoldModel], row: Mapping[str, str], folds: int) -> list[FoldModel]:
    """The models that never saw the subject of a manifest row."""
    return [model for model in models if model.never_saw(row, folds)]


def make_segmenter_masks(
    store: Store,
    folder: Path,
    models: Sequence[FoldModel],
    load: Callable[[Path], Segmenter],
    options: CandidateOptions,
    run: SegmenterRun | None = None,
    name: str = "segmenter",
    progress: Progress = no_progress,
) -> int:
    """Every mask head of every prompt becomes a candidate with its prompt box; the number of masks written.

    Raises LeakageError when no model is allowed for a subject (all of them saw it).
    """
    run = run or SegmenterRun()
    loaded: Mapping[FoldModel, Segmenter] = {m: load(m.path) for m in models}
    objects = chosen_objects(store, options)
    writer = CandidateWriter(folder, name)
    images = list(objects.groupby("image_id", sort=False))
    for done, (image_id, rows) in enumerate(images):
        first = rows.iloc[0]
        usable = allowed(models, first.to_dict(), run.folds)
        if not usable:
            raise LeakageError(
                f"Every segmenter given saw subject {first.subject} of {first.source}; give cross-fitted ones."
            )
        rng = np.random.default_rng([options.seed, 3, int(image_id)])
        image = store.image(int(image_id))
        for index in rng.choice(len(usable), min(run.models_per_image, len(usable)), replace=False):
            model = usable[int(index)]
            segmenter = loaded[model]
            embedding = segmenter.embed(image)
            for row in rows.to_dict("records"):
                truth = store.mask(row["row"])
                for amount in run.boxes:
                    box = jittered_normally(store.box(row["row"]), truth.shape, rng, amount)
                    heads = distinct_heads(segmenter.segment(embedding, box))
                    for head, mask, iou, stability in heads:
                        writer.add(row, truth, mask, SEGMENTER, f"{model.name}#{head}", box, iou, stability)
        progress((done + 1) / len(images), str(first.set))
    writer.close()
    return len(writer.rows)


def distinct_heads(answer: Candidates) -> Iterator[tuple[int, np.ndarray, float, float]]:
    """(head, mask bool [H, W], predicted IoU, stability) of an answer's masks, without the repeated ones."""
    seen: list[np.ndarray] = []
    for head, mask in enumerate(answer.masks):
        if not any(np.array_equal(mask, other) for other in seen):
            seen.append(mask)
            yield head, mask, float(answer.predicted_iou[head]), float(answer.stability[head])
