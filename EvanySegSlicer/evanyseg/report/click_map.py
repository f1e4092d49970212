"""A picture of where the next click would tell most: the slice, the map over it, prompts, marker, legend in nats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..pipeline.gain_codes import FLOOR, SHOWN, color_of
from ..pipeline.information_gain import LARGEST
from ..pipeline.next_click import NextClick
from ..prompts import BoxPrompt, PointPrompt

SIDE = 720
LEGEND_HEIGHT, BAR = 64, 300
OPACITY = 0.75
_WHITE, _BLACK, _GRAY = (255, 255, 255), (0, 0, 0), (190, 190, 190)


def click_picture(
    rgb: np.ndarray,
    click: NextClick,
    box: BoxPrompt | None = None,
    points: Sequence[PointPrompt] = (),
    spacing: tuple[float, float] = (1.0, 1.0),
) -> np.ndarray:
    """uint8 RGB of a slice uint8 [H, W, 3] in the display frame, `spacing` (row mm, column mm): square pixels, its
    longest side SIDE, the legend below. The ring with + or - is the suggestion; the box and the points are the prompt
    that the map belongs to."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = rgb.shape[0] * spacing[0], rgb.shape[1] * spacing[1]
    scale = SIDE / max(height, width)
    size = max(round(width * scale), BAR + 60), max(round(height * scale), 40)
    shown = Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC)
    gains = np.asarray(Image.fromarray(click.gains).resize(size, Image.Resampling.BILINEAR))
    picture = Image.new("RGB", (size[0], size[1] + LEGEND_HEIGHT), (24, 24, 24))
    picture.paste(Image.fromarray(_blended(np.asarray(shown), gains)), (0, 0))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    across, down = size[0] / rgb.shape[1], size[1] / rgb.shape[0]
    if box is not None:
        corners = (box.x0 * across, box.y0 * down, box.x1 * across - 1, box.y1 * down - 1)
        draw.rectangle(corners, outline=_BLACK, width=3)
        draw.rectangle(corners, outline=_WHITE, width=1)
    for point in points:
        _sign(draw, point.x * across, point.y * down, point.positive, radius=6, filled=True)
    _sign(draw, click.x * across, click.y * down, click.positive, radius=13, filled=False)
    _legend(draw, font, size[1], click)
    return np.asarray(picture)


def _blended(picture: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The map over the slice: the more there is to learn, the less of the slice shows through."""
    table = np.array([color_of(LARGEST * step / 255) for step in range(256)], np.float32) * 255
    share = np.clip(gains / LARGEST, 0, 1)
    alpha = np.where(gains >= FLOOR, OPACITY * (0.35 + 0.65 * share), 0.0)[..., None].astype(np.float32)
    colors = table[np.rint(share * 255).astype(int)]
    return np.clip(np.rint(picture * (1 - alpha) + colors * alpha), 0, 255).astype(np.uint8)


def _sign(draw: object, x: float, y: float, positive: bool, radius: int, filled: bool) -> None:
    """A ring with + or - in it, told apart by its shape, dark and light so that it is seen on any ground."""
    from PIL.ImageDraw import ImageDraw

    assert isinstance(draw, ImageDraw)
    around = lambda r: (x - r, y - r, x + r, y + r)
    draw.ellipse(around(radius + 2), outline=_BLACK, width=2)
    draw.ellipse(around(radius), outline=_WHITE, width=2, fill=_BLACK if filled else None)
    arm = radius * 0.5
    lines = [(x - arm, y, x + arm, y)] + ([(x, y - arm, x, y + arm)] if positive else [])
    for color, width in (((*_BLACK,), 5), ((*_WHITE,), 2)):
        for line in lines:
            draw.line(line, fill=color, width=width)


def _legend(draw: object, font: object, top: int, click: NextClick) -> None:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    assert isinstance(draw, ImageDraw)
    assert isinstance(font, FreeTypeFont | ImageFont)
    sign = "+" if click.positive else "-"
    words = f"Click {sign} at ({click.x:.0f}, {click.y:.0f}): {click.gain:.3f} nats expected"
    draw.text((12, top + 4), words, fill=_WHITE, font=font)
    left, bar = 12, top + 26
    for offset in range(BAR):
        color = tuple(round(255 * c) for c in color_of(LARGEST * offset / (BAR - 1)))
        draw.line((left + offset, bar, left + offset, bar + 12), fill=color)
    for nats in (0.0, *sorted(SHOWN)):
        at = left + (BAR - 1) * nats / LARGEST
        draw.line((at, bar + 12, at, bar + 16), fill=_GRAY)
        draw.text((at, bar + 16), f"{nats:.2f}" if nats else "0", fill=_GRAY, font=font, anchor="mt")
    draw.text((left + BAR + 24, bar - 2), "nats", fill=_GRAY, font=font)
