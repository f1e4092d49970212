"""Building a selection pool: several segmenters' masks for one prompt, with what the segmenter says about its own."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.protocols import Progress, Segmenter, no_progress

from ...candidates.generators import ObjectWindow, classical_masks, stored_predictions
from ...candidates.mask_sources import POOL
from ...candidates.store import CandidateStore, CandidateWriter
from ...data.former_names import with_current_names
from ..baselines.signals import SIGNALS, jitter_agreement, mean_agreement, pairwise_dice
from ..cases import CaseSet
from ..comparison.model import ComparisonSegmenter

if TYPE_CHECKING:
    pass

PART = "pool"


@dataclass(frozen=True)
class PoolOptions:
    """`objects`: most prompts of a data set; `jitters`: boxes for the jitter agreement."""

    objects: int = 16
    jitters: int = 8
    seed: int = 4


def build_pool(
    cases: CaseSet,
    segmenter: Segmenter,
    comparison: Sequence[ComparisonSegmenter],
    folder: Path,
    options: PoolOptions | None = None,
    progress: Progress = no_progress,
) -> CaseSet:
    """Masks of every candidate for some objects of a list, prompted with the list's jittered box.

    Candidates: each head of the segmenter, the last checkpoints of the comparison
    segmenters, GrabCut, and a stored prediction if there
    is one. Written to `folder` as a candidate store. The table's extra columns are `SIGNALS`."""
    options = options or PoolOptions()
    prompts = cases.table.drop_duplicates("object")
    prompts = prompts[prompts.groupby("set").cumcount() < options.objects]
    stored: dict[int, list[int]] = {}
    for row, prediction in stored_predictions(cases.store):
        if not cases.store.manifest.human_annotator.iat[prediction]:
            stored.setdefault(int(row["row"]), []).append(prediction)
    writer = CandidateWriter(folder, PART)
    lines: list[dict[str, Any]] = []
    for done, (i, line) in enumerate(prompts.iterrows()):
        rng = np.random.default_rng([options.seed, done])
        named, signals = _candidates(cases, int(i), segmenter, comparison, stored, options, rng)  # type: ignore[call-overload]
        truth, box = cases.truth(int(i)), cases.box(int(i))  # type: ignore[call-overload]
        store_row = cases.store.manifest.iloc[int(cases.masks.table.row.iat[int(line["at"])])].to_dict()
        agreed = pairwise_dice([mask for _, mask in named])
        for k, (name, mask) in enumerate(named):
            writer.add(store_row, truth, mask, POOL, name, box)
            shared = {n: line[n] for n in ("set", "source", "subject", "image", "object", "area", "label")}
            said = {**dict.fromkeys(SIGNALS, float("nan")), **signals.get(name, {}), "pairwise dice": float(agreed[k])}
            made = {"at": len(lines), "mask_source": POOL, "mask_method": name, "dice": writer.rows[-1]["dice"]}
            lines.append({**shared, **made, **said})
        progress((done + 1) / len(prompts), str(line["set"]))
    writer.close()
    import pandas as pd

    return CaseSet(cases.store, CandidateStore(folder, cases.store, [PART]), pd.DataFrame(lines))


def kept_pool(
    cases: CaseSet,
    segmenter: Segmenter,
    comparison: Sequence[ComparisonSegmenter],
    cache: Path,
    options: PoolOptions,
    progress: Progress = no_progress,
) -> CaseSet:
    """`build_pool`, kept in `cache` under a name made from the prompts, the options and what the segmenter answers to
    the first prompt: other weights give another pool."""
    import pandas as pd

    box = cases.box(0)
    logits = segmenter.segment(segmenter.embed(cases.image(0)), box).logits
    names, objects = [one.name for one in comparison], "|".join(cases.table.object)
    told = f"{options}|{objects}|{names}|{np.round(logits, 2).tobytes()!r}"
    folder = cache / f"pool-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        # made aside: a run cut short leaves nothing, and two runs may share the cache
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            made = Path(aside) / "pool"
            build_pool(cases, segmenter, comparison, made, options, progress).table.to_csv(
                made / "table.csv", index=False
            )
            with suppress(OSError):  # another run was first
                made.replace(folder)
    return CaseSet(
        cases.store, CandidateStore(folder, cases.store, [PART]), with_current_names(pd.read_csv(folder / "table.csv"))
    )


def _candidates(
    cases: CaseSet,
    i: int,
    segmenter: Segmenter,
    comparison: Sequence[ComparisonSegmenter],
    stored: dict[int, list[int]],
    options: PoolOptions,
    rng: np.random.Generator,
) -> tuple[list[tuple[str, np.ndarray]], dict[str, dict[str, float]]]:
    image, box = cases.image(i), cases.box(i)
    assert box is not None
    embedding = segmenter.embed(image)
    answer = segmenter.segment(embedding, box)
    agreement = jitter_agreement(segmenter, embedding, box, answer.masks, rng, options.jitters)
    named: list[tuple[str, np.ndarray]] = []
    signals: dict[str, dict[str, float]] = {}
    for k, mask in enumerate(answer.masks):
        name = f"{segmenter.name} head {k}"
        named.append((name, mask))
        others = [m for j, m in enumerate(answer.masks) if j != k]
        signals[name] = {
            "predicted iou": float(answer.predicted_iou[k]),
            "stability": float(answer.stability[k]),
            "head agreement": mean_agreement(mask, others),
            "jitter agreement": float(agreement[k]),
        }
    last = {one.config.name: one for one in comparison}
    named += [(name, one.segment(image, [box])[0]) for name, one in last.items()]
    row = int(cases.masks.table.row.iat[int(cases.table["at"].iat[i])])
    window = ObjectWindow(cases.store, row, 2.5)
    named += [(name, mask) for mask, name in classical_masks(window, box, rng) if name == "grabcut"]
    if row in stored:
        named.append(("stored prediction", cases.store.prediction(stored[row][0])))
    return named, signals
