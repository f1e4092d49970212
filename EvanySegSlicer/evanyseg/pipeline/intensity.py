"""From stored intensities to the 8-bit RGB that models see: explicit, and recorded with every score.

A preset says how the window is found; fitting it to an image or volume gives a window, which is what is applied
and recorded. The display window of a viewer is never used unless the user picks it (as a `fixed` preset).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ImageError
from ..pixels import as_rgb
from ..results import Caveat

_SAMPLE = 2_000_000
"""Voxels looked at for percentiles: keeps fitting of a 512x512x300 volume well under a second."""


@dataclass(frozen=True)
class IntensityWindow:
    """Intensities low..high are shown as 0..255, clipped. `name` records the preset; 'rgb' passes through."""

    low: float
    high: float
    name: str

    def describe(self) -> str:
        """One phrase for the score table, e.g. 'ct-soft [-160, 240]'."""
        return self.name if self.name == "rgb" else f"{self.name} [{self.low:g}, {self.high:g}]"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 RGB [H, W, 3] of a slice [H, W] or [H, W, 3 or 4]; NaN becomes the lower end.

        Raises ImageError for other shapes.
        """
        if pixels.ndim == 3 and pixels.shape[-1] in (3, 4) and self.name == "rgb":
            return np.ascontiguousarray(_eight_bit(pixels[..., :3]))
        if pixels.ndim == 3 and pixels.shape[-1] in (1, 2):
            pixels = pixels[..., 0]
        elif pixels.ndim == 3 and pixels.shape[-1] in (3, 4):
            pixels = pixels[..., :3].mean(axis=-1)
        if pixels.ndim != 2:
            raise ImageError(f"A slice must be [H, W] or [H, W, 3 or 4], got {list(pixels.shape)}.")
        scale = 255.0 / (self.high - self.low) if self.high > self.low else 0.0
        grey = np.nan_to_num(pixels.astype(np.float32), nan=self.low, posinf=self.high, neginf=self.low)
        grey = np.clip((grey - self.low) * scale, 0, 255).round().astype(np.uint8)
        return as_rgb(grey)


@dataclass(frozen=True)
class IntensityPreset:
    """kind: 'percentile' (low/high are percentiles of finite values), 'window' (low/high are intensities) or 'rgb'."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0

    def fit(self, data: np.ndarray) -> IntensityWindow:
        """The window for one image or volume (any shape; colour images have 3 or 4 as last size)."""
        if self.kind == "rgb":
            return IntensityWindow(0, 255, "rgb")
        if self.kind == "window":
            return IntensityWindow(self.low, self.high, self.name)
        flat = data.reshape(-1)
        if flat.size > _SAMPLE:
            flat = flat[:: flat.size // _SAMPLE + 1]
        finite = flat[np.isfinite(flat)] if np.issubdtype(flat.dtype, np.floating) else flat
        if finite.size == 0:
            return IntensityWindow(0.0, 0.0, self.name)
        low, high = np.percentile(finite, (self.low, self.high))
        if low == high:  # a small bright object on a flat ground: percentiles collapse, the range does not
            low, high = finite.min(), finite.max()
        return IntensityWindow(float(low), float(high), self.name)


PRESETS: dict[str, IntensityPreset] = {
    r.name: r
    for r in (
        IntensityPreset("percentile", "percentile", 0.5, 99.5),
        IntensityPreset("ct-soft", "window", -160.0, 240.0),
        IntensityPreset("ct-lung", "window", -1350.0, 150.0),
        IntensityPreset("ct-brain", "window", 0.0, 80.0),
        IntensityPreset("ct-bone", "window", -500.0, 1300.0),
        IntensityPreset("rgb", "rgb"),
    )
}


def preset_named(name: str) -> IntensityPreset:
    """A preset, or 'fixed:LOW,HIGH' in intensities. Raises ImageError with the list of names."""
    if name.startswith("fixed:"):
        try:
            low, high = (float(v) for v in name[6:].split(","))
        except ValueError:
            raise ImageError(f"'{name}' is not a window; write fixed:LOW,HIGH, for example fixed:-100,300.") from None
        if not low < high:
            raise ImageError(f"'{name}' needs LOW < HIGH.")
        return IntensityPreset("fixed", "window", low, high)
    if name not in PRESETS:
        raise ImageError(f"Unknown intensity preset '{name}'; choose one of {', '.join(PRESETS)} or fixed:LOW,HIGH.")
    return PRESETS[name]


def default_preset(data: np.ndarray, color: bool) -> IntensityPreset:
    """'rgb' for colour images, 'percentile' for everything else."""
    return PRESETS["rgb" if color else "percentile"]


def image_caveats(pixels: np.ndarray) -> tuple[str, ...]:
    """Doubts that a slice itself gives: NaN or infinite values, no contrast at all."""
    caveats = []
    finite = np.isfinite(pixels) if np.issubdtype(pixels.dtype, np.floating) else None
    if finite is not None and not finite.all():
        caveats.append(Caveat.NOT_A_NUMBER)
        pixels = pixels[finite]
    if pixels.size == 0 or pixels.min() == pixels.max():
        caveats.append(Caveat.CONSTANT_IMAGE)
    return tuple(caveats)


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return (pixels >> 8).astype(np.uint8)
    if np.issubdtype(pixels.dtype, np.floating):
        finite = np.nan_to_num(pixels, nan=0.0)
        top = 255.0 if finite.max(initial=0.0) <= 1.0 else 1.0
        return np.clip(finite * top, 0, 255).round().astype(np.uint8)
    return np.clip(pixels, 0, 255).astype(np.uint8)
