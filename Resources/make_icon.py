"""Draws the extension's icon: a box prompt around an object whose slices carry the three quality colours."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "EvanySegSlicer"))

from evanyseg.bands import BAND_COLORS, QualityBand  # noqa: E402

SIZE, SCALE = 128, 8


def blob(cx: float, cy: float, radius: float, steps: int = 240) -> list[tuple[float, float]]:
    """A lobed organ-like outline around (cx, cy) in icon pixels, at drawing scale."""
    points = []
    for i in range(steps):
        angle = 2 * math.pi * i / steps
        r = radius * (1 + 0.10 * math.sin(2 * angle + 0.6) + 0.05 * math.cos(3 * angle))
        points.append(((cx + r * math.cos(angle)) * SCALE, (cy + r * math.sin(angle)) * SCALE))
    return points


def draw() -> Image.Image:
    big = SIZE * SCALE
    icon = Image.new("RGBA", (big, big))
    ImageDraw.Draw(icon).rounded_rectangle((0, 0, big - 1, big - 1), radius=22 * SCALE, fill=(24, 32, 44, 255))

    shape = Image.new("L", (big, big))
    ImageDraw.Draw(shape).polygon(blob(64, 64, 37), fill=255)
    bands = Image.new("RGBA", (big, big))
    pen = ImageDraw.Draw(bands)
    order = (QualityBand.GOOD, QualityBand.GOOD, QualityBand.CHECK, QualityBand.POOR)
    edges = (22, 44, 62, 80, 106)
    for band, top, bottom in zip(order, edges, edges[1:], strict=False):
        rgb = tuple(round(255 * c) for c in BAND_COLORS[band])
        pen.rectangle((0, top * SCALE, big, bottom * SCALE), fill=(*rgb, 255))
    for edge in edges[1:-1]:  # thin gaps: these are slices
        pen.rectangle((0, (edge - 1.5) * SCALE, big, (edge + 1.5) * SCALE), fill=(24, 32, 44, 255))
    icon.paste(bands, mask=shape)

    pen = ImageDraw.Draw(icon)
    outline = blob(64, 64, 39)
    pen.line([*outline, outline[0], outline[1]], fill=(245, 247, 250, 255), width=4 * SCALE, joint="curve")
    low, high, arm, thick = 14, 114, 20, 6  # corner marks of the box prompt
    for x, dx in ((low, 1), (high, -1)):
        for y, dy in ((low, 1), (high, -1)):
            for ex, ey in ((x + dx * arm, y), (x, y + dy * arm)):
                pen.line((x * SCALE, y * SCALE, ex * SCALE, ey * SCALE), fill=(245, 247, 250, 255), width=thick * SCALE)
            r = thick / 2
            pen.ellipse(((x - r) * SCALE, (y - r) * SCALE, (x + r) * SCALE, (y + r) * SCALE), fill=(245, 247, 250, 255))
    return icon.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    picture = draw()
    for target in (ROOT / "EvanySegSlicer.png", ROOT / "EvanySegSlicer/Resources/Icons/EvanySegSlicer.png"):
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target, optimize=True)
