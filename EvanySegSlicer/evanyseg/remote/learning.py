"""Learning on a server: references are measured one by one, then learned from; the answer is what `adapt` would give.

Subjects are sent as numbers, the learned estimator's name is not sent at all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..adaptation import file
from ..adaptation.estimator import Learned
from ..adaptation.fit import AdaptationOptions, CrossValidation
from ..adaptation.reference import Reference
from ..errors import ImageError, WeightsError
from ..prompts import BoxPrompt
from ..protocols import Progress, ShouldCancel
from .server import Sendable, Server, misunderstood
from .wire import mask_document, read_answer

CHECKS = (
    "low", "high", "builtin", "learnt", "blended", "weight", "group", "own", "has_box", "builtin_inside", "inside",
)  # fmt: skip


@dataclass(frozen=True)
class LearnedThere:
    """content: the file of `learned`; check, subjects, remarks: as in `adaptation.fit.Adaptation`."""

    learned: Learned
    content: bytes
    check: CrossValidation
    subjects: int
    remarks: tuple[str, ...]


def learn(
    server: Server,
    references: Sequence[Reference],
    options: AdaptationOptions,
    progress: Progress,
    should_cancel: ShouldCancel,
    waiting: Sequence[float] = (),
) -> LearnedThere:
    """As `adaptation.fit.adapt`. Raises ImageError without usable references, CancelledError, ServerError."""
    if not references:
        raise ImageError("None of the references can be used: there are none.")
    names = [r.subject or f"image {n}" for n, r in enumerate(references)]
    subjects = sorted(set(names))
    sent = [Sendable.of(r.image) for r in references]
    told = [
        _document(r, image, f"{subjects.index(subject):05d}")
        for r, image, subject in zip(references, sent, names, strict=True)
    ]
    of_options = {"candidates": asdict(options.candidates), "learner": asdict(options.learner)}
    for number, (document, image) in enumerate(zip(told, sent, strict=True)):
        asked = {"reference": document, "candidates": of_options["candidates"]}
        server.ask("POST", "/v1/measure", asked, {image.key: image}, should_cancel)
        progress(0.7 * (number + 1) / len(told), "measuring the references")
    images = {image.key: image for image in sent}
    content = server.ask(
        "POST", "/v1/adapt", {"references": told, "waiting": list(waiting), **of_options}, images, should_cancel
    )
    progress(1.0, "done")
    try:
        said, arrays = read_answer(content)
        made = arrays["file"].tobytes()
        learned, _ = read_learned(made)
        check = CrossValidation(*(arrays[n] for n in CHECKS))
        return LearnedThere(learned, made, check, int(said["subjects"]), tuple(str(r) for r in said["remarks"]))
    except (ValueError, KeyError, TypeError, WeightsError) as error:
        raise misunderstood(server, error) from None


def read_learned(content: bytes) -> tuple[Learned, file.Description]:
    """What a file of `evanyseg adapt` holds. Raises WeightsError."""
    with tempfile.TemporaryDirectory(prefix="evanyseg-") as folder:
        path = Path(folder) / "learned.safetensors"
        path.write_bytes(content)
        return file.read(path)


def _document(reference: Reference, image: Sendable, subject: str) -> dict[str, Any]:
    return {
        "image": image.key,
        "truth": mask_document(reference.truth) if reference.truth is not None else None,
        "box": _box(reference.box),
        "predictions": [mask_document(p) for p in reference.predictions],
        "graded": [
            {"mask": mask_document(g.mask), "dice": g.dice, "weight": g.weight, "within": g.within}
            for g in reference.graded
        ],
        "subject": subject,
        "weight": reference.weight,
    }


def _box(box: BoxPrompt | None) -> Mapping[str, float] | None:
    return asdict(box) if box is not None else None


def checked_arrays(check: CrossValidation) -> dict[str, np.ndarray]:
    """Of an answer: what `learn` reads."""
    return {name: np.asarray(getattr(check, name)) for name in CHECKS}
