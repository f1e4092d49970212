"""What the worker does for one request: the engine's own segmenters and estimators, on what the session has sent."""

from __future__ import annotations

from dataclasses import asdict

from ..errors import ImageError
from ..protocols import ShouldCancel
from ..remote.wire import answer_bytes, estimates_answer
from ..results import Embedding, QualityCase
from ..segmenters.builtin import BuiltinSegmenter
from .loaded import LoadedModels
from .schemas import Case, EmbedRequest, ScoreRequest, SegmentRequest
from .sessions import Session


def embed(models: LoadedModels, session: Session, asked: EmbedRequest, should_cancel: ShouldCancel) -> Embedding:
    """The image encoded, or as it was encoded before. Raises Refusal, UnknownModelError, CancelledError, ..."""
    segmenter = models.segmenter(asked.segmenter)
    image = session.image(asked.image)
    return session.embeddings.get_or_make((asked.segmenter, asked.image), lambda: segmenter.embed(image, should_cancel))


def segment(models: LoadedModels, session: Session, asked: SegmentRequest, should_cancel: ShouldCancel) -> bytes:
    """Candidates of one prompt, as `remote.wire.answer_bytes`. Raises PromptError and what `embed` raises."""
    segmenter = models.segmenter(asked.segmenter)
    embedding = embed(models, session, asked, should_cancel)
    box = asked.box.prompt() if asked.box is not None else None
    points = [point.prompt() for point in asked.points]
    mask_input = asked.mask_input.array() if asked.mask_input is not None else None
    if isinstance(segmenter, BuiltinSegmenter):  # the client makes the masks: a sixteenth has to be sent
        small = segmenter.answer(embedding, box, points, mask_input, should_cancel)
        return answer_bytes({"crop": asdict(small.crop)}, {"logits": small.logits, "iou": small.iou})
    found = segmenter.segment(embedding, box, points, mask_input, should_cancel)
    arrays = {
        "logits": found.logits,
        "predicted_iou": found.predicted_iou,
        "stability": found.stability,
        "low_resolution_logits": found.low_resolution_logits,
    }
    return answer_bytes({"threshold": found.threshold}, arrays)


def score(models: LoadedModels, session: Session, asked: ScoreRequest, should_cancel: ShouldCancel) -> bytes:
    """Estimates in the order of the cases, as `remote.wire.estimates_answer`. Raises ImageError, PromptError, ..."""
    estimator = session.estimator_of(asked.learned) if asked.learned else models.estimator(asked.estimator)
    cases = [_case(session, case) for case in asked.cases]
    return estimates_answer(list(estimator.estimate_cases(cases, asked.maps, should_cancel)))


def _case(session: Session, case: Case) -> QualityCase:
    """Raises ImageError, before anything is unpacked that has not its image's size."""
    image = session.image(case.image)
    if tuple(case.mask.shape) != image.shape[:2]:
        raise ImageError(
            f"The mask has {list(case.mask.shape)} pixels and its image {list(image.shape[:2])}; they must be the same."
        )
    return QualityCase(image, case.mask.array(), case.box.prompt() if case.box is not None else None)
