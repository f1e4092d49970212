"""The public functions: one call for what most people want. `docs/api.md` shows them at work."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from .errors import ImageError, PromptError
from .pipeline.intensity import default_preset, preset_named
from .pipeline.slice_pipeline import SliceInput, SlicePipeline, SliceResult
from .prompts import BoxPrompt, PointPrompt
from .protocols import QualityEstimator, Segmenter
from .results import QualityEstimate
from .scoring.volumes import SliceScore

BUILTIN = "builtin"


def load_estimator(name_or_file: str = BUILTIN, device: str = "auto", backend: str = "auto") -> QualityEstimator:
    """A quality estimator by name (`evanyseg models list`) or from a weight file.

    device: 'auto', 'cpu', 'cuda', 'cuda:1', 'mps'. backend: what runs a built-in model, 'onnx' or 'torch'; 'auto' is
    torch on a GPU and where torch is loaded already. Raises UnknownModelError, WeightsError, DeviceError,
    MissingPackageError.
    """
    from .models import estimators

    return estimators.create(name_or_file, device, backend)


def load_segmenter(name_or_file: str = BUILTIN, device: str = "auto", backend: str = "auto") -> Segmenter:
    """A segmenter by name or from a weight file; as `load_estimator`."""
    from .models import segmenters

    return segmenters.create(name_or_file, device, backend)


@lru_cache(maxsize=4)
def _kept_estimator(name: str) -> QualityEstimator:
    return load_estimator(name)


@lru_cache(maxsize=4)
def _kept_segmenter(name: str) -> Segmenter:
    return load_segmenter(name)


def _pipeline(estimator: str | QualityEstimator, segmenter: str | Segmenter | None = None) -> SlicePipeline:
    """Models named by a string are loaded once and kept for the next call."""
    predictor = _kept_estimator(estimator) if isinstance(estimator, str) else estimator
    return SlicePipeline(predictor, _kept_segmenter(segmenter) if isinstance(segmenter, str) else segmenter)


def _slice(image: np.ndarray, intensity: str | None, spacing: tuple[float, float]) -> SliceInput:
    image = np.asarray(image)
    color = image.ndim == 3 and image.shape[-1] in (3, 4)
    if image.ndim != 2 and not color:
        raise ImageError(f"An image must be [H, W] or [H, W, 3 or 4], got {list(image.shape)}; give one slice.")
    if image.dtype == bool:
        image = image.astype(np.uint8)
    if np.iscomplexobj(image):
        raise ImageError("An image has one real number per pixel, or three; give the absolute value of complex ones.")
    preset = preset_named(intensity) if intensity else default_preset(image, color)
    return SliceInput(image, preset.fit(image), spacing)


def _mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """bool [H, W]. Raises ImageError for what is no mask of the image."""
    mask = np.asarray(mask)
    if mask.shape != shape[:2]:
        raise ImageError(f"The mask is {list(mask.shape)} and the image {list(shape[:2])}: same size needed.")
    if mask.dtype.kind in "fc" and (mask != np.round(mask)).any():  # so has NaN
        raise ImageError("The mask has fractions (a soft mask?); give it thresholded, such as mask > 0.5.")
    if mask.dtype.kind in "if" and (mask < 0).any():
        raise ImageError("The mask has values below zero; give one that is above zero where the object is.")
    return mask > 0


def _checked(box: BoxPrompt | None) -> BoxPrompt | None:
    if box is not None and not isinstance(box, BoxPrompt):
        raise PromptError("A box is a BoxPrompt(x0, y0, x1, y1), which says which number is which.")
    return box


def score(
    image: np.ndarray,
    mask: np.ndarray,
    box: BoxPrompt | None = None,
    *,
    estimator: str | QualityEstimator = BUILTIN,
    intensity: str | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
    maps: bool = False,
    label: str = "",
) -> QualityEstimate:
    """Predict the Dice of one mask of one slice, without ground truth.

    image [H, W] of any number type, or [H, W, 3 or 4]; a slice of a volume is given as radiologists see it, which is
    how `geometry.plane_stack.stack_of(volume)` cuts it. mask [H, W], whole numbers, above zero is the object; box: the
    prompt it was made with, None for an existing segmentation. intensity: a preset by name or 'fixed:LOW,HIGH'; None
    is 'rgb' for color, else the 0.5 to 99.5 percentiles of this image. spacing: (row mm, column mm). maps: with error
    maps [H, W]; label: what the mask is meant to be, for estimators that ask. A mask that cannot be scored has dice NaN
    and a caveat.

    Raises ImageError (shapes that do not fit, a soft mask), PromptError, UnknownModelError, WeightsError.
    """
    one = _slice(image, intensity, spacing)
    marked = _mask(mask, one.pixels.shape)
    box = _checked(box)
    if box is not None:
        box = box.validated(one.grid.shape)
    return next(_pipeline(estimator).score([(one, marked, box, label)], maps))


def segment(
    image: np.ndarray,
    box: BoxPrompt | None = None,
    points: Sequence[PointPrompt] = (),
    *,
    segmenter: str | Segmenter = BUILTIN,
    estimator: str | QualityEstimator = BUILTIN,
    intensity: str | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
    maps: bool = False,
    label: str = "",
) -> SliceResult:
    """Segment one slice from a box and/or points in its pixels, and score the result.

    Returns the candidates' masks with an estimate each; `.mask` and `.estimate` are those of the candidate with the
    highest predicted Dice. Parameters and errors as for `score`.
    """
    shown = _slice(image, intensity, spacing)
    return _pipeline(estimator, segmenter).segment(shown, _checked(box), points, maps=maps, label=label)


def score_files(
    image: str | Path,
    segmentation: str | Path,
    *,
    labels: Sequence[str] = (),
    axis: str | None = None,
    estimator: str | QualityEstimator = BUILTIN,
    intensity: str | None = None,
) -> list[SliceScore]:
    """Score every segment on every slice of a file that `evanyseg score` can read (2D image, volume, DICOM folder).

    labels: these segments only; axis: 'axial', 'coronal', 'sagittal' or None for the usual one. Sorted by slice. What
    was assumed or left out is a warning (`warnings.warn`), as it is a note of the command.
    Raises EvanySegError with what is wrong, where, and what to do, before a network is loaded.
    """
    from .io.dicom.masks import ReadImage
    from .io.read import read_image, read_segmentation
    from .scoring.stacks import SliceStack
    from .scoring.volumes import VolumeScorer

    volume = read_image(image)
    found = read_segmentation(segmentation, image=ReadImage(volume, Path(image).expanduser())).only(list(labels))
    stack = SliceStack(volume, found, axis, preset_named(intensity) if intensity else None)
    for remark in stack.remarks:
        warnings.warn(remark, stacklevel=2)
    scores = VolumeScorer(stack, _pipeline(estimator)).scores()
    return sorted(scores, key=lambda s: (s.index, s.segment, s.segment_id))
