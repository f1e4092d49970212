"""How cost grows: with the slices of a volume, the masks of an image, and the image's size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evanyseg.models import estimators, segmenters
from evanyseg.prompts import BoxPrompt

from .interactive import rgb
from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds
from .volumes import scoring

SLICES, MASKS, SIDES = (25, 50, 100, 200), (1, 4, 16, 64), (128, 256, 512, 1024, 2048)


def run(runs: int, quick: bool, scene: bool) -> list[Figure]:
    """Seconds for a volume's slices (where there is a scene), milliseconds for masks and images."""
    rows = []
    for count in _some(SLICES, quick) if scene else ():
        seconds = scoring((count, 256, 256))[0]
        rows.append(figure(f"score {seconds.name.partition('(')[2].rstrip(')')} of 256x256", [seconds.median], "s"))
    estimator, segmenter = (known.create("builtin", "cpu", "onnx") for known in (estimators, segmenters))
    image, mask, box = slice_with_object(512, 1)
    pixels = rgb(image)
    for count in _some(MASKS, quick):
        masks = np.stack([np.roll(mask, n % 9, 1) for n in range(count)])
        times = _times(lambda m=masks: estimator.estimate(pixels, m, [box] * len(m)), runs)
        rows.append(
            figure(f"score {count} masks of one 512x512 image", times, note=f"{np.median(times) / count:.1f} a mask")
        )
    for side in _some(SIDES, quick):
        image, mask, _ = slice_with_object(side, 1)
        pixels, box = rgb(image), BoxPrompt.of_mask(mask)
        assert box is not None
        embedding = segmenter.embed(pixels)
        rows += [
            figure(f"embed an image of {side}x{side}", _times(lambda p=pixels: segmenter.embed(p), runs)),
            figure("  a box on it", _times(lambda e=embedding, b=box: segmenter.segment(e, b), runs)),
            figure(
                "  score a mask of it",
                _times(lambda p=pixels, m=mask, b=box: estimator.estimate(p, m[None], [b]), runs),
            ),
        ]
    return rows


def _some(values: Sequence[int], quick: bool) -> Sequence[int]:
    return values[:2] if quick else values


def _times(work, runs: int) -> list[float]:
    work()
    return [milliseconds(work) for _ in range(runs)]
