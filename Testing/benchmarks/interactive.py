"""From a drawn box to a coloured slice, in a real scene: what the user waits for."""

from __future__ import annotations

import numpy as np

from evanyseg.geometry.volume import Volume
from evanyseg.models import estimators, segmenters
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt

from . import published
from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds

SIDE, FIRST_MS, NEXT_MS = 512, 400.0, 200.0


def run(runs: int, with_published: bool = True) -> list[Figure]:
    """First and next boxes on slices of 512 x 512: the built-in models in the scene, then the published route."""
    from evanyseg.geometry.slice_plane import SlicePlane
    from EvanySegSlicerLib.demo.stage import add_segment, set_stage

    slices = [slice_with_object(SIDE, seed) for seed in range(runs + 1)]
    pipeline = SlicePipeline(estimators.create("builtin", "cpu"), segmenters.create("builtin", "cpu"))
    stage = set_stage(Volume(np.stack([image for image, _, _ in slices]), name="phantom"), pipeline)
    try:
        segment_id = add_segment(stage, "object")
        stage.overlay.show()

        def box_to_color(plane: SlicePlane, box: BoxPrompt) -> None:
            done = stage.review.segment_box(segment_id, plane, box)
            assert done.ok, done.message

        first, following = [], []
        for index, (_, mask, _) in enumerate(slices):
            plane = stage.review.reader.plane(2, index)
            labels = np.zeros((len(slices), SIDE, SIDE), bool)
            labels[index] = mask
            box = BoxPrompt.of_mask(plane.take(labels))
            assert box is not None
            took = milliseconds(lambda p=plane, b=box: box_to_color(p, b))
            if index == 0:  # the first call of a process pays for lazy imports and memory
                continue
            first.append(took)
            for factor in (1.05, 1.1):
                grown = box.scaled(factor).validated(plane.shape)
                following.append(milliseconds(lambda p=plane, b=grown: box_to_color(p, b)))
    finally:
        stage.close()

    ours = [
        figure("built-in: first box on a slice -> mask, score, overlay", first, target=FIRST_MS),
        figure("built-in: next box on that slice", following, target=NEXT_MS),
    ]
    if not with_published:
        return ours
    eight_bit = [(np.repeat(np.clip(i, 0, 255).astype(np.uint8)[..., None], 3, axis=2), b) for i, _, b in slices[:3]]
    theirs = published.interactive(eight_bit, next_boxes=2)
    ratios = [
        figure(f"published / built-in, {what}", [t.median / o.median], "x")
        for what, o, t in zip(("first box", "next box"), ours, theirs, strict=True)
    ]
    return [*ours, *theirs, *ratios]
