"""From stored intensities to the 8-bit RGB that models see: explicit, and recorded with every score.

A preset says how the window is found; fitting it to an image or volume gives a window, which is what is applied
and recorded. The display window of a viewer is never used unless the user picks it (as a `fixed` preset).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ImageError
from ..geometry.volume import ImageSource, Volume
from ..pixels import as_rgb
from ..results import Caveat

CT_DEFAULT = "ct-soft"
"""The window of a CT whose file says that its values are in HU, when nobody chooses one."""

_SAMPLE = 2_000_000
"""Voxels looked at for percentiles: keeps fitting of a 512x512x300 volume well under a second."""


@dataclass(frozen=True)
class IntensityWindow:
    """Intensities low..high are shown as 0..255, clipped. `name` records the preset; 'rgb' keeps colours.

    padding: (low, high) intensities that mark what was not scanned; they are shown as 0.
    """

    low: float
    high: float
    name: str
    padding: tuple[float, float] | None = None

    def describe(self) -> str:
        """One phrase for the score table, e.g. 'ct-soft [-160, 240]'."""
        return self.name if self._plain_colors else f"{self.name} [{self.low:g}, {self.high:g}]"

    @property
    def _plain_colors(self) -> bool:
        return self.name == "rgb" and (self.low, self.high) == (0, 255)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 RGB [H, W, 3] of a slice [H, W] or [H, W, 3 or 4]; NaN becomes the lower end.

        Raises ImageError for other shapes.
        """
        if pixels.ndim == 3 and pixels.shape[-1] in (3, 4) and self.name == "rgb":
            colors = pixels[..., :3]
            return np.ascontiguousarray(_eight_bit(colors) if self._plain_colors else self._scaled(colors))
        if pixels.ndim == 3 and pixels.shape[-1] in (1, 2):
            pixels = pixels[..., 0]
        elif pixels.ndim == 3 and pixels.shape[-1] in (3, 4):
            pixels = pixels[..., :3].mean(axis=-1)
        if pixels.ndim != 2:
            raise ImageError(f"A slice must be [H, W] or [H, W, 3 or 4], got {list(pixels.shape)}.")
        gray = self._scaled(pixels)
        if self.padding is not None:
            gray[(pixels >= self.padding[0]) & (pixels <= self.padding[1])] = 0
        return as_rgb(gray)

    def _scaled(self, pixels: np.ndarray) -> np.ndarray:
        scale = 255.0 / (self.high - self.low) if self.high > self.low else 0.0
        values = np.nan_to_num(pixels.astype(np.float32), nan=self.low, posinf=self.high, neginf=self.low)
        return np.clip((values - self.low) * scale, 0, 255).round().astype(np.uint8)


