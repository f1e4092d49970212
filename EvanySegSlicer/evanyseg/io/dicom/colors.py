"""DICOM's recommended display colours (CIELab in 16 bits, D65 as most writers use it) and red, green, blue in [0, 1].

Source: DICOM PS3.3 C.10.7.1.1 (encoding); IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _TO_XYZ.sum(axis=1)


def rgb_of_cielab(value: Sequence[int]) -> tuple[float, float, float]:
    """From three unsigned 16-bit numbers; colours that a screen cannot show are clipped."""
    lightness, a, b = (float(v) for v in value)
    lightness, a, b = lightness * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128
    y = (lightness + 16) / 116
    steps = np.array([y + a / 500, y, y - b / 200])
    xyz = _WHITE * np.where(steps > 6 / 29, steps**3, 3 * (6 / 29) ** 2 * (steps - 4 / 29))
    linear = np.clip(np.linalg.solve(_TO_XYZ, xyz), 0, 1)
    values = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    red, green, blue = np.round(values, 4).tolist()
    return red, green, blue


def cielab_of_rgb(color: Sequence[float]) -> tuple[int, int, int]:
    """Three unsigned 16-bit numbers from red, green, blue in [0, 1]."""
    values = np.clip(np.asarray(color, float), 0, 1)
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    ratio = (_TO_XYZ @ linear) / _WHITE
    steps = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    lab = 116 * steps[1] - 16, 500 * (steps[0] - steps[1]), 200 * (steps[1] - steps[2])
    scaled = lab[0] * 65535 / 100, (lab[1] + 128) * 65535 / 255, (lab[2] + 128) * 65535 / 255
    low, middle, high = (int(np.clip(round(v), 0, 65535)) for v in scaled)
    return low, middle, high
