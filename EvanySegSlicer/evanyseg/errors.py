"""Every error the engine raises on purpose: one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations


class EvanySegError(Exception):
    """Base of all deliberate errors; front ends show its text as it is."""


class PromptError(EvanySegError, ValueError):
    """A box or point that cannot be used: outside the image, inverted, one pixel, NaN."""


class ImageError(EvanySegError, ValueError):
    """An image or mask of a shape, type or content that cannot be used."""


class GeometryError(EvanySegError, ValueError):
    """Geometry that would have to be guessed: non-linear transforms, oblique views, time series."""


class UnknownModelError(EvanySegError, LookupError):
    """A model name that no registry entry has, or a file that no loader recognises."""


class WeightsError(EvanySegError, ValueError):
    """A weight file that is missing, truncated, unsafe, or not of the architecture asked for."""


class UnknownClassError(EvanySegError, LookupError):
    """A name of what a mask is meant to be that no class of an estimator is like."""


class DeviceError(EvanySegError, RuntimeError):
    """A device that was asked for and is not there."""


class ServerError(DeviceError):
    """A server that was chosen as device and is away, refuses, is too slow, or lacks what was asked for."""


class MissingPackageError(EvanySegError, ImportError):
    """A Python package that a model or a file format needs and that is not installed: `what` is missing, `how` to get
    it on a command line (applications have buttons for it)."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(f"{what}: {how}.")
        self.what = what


class UnsupportedPromptError(PromptError):
    """A prompt kind that the chosen segmenter was never trained for (MedSAM and points)."""


class CancelledError(EvanySegError):
    """The user cancelled; nothing was written."""


class OutputError(EvanySegError, OSError):
    """A result that could not be written: disk full, no permission. What was there before is still there."""
