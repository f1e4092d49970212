"""The bodies of requests, checked before anything is done with them."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..prompts import BoxPrompt, PointPrompt
from ..remote.wire import floats_of, mask_of

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:-]{0,79}$", description="Name of a model, with its option")]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="What an image was sent by")]
JobName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="Chosen by the client, to cancel it by")]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Side = Annotated[int, Field(ge=1, le=65536)]
Encoded = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/=]*$", description="Base64")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Box(_Strict):
    """In pixels, half-open: x right, y down."""

    x0: Number
    y0: Number
    x1: Number
    y1: Number

    def prompt(self) -> BoxPrompt:
        return BoxPrompt(self.x0, self.y0, self.x1, self.y1)


class Point(_Strict):
    x: Number
    y: Number
    positive: bool = True

    def prompt(self) -> PointPrompt:
        return PointPrompt(self.x, self.y, self.positive)


class Mask(_Strict):
    """bits: zlib over the packed bits of the rows, most significant first."""

    shape: tuple[Side, Side]
    bits: Encoded

    def array(self) -> np.ndarray:
        """bool [H, W]. Raises ImageError."""
        return mask_of(self.shape, self.bits)


class Floats(_Strict):
    """Little-endian float32."""

    shape: tuple[Side, Side]
    data: Encoded

    def array(self) -> np.ndarray:
        """float32 [H, W]. Raises ImageError."""
        return floats_of(self.shape, self.data)


class OpenSession(_Strict):
    protocol: int = Field(description="Of the client")


class EmbedRequest(_Strict):
    segmenter: Name = "builtin"
    image: Key
    job: JobName | None = None


class SegmentRequest(EmbedRequest):
    box: Box | None = None
    points: Annotated[list[Point], Field(max_length=64)] = []
    mask_input: Floats | None = None


class Case(_Strict):
    """A mask of an image; box: the prompt's, absent for the mask's own."""

    image: Key
    mask: Mask
    box: Box | None = None


class ScoreRequest(_Strict):
    """learned: hash of what was learned, sent or made before, in place of the estimator."""

    estimator: Name = "builtin"
    learned: Key | None = None
    cases: Annotated[list[Case], Field(min_length=1, max_length=64)]
    maps: bool = False
    job: JobName | None = None


Share = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]
Weight = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1000)]
Seed = Annotated[int, Field(ge=0, le=2**31)]


class Graded(_Strict):
    """A mask whose Dice is known, or known only to lie within two numbers."""

    mask: Mask
    dice: Share
    weight: Weight = 1.0
    within: tuple[Share, Share] | None = None


class ReferenceDocument(_Strict):
    """An object of an image whose truth is known; subject: the same for images of one person, nothing else."""

    image: Key
    truth: Mask | None = None
    box: Box | None = None
    predictions: Annotated[list[Mask], Field(max_length=16)] = []
    graded: Annotated[list[Graded], Field(max_length=16)] = []
    subject: Annotated[str, Field(pattern=r"^[0-9]{0,9}$")] = ""
    weight: Weight = 1.0


class CandidateNumbers(_Strict):
    """As `adaptation.candidates.CandidateOptions`."""

    synthetic: Annotated[int, Field(ge=0, le=64)] = 14
    boxes: Annotated[int, Field(ge=0, le=16)] = 3
    prediction_share: Share = 0.7
    seed: Seed = 0


class LearnerNumbers(_Strict):
    """As `adaptation.learner.LearnerOptions`."""

    trees: Annotated[int, Field(ge=1, le=400)] = 30
    leaf: Annotated[int, Field(ge=1, le=100)] = 2
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    seed: Seed = 0


class MeasureRequest(_Strict):
    reference: ReferenceDocument
    candidates: CandidateNumbers = CandidateNumbers()
    job: JobName | None = None


class AdaptRequest(_Strict):
    references: Annotated[list[ReferenceDocument], Field(min_length=1, max_length=256)]
    candidates: CandidateNumbers = CandidateNumbers()
    learner: LearnerNumbers = LearnerNumbers()
    waiting: Annotated[list[Share], Field(max_length=100_000)] = []
    job: JobName | None = None


class Answer(BaseModel):
    """What JSON answers are documented as."""

    model_config = ConfigDict(extra="allow")


def documented(words: str) -> dict[int | str, dict[str, Any]]:
    """Of answers that are safetensors, for OpenAPI."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": words, "content": {"application/vnd.safetensors": schema}}}
