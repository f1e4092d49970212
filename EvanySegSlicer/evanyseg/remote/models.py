"""A segmenter and an estimator whose networks run on a server: they follow `protocols`, so everything can use them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from ..adaptation.estimator import level_of
from ..errors import PromptError
from ..prompts import BoxPrompt, PointPrompt
from ..protocols import Progress, ShouldCancel, never_cancel, raise_if_cancelled
from ..quality.cases import CaseEstimator, checked_image
from ..results import Candidates, Embedding, QualityCase, QualityEstimate
from ..segmenters.canvas import CropAnswer
from ..segmenters.crops import Crop
from ..segmenters.prompted import Capabilities, checked_shape
from .server import Sendable, Server, misunderstood
from .wire import bytes_hash, estimates_of, floats_document, mask_document, read_answer

if TYPE_CHECKING:
    from ..adaptation.estimator import Learned
    from ..adaptation.fit import Adaptation, AdaptationOptions
    from ..adaptation.reference import Reference

BATCH = 16
"""Masks scored in one request: others get their turn in between."""


@dataclass(frozen=True)
class RemoteImage:
    """What an Embedding of a remote segmenter holds: the image, so that it can be sent again."""

    address: str
    image: Sendable


class RemoteSegmenter:
    """See `protocols.Segmenter`. told: what the server says of it."""

    def __init__(self, server: Server, asked: str, told: Mapping[str, Any]) -> None:
        self.server, self._asked = server, asked
        self.name = str(told["name"])
        self.device = device_text(server, told)
        self.supports_points, self.supports_boxes = bool(told["supports_points"]), bool(told["supports_boxes"])
        able = told["capabilities"]
        self.capabilities = Capabilities(**able) if able is not None else None

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        """Send image uint8 [H, W, 3] unless it is there, and have it encoded. Raises ImageError, CancelledError,
        ServerError."""
        shape = checked_shape(image)
        sent = Sendable.of(image)
        document = {"segmenter": self._asked, "image": sent.key}
        self.server.ask("POST", "/v1/embed", document, {sent.key: sent}, should_cancel)
        return Embedding(self.name, shape, RemoteImage(self.server.address, sent), len(sent.pixels))

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        """Raises PromptError, UnsupportedPromptError, CancelledError, ServerError."""
        held = embedding.features
        if embedding.segmenter != self.name or not isinstance(held, RemoteImage):
            raise PromptError(f"This embedding was not made by '{self.name}' on {self.device}; embed the image again.")
        document = {
            "segmenter": self._asked,
            "image": held.image.key,
            "box": _box(box.validated(embedding.shape)) if box is not None else None,
            "points": [
                {"x": p.x, "y": p.y, "positive": p.positive} for p in (q.validated(embedding.shape) for q in points)
            ],
            "mask_input": floats_document(mask_input) if mask_input is not None else None,
        }
        content = self.server.ask("POST", "/v1/segment", document, {held.image.key: held.image}, should_cancel)
        try:
            return _candidates(*read_answer(content), embedding.shape)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise misunderstood(self.server, error) from None


class RemoteEstimator(CaseEstimator):
    """See `protocols.QualityEstimator`."""

    def __init__(self, server: Server, asked: str, told: Mapping[str, Any]) -> None:
        self.server, self._asked = server, asked
        self.name, self.level = str(told["name"]), float(told["level"])
        self.fingerprint = str(told["fingerprint"])
        self._device = device_text(server, told)
        self._last: tuple[np.ndarray, Sendable] | None = None

    @property
    def device(self) -> str:
        return self._device

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """Estimates in order; cases are taken from the iterable a batch at a time, whatever their images."""
        iterator = iter(cases)
        while batch := list(islice(iterator, BATCH)):
            raise_if_cancelled(should_cancel)
            sent = [self._sendable(case.image) for case in batch]
            document = {
                **self._which(),
                "maps": maps,
                "cases": [
                    {
                        "image": image.key,
                        "mask": mask_document(_bits(case.mask)),
                        "box": _box(case.box) if case.box is not None else None,
                    }
                    for case, image in zip(batch, sent, strict=True)
                ],
            }
            images = {image.key: image for image in sent}
            content = self.server.ask("POST", "/v1/score", document, images, should_cancel, self._files())
            try:
                found = estimates_of(content)
            except ValueError as error:
                raise misunderstood(self.server, error) from None
            if len(found) != len(batch):
                raise misunderstood(self.server, ValueError(f"{len(found)} estimates of {len(batch)} masks"))
            for case, estimate in zip(batch, found, strict=True):
                # doubts that are known here are not told to the server: they are put first, as it would have done
                yield replace(estimate, caveats=tuple(dict.fromkeys((*case.caveats, *estimate.caveats))))

    def learn(
        self,
        references: Sequence[Reference],
        options: AdaptationOptions,
        name: str,
        progress: Progress,
        should_cancel: ShouldCancel,
        waiting: Sequence[float] = (),
    ) -> Adaptation:
        """What `adaptation.fit.adapt` does, there. Raises ImageError, CancelledError, ServerError."""
        from ..adaptation.fit import Adaptation
        from .learning import learn

        found = learn(self.server, references, options, progress, should_cancel, waiting)
        estimator = RemoteAdapted(self, found.learned, name, found.content)
        return Adaptation(estimator, found.check, found.subjects, found.remarks)

    def with_learned(self, path: Path) -> RemoteAdapted:
        """What was learned, from its file, which is sent there. Raises WeightsError, ServerError."""
        from ..adaptation import file

        learned, said = file.read(path)
        file.check_base(path, said, self.fingerprint)
        return RemoteAdapted(self, learned, said.name, path.read_bytes())

    def _which(self) -> dict[str, str]:
        return {"estimator": self._asked}

    def _files(self) -> dict[str, bytes]:
        return {}

    def _sendable(self, image: np.ndarray) -> Sendable:
        """Masks of one image come together: it is hashed once. Raises ImageError."""
        if self._last is None or self._last[0] is not image:
            checked_image(image)
            self._last = (image, Sendable.of(image))
        return self._last[1]


class RemoteAdapted(RemoteEstimator):
    """The server's built-in estimator and what was learned from references (`content`: its file)."""

    def __init__(self, base: RemoteEstimator, learned: Learned, name: str, content: bytes) -> None:
        told = {"name": name, "level": level_of(learned, base.level), "fingerprint": base.fingerprint, "device": ""}
        super().__init__(base.server, base._asked, told)
        self._device = base.device
        self.base, self.learned = base, learned
        self._key, self._content = bytes_hash(content), content

    def _which(self) -> dict[str, str]:
        return {"estimator": self._asked, "learned": self._key}

    def _files(self) -> dict[str, bytes]:
        return {self._key: self._content}

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """As the base's; under the name that this computer knows."""
        for estimate in super().estimate_cases(cases, maps, should_cancel):
            yield replace(estimate, estimator=self.name)


