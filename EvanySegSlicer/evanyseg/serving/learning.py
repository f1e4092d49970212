"""Learning for one session: references measured on the worker, trees fitted on a thread of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ..adaptation import file
from ..adaptation.candidates import CandidateOptions
from ..adaptation.fit import AdaptationOptions, adapt
from ..adaptation.learner.regression import LearnerOptions
from ..adaptation.reference import GradedMask, Reference
from ..errors import ImageError, UnknownModelError
from ..protocols import ShouldCancel, raise_if_cancelled
from ..quality.builtin import BuiltinEstimator
from ..remote.learning import checked_arrays
from ..remote.wire import answer_bytes
from .fair_queue import FairQueue
from .loaded import LoadedModels
from .schemas import AdaptRequest, CandidateNumbers, Mask, MeasureRequest, ReferenceDocument
from .sessions import Session

BASE = "builtin"


def base_of(models: LoadedModels) -> BuiltinEstimator:
    """What everything learned builds on. Raises UnknownModelError where it is not served."""
    base = models.estimator(BASE)
    if not isinstance(base, BuiltinEstimator):
        raise UnknownModelError("What is learned builds on the built-in estimator, which is not served here.")
    return base


def measure(models: LoadedModels, session: Session, asked: MeasureRequest, should_cancel: ShouldCancel) -> None:
    """On the worker. Raises Refusal, ImageError, CancelledError."""
    reference, options = _reference(session, asked.reference), _candidates(asked.candidates)
    session.measured.of(reference, base_of(models), options, should_cancel)


def learn(
    models: LoadedModels, queue: FairQueue, session: Session, asked: AdaptRequest, should_cancel: ShouldCancel
) -> bytes:
    """On the learners' thread: what is not measured yet is measured on the worker, when it is this session's turn."""
    base = queue.submit(session.name, lambda cancel: base_of(models)).future.result()
    options = AdaptationOptions(_candidates(asked.candidates), LearnerOptions(**asked.learner.model_dump()))
    references = [_reference(session, told) for told in asked.references]
    for reference in references:
        raise_if_cancelled(should_cancel)
        _measured_there(queue, session, reference, base, options.candidates, should_cancel)
    known = session.measured.copy()
    found = adapt(references, base, options, should_cancel=should_cancel, known=known, waiting=asked.waiting)
    with tempfile.TemporaryDirectory(prefix="evanyseg-") as folder:
        path = Path(folder) / "learned.safetensors"
        file.save(path, found, references)
        content = np.frombuffer(path.read_bytes(), np.uint8)
    return answer_bytes(
        {"remarks": list(found.remarks), "subjects": found.subjects}, {"file": content, **checked_arrays(found.check)}
    )


def _measured_there(
    queue: FairQueue,
    session: Session,
    reference: Reference,
    base: BuiltinEstimator,
    options: CandidateOptions,
    should_cancel: ShouldCancel,
) -> None:
    def work(cancel: ShouldCancel) -> None:
        session.measured.of(reference, base, options, lambda: cancel() or should_cancel())

    queue.submit(session.name, work).future.result()


def keep_learned(models: LoadedModels, session: Session, key: str, content: bytes) -> None:
    """On the worker: what was learned, here or elsewhere, for scoring. Raises WeightsError."""
    with tempfile.TemporaryDirectory(prefix="evanyseg-") as folder:
        path = Path(folder) / "learned.safetensors"
        path.write_bytes(content)
        session.keep_learned(key, file.load(path, base=base_of(models)))


def _candidates(told: CandidateNumbers) -> CandidateOptions:
    return CandidateOptions(**told.model_dump())


def _reference(session: Session, told: ReferenceDocument) -> Reference:
    """Raises Refusal, ImageError."""
    image = session.image(told.image)

    def array(mask: Mask) -> np.ndarray:
        if tuple(mask.shape) != image.shape[:2]:  # before anything is unpacked
            raise ImageError(
                f"The masks of a reference must have the image's {image.shape[1]} x {image.shape[0]} pixels."
            )
        return mask.array()

    return Reference(
        image,
        array(told.truth) if told.truth is not None else None,
        told.box.prompt() if told.box is not None else None,
        tuple(array(p) for p in told.predictions),
        tuple(GradedMask(array(g.mask), g.dice, g.weight, g.within) for g in told.graded),
        told.subject,
        told.weight,
    )
