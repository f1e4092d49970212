"""Builds the models that a command asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.console import Console

from ... import models
from ...device import server_address
from ...pipeline.slice_pipeline import SlicePipeline
from ...protocols import QualityEstimator, Segmenter
from ...remote.known import is_private
from .console import say, shown


@dataclass(frozen=True)
class Placement:
    """Where networks run and by what, as the user asked."""

    device: str = "auto"
    backend: str = "auto"


def load_estimator(name: str, where: Placement) -> QualityEstimator:
    """Raises UnknownModelError, WeightsError, DeviceError, MissingPackageError."""
    _say_what_is_sent(where.device)
    with Console(stderr=True, emoji=False).status(f"Loading estimator {shown(name)}"):
        return models.estimators.create(name, where.device, where.backend)


def load_segmenter(name: str, where: Placement) -> Segmenter:
    """Raises UnknownModelError, WeightsError, DeviceError, MissingPackageError."""
    _say_what_is_sent(where.device)
    with Console(stderr=True, emoji=False).status(f"Loading segmenter {shown(name)}"):
        return models.segmenters.create(name, where.device, where.backend)


def load_pipeline(estimator: str, segmenter: str | None, where: Placement) -> SlicePipeline:
    return SlicePipeline(load_estimator(estimator, where), load_segmenter(segmenter, where) if segmenter else None)


@lru_cache(maxsize=1)
def _say_what_is_sent(device: str) -> None:
    """Naming a server is agreeing to it: said once what that means."""
    address = server_address(device)
    if address is None:
        return
    say(f"Pixels, boxes and masks go to {shown(address)}; names, dates, paths and positions do not.")
    if not is_private(address):
        say("The line is not encrypted: ask for an https address.")
