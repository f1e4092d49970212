"""How each SAM variant wants its image and its prompts, and how its low-resolution logits become masks.

A route holds what differs between variants; `family.PromptedSam` is what they share. Coordinates: pixels of the image,
x right, y down; `frame` is the square, in pixels, that the network sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from segment_anything.utils.transforms import ResizeLongestSide
    from torch import Tensor

SAM_MEAN = (123.675, 116.28, 103.53)
SAM_STD = (58.395, 57.12, 57.375)


class PreprocessSpec(Protocol):
    """One variant's own arithmetic between image and network."""

    def tensor(self, image: np.ndarray, frame: int) -> Tensor:
        """float32 [1, 3, frame, frame] of an image uint8 [H, W, 3]."""

    def scale(self, shape: tuple[int, int], frame: int) -> tuple[float, float]:
        """(sx, sy): pixels of the frame per pixel of an image of shape (H, W)."""

    def restore(self, low: Tensor, shape: tuple[int, int], frame: int) -> Tensor:
        """float32 logits [K, H, W] from the decoder's [1, K, h, w]; the mask is logit > 0."""


class LongestSide:
    """SAM and MobileSAM: longest side to the frame, mean and deviation, zeros below and to the right."""

    def _resize(self, frame: int) -> ResizeLongestSide:
        from segment_anything.utils.transforms import ResizeLongestSide

        return ResizeLongestSide(frame)

    def content(self, shape: tuple[int, int], frame: int) -> tuple[int, int]:
        """(h, w): the part of the frame that the image fills."""
        return self._resize(frame).get_preprocess_shape(*shape, frame)

    def tensor(self, image: np.ndarray, frame: int) -> Tensor:
        import torch
        from torch.nn.functional import pad

        small = torch.from_numpy(self._resize(frame).apply_image(image)).permute(2, 0, 1)[None]
        normal = normalized(small)
        return pad(normal, (0, frame - normal.shape[3], 0, frame - normal.shape[2]))

    def scale(self, shape: tuple[int, int], frame: int) -> tuple[float, float]:
        height, width = self.content(shape, frame)
        return width / shape[1], height / shape[0]

    def restore(self, low: Tensor, shape: tuple[int, int], frame: int) -> Tensor:
        height, width = self.content(shape, frame)
        return stretched(stretched(low, (frame, frame))[..., :height, :width], shape)[0]


class NearestSquare:
    """SAM-Med2D: mean and deviation first, then a square by nearest neighbour (OpenCV's: the lower index)."""

    def tensor(self, image: np.ndarray, frame: int) -> Tensor:
        import torch
        from torch.nn.functional import interpolate

        normal = normalized(torch.tensor(image).permute(2, 0, 1)[None])
        return interpolate(normal, (frame, frame), mode="nearest")

    def scale(self, shape: tuple[int, int], frame: int) -> tuple[float, float]:
        return frame / shape[1], frame / shape[0]

    def restore(self, low: Tensor, shape: tuple[int, int], frame: int) -> Tensor:
        return stretched(stretched(low, (frame, frame)), shape)[0]


class MinMaxSquare:
    """MedSAM: a square by cubic interpolation, stretched to [0, 1], no mean and deviation; probabilities are resized.

    With `antialias` as the box model's script does it (scikit-image's cubic spline, Gaussian before shrinking), without
    as the point model's notebook does it (OpenCV's cubic kernel).
    """

    def __init__(self, antialias: bool = True) -> None:
        self.antialias = antialias

    def tensor(self, image: np.ndarray, frame: int) -> Tensor:
        import torch

        square = (spline_square if self.antialias else cubic_square)(image, frame).astype(np.float64)
        low, high = square.min(), square.max()
        unit = (square - low) / max(high - low, 1e-8)
        return torch.from_numpy(unit.astype(np.float32)).permute(2, 0, 1)[None].contiguous()

    def scale(self, shape: tuple[int, int], frame: int) -> tuple[float, float]:
        return frame / shape[1], frame / shape[0]

    def restore(self, low: Tensor, shape: tuple[int, int], frame: int) -> Tensor:
        import torch

        # double: a probability just above one half must stay a logit above zero
        probability = stretched(torch.sigmoid(low), shape)[0].cpu().double()
        return torch.logit(probability, eps=1e-12).float()


def normalized(pixels: Tensor) -> Tensor:
    """(x - mean) / std with SAM's constants over uint8 [1, 3, h, w]."""
    import torch

    mean = torch.tensor(SAM_MEAN).view(1, 3, 1, 1)
    return (pixels.float() - mean) / torch.tensor(SAM_STD).view(1, 3, 1, 1)


def stretched(maps: Tensor, shape: tuple[int, int]) -> Tensor:
    """Bilinear resize of [1, K, h, w], pixel areas aligned."""
    from torch.nn.functional import interpolate

    return interpolate(maps, shape, mode="bilinear", align_corners=False)


def spline_square(image: np.ndarray, side: int) -> np.ndarray:
    """uint8 [side, side, 3]: cubic spline, mirrored edges, Gaussian of (factor - 1) / 2 before shrinking, values kept
    within the image's own range and cut to integers (scikit-image's `resize`, order 3, anti_aliasing)."""
    from scipy.ndimage import gaussian_filter, zoom

    factors = np.array([image.shape[0] / side, image.shape[1] / side, 1.0])
    smooth = gaussian_filter(image.astype(np.float64), np.maximum(0, (factors - 1) / 2), mode="mirror")
    square = zoom(smooth, 1 / factors, order=3, mode="mirror", grid_mode=True)
    return np.clip(square, image.min(), image.max()).astype(np.uint8)


def cubic_square(image: np.ndarray, side: int) -> np.ndarray:
    """uint8 [side, side, 3]: cubic kernel with a = -0.75, edges repeated, no antialiasing, rounded."""
    import torch
    from torch.nn.functional import interpolate

    planes = torch.tensor(image).permute(2, 0, 1)[None].float()
    square = interpolate(planes, (side, side), mode="bicubic", align_corners=False)
    return square.round().clamp(0, 255)[0].permute(1, 2, 0).byte().numpy()