@dataclass(frozen=True)
class IntensityPreset:
    """kind: 'percentile' (low/high are percentiles of finite values), 'window' (low/high are intensities) or 'rgb'."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0

    def fit(self, data: np.ndarray, padding: tuple[float, float] | None = None) -> IntensityWindow:
        """The window for one image or volume (any shape; colour images have 3 or 4 as last size).

        `padding`: values from the first to the second mark what was not scanned; they count for no percentile.
        """
        if self.kind == "rgb":
            return IntensityWindow(*_color_range(data[..., :3]), "rgb")
        if self.kind == "window":
            return IntensityWindow(self.low, self.high, self.name, padding)
        return IntensityWindow(*_percentiles(data, self.low, self.high, padding), self.name, padding)


def _percentiles(data: np.ndarray, low: float, high: float, padding: tuple[float, float] | None) -> tuple[float, float]:
    """Of the finite values that are no padding; their range where the percentiles meet; (0, 0) without any."""
    flat = _sample(data).reshape(-1)
    if np.issubdtype(flat.dtype, np.floating):
        flat = flat[np.isfinite(flat)]
    if padding is not None:
        measured = flat[(flat < padding[0]) | (flat > padding[1])]
        flat = measured if measured.size else flat
    if flat.size == 0:
        return 0.0, 0.0
    first, last = np.percentile(flat, (low, high))
    if first == last:  # a small bright object on a flat ground: percentiles collapse, the range does not
        first, last = flat.min(), flat.max()
    return float(first), float(last)


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


def _color_range(colors: np.ndarray) -> tuple[float, float]:
    """What is shown as 0 and as 255 in each channel; (0, 255) where the type tells (8 and 16 bits, 0 to 1, 0 to 255).

    10 or 12 bits of colour stored in 16 would be nearly black, and normalised colours be cut: their range is found as
    that of grey values. A few values beyond the ends (of resampling) are cut.
    """
    if colors.dtype == np.uint8 or not colors.size or (colors.dtype == np.uint16 and colors.max() >= 2**15):
        return 0.0, 255.0
    low, high = _percentiles(colors, 0.5, 99.5, None)
    if colors.dtype == np.uint16 or low < 0 or high > 255:
        return low, high
    slightly_more = colors.dtype.kind == "f" and 0 < high <= 1 < np.nanmax(colors)
    return 0.0, 1.0 if slightly_more else 255.0


def default_preset(data: np.ndarray, color: bool) -> IntensityPreset:
    """'rgb' for colour images, 'percentile' for everything else."""
    return PRESETS["rgb" if color else "percentile"]


def window_of(volume: Volume, preset: IntensityPreset | None = None) -> IntensityWindow:
    """How a volume is shown, for every front end: by the preset, else by what is right for its kind; padding is left
    out. Where the modality is unknown, percentiles are."""
    chosen = preset or (PRESETS[CT_DEFAULT] if volume.source.hounsfield else default_preset(volume.array, volume.color))
    return chosen.fit(volume.array, volume.source.padding)


def window_remarks(volume: Volume, preset: IntensityPreset | None = None) -> tuple[str, ...]:
    """Said when the modality alone chose the window."""
    if preset is not None or not volume.source.hounsfield:
        return ()
    window = window_of(volume).describe()
    return (f"A CT in Hounsfield units: shown by {window}; --intensity ct-lung, ct-bone, ... chooses another window.",)


def window_sentence(window: IntensityWindow, source: ImageSource, chosen: bool) -> str:
    """Which window a volume is shown by, for a panel; `chosen`: by a person."""
    text = f"Shown by {window.describe()}"
    if chosen or window.name == "rgb":
        return f"{text}."
    if source.hounsfield:
        return f"{text}: a CT in Hounsfield units."
    if not source.modality:
        return f"{text}: the modality is unknown; for a CT choose a CT preset."
    return f"{text}."


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


def _sample(data: np.ndarray) -> np.ndarray:
    """Voxels on a coarser grid, at most `_SAMPLE` or little more of them.

    The grid lies in the middle and is as coarse along axes of one length, so that a volume gets the same sample, and
    thus the same window, in whatever order and direction its axes are stored.
    """
    steps = [1] * data.ndim
    kept = lambda: [-(-n // step) for n, step in zip(data.shape, steps, strict=True)]
    while np.prod(kept()) > _SAMPLE:
        longest = max(kept())
        lengths = {n for n, left in zip(data.shape, kept(), strict=True) if left == longest}
        steps = [step + 2 if n in lengths else step for n, step in zip(data.shape, steps, strict=True)]
    return data[tuple(_middle(n, step) for n, step in zip(data.shape, steps, strict=True))]


def _middle(length: int, step: int) -> slice:
    """Every `step`-th (odd) of `length` places, as far from the first as from the last."""
    count = (length - 1) // step + 1
    count -= (length - 1 - (count - 1) * step) % 2  # else the middle would lie between two places
    start = (length - 1 - (count - 1) * step) // 2
    return slice(start, start + (count - 1) * step + 1, step)


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