def _candidates(told: Mapping[str, Any], arrays: Mapping[str, np.ndarray], shape: tuple[int, int]) -> Candidates:
    """Of `serving.work.segment`: as they are, or in the frame of a crop of the built-in segmenter. Raises ValueError,
    KeyError, TypeError."""
    if "crop" in told:
        crop = Crop(**{name: int(told["crop"][name]) for name in ("x0", "y0", "x1", "y1")})
        if not (0 <= crop.x0 < crop.x1 <= shape[1] and 0 <= crop.y0 < crop.y1 <= shape[0]):
            raise ValueError(f"a crop beyond the image: {crop}")
        return CropAnswer(arrays["logits"], arrays["iou"], crop).candidates(shape)
    found = Candidates(
        arrays["logits"],
        arrays["predicted_iou"],
        arrays["stability"],
        arrays["low_resolution_logits"],
        float(told["threshold"]),
    )
    if found.logits.shape[1:] != shape:
        raise ValueError(f"masks of {list(found.logits.shape)} pixels")
    return found


def segmenter_on(server: Server, name: str) -> RemoteSegmenter:
    """Raises ServerError: it is away, refuses, or has no such model."""
    told = _told(server, "segmenters", name)
    try:
        return RemoteSegmenter(server, name, told)
    except (KeyError, TypeError, ValueError) as error:
        raise misunderstood(server, error) from None


def estimator_on(server: Server, name: str) -> RemoteEstimator:
    """Raises ServerError: it is away, refuses, or has no such model."""
    told = _told(server, "estimators", name)
    try:
        return RemoteEstimator(server, name, told)
    except (KeyError, TypeError, ValueError) as error:
        raise misunderstood(server, error) from None


def device_text(server: Server, told: Mapping[str, Any]) -> str:
    """'server https://host (cuda)'."""
    return f"server {server.address} ({told['device']})"


def _told(server: Server, kind: str, name: str) -> Mapping[str, Any]:
    content = server.ask("GET", f"/v1/{kind}/{quote(name, safe=':')}")
    try:
        told = json.loads(content)
        if not isinstance(told, dict):
            raise ValueError("no description of a model")
    except ValueError as error:
        raise misunderstood(server, error) from None
    return told


def _bits(mask: np.ndarray) -> np.ndarray:
    mask = np.asarray(mask)
    return mask if mask.dtype == bool else mask > 0


def _box(box: BoxPrompt) -> dict[str, float]:
    return {"x0": box.x0, "y0": box.y0, "x1": box.x1, "y1": box.y1}
