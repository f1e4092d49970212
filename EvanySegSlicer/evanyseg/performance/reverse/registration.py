"""Atlases: the support images most like a target are registered to it, and their masks vote (SimpleITK)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ...protocols import ShouldCancel, never_cancel, raise_if_cancelled
from .grids import GrayEngine, grown, shrunk
from .neighbors import nearest_images
from .protocol import ReverseSegmenter


@dataclass(frozen=True)
class RegistrationEngine(GrayEngine):
    """atlases: support images registered to each target: affine by mutual information, then symmetric demons."""

    atlases: int = 5
    demons: int = 30
    name: str = "registration"

    def taught(
        self, support: np.ndarray, targets: np.ndarray, should_cancel: ShouldCancel = never_cancel
    ) -> ReverseSegmenter:
        near = nearest_images(support, targets, self.atlases)
        places = []
        for target, atlases in zip(targets, near, strict=True):
            raise_if_cancelled(should_cancel)
            places.append([self._places(target, support[number]) for number in atlases])

        def segment(masks: np.ndarray) -> np.ndarray:
            raise_if_cancelled(should_cancel)
            share = shrunk(masks)
            soft = [
                np.mean([_sampled(share[n], at) for n, at in zip(atlases, found, strict=True)], axis=0)
                for atlases, found in zip(near, places, strict=True)
            ]
            return grown(np.stack(soft)) > 0.5

        return segment

    def _places(self, fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """float32 [2, 64, 64] (row, column): where each pixel of the target lies in the atlas."""
        import SimpleITK

        sitk: Any = SimpleITK
        target, atlas = sitk.GetImageFromArray(fixed), sitk.GetImageFromArray(moving)
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(24)
        method.SetOptimizerAsRegularStepGradientDescent(1.0, 0.01, 40)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInterpolator(sitk.sitkLinear)
        start = sitk.CenteredTransformInitializer(
            target, atlas, sitk.AffineTransform(2), sitk.CenteredTransformInitializerFilter.GEOMETRY
        )
        method.SetInitialTransform(start, True)
        try:
            method.Execute(target, atlas)
        except RuntimeError:  # images without overlap or without structure: as they lie
            start = sitk.AffineTransform(2)
        moved = sitk.Resample(atlas, target, start, sitk.sitkLinear, float(moving.min()))
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfIterations(self.demons)
        demons.SetStandardDeviations(1.5)
        field = sitk.DisplacementFieldTransform(sitk.Cast(demons.Execute(target, moved), sitk.sitkVectorFloat64))
        whole = sitk.CompositeTransform([start, field])
        to_field = sitk.TransformToDisplacementFieldFilter()
        to_field.SetReferenceImage(target)
        shift = sitk.GetArrayFromImage(to_field.Execute(whole))
        rows, columns = np.indices(fixed.shape, dtype=np.float32)
        return np.stack([rows + shift[..., 1], columns + shift[..., 0]]).astype(np.float32)


def _sampled(share: np.ndarray, places: np.ndarray) -> np.ndarray:
    out: np.ndarray = ndimage.map_coordinates(share, places, order=1, mode="constant")
    return out
