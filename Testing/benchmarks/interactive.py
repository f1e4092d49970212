"""From a drawn box to a coloured slice, in a real scene: what the user waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.volume import Volume
from evanyseg.models import estimators, segmenters
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt

from .phantoms import slice_with_object
from .published import Route, routes
from .timing import Figure, figure, milliseconds, ratio

if TYPE_CHECKING:
    from evanyseg.geometry.slice_plane import SlicePlane
    from EvanySegSlicerLib.demo.stage import Stage

SIDE, FIRST_MS, NEXT_MS, CLICK_MS = 512, 100.0, 60.0, 150.0
FIRST_TIMES, NEXT_TIMES = 100.0, 4.0
SLOW_RUNS = 5
"""Runs of a published route: its first box takes seconds."""


def run(runs: int, peers: bool = True, quick: bool = False) -> list[Figure]:
    """First and next boxes, and maps of the next click, on slices of 512 x 512: the built-in models in the scene, and
    in turn the published routes on the same slice."""
    slices = [slice_with_object(SIDE, seed) for seed in range(runs + 1)]
    others = routes() if peers else []
    slow = min(runs, 1 if quick else SLOW_RUNS)
    first: list[float] = []
    following: list[float] = []
    clicks: list[float] = []
    theirs: dict[str, list[list[float]]] = {route.name: [[], []] for route in others}
    with staged(slices) as boxes:
        for number, (plane, box) in enumerate(boxes):
            took = milliseconds(lambda p=plane, b=box: boxes.draw(p, b))
            grown = [box.scaled(factor).validated(plane.shape) for factor in (1.05, 1.1)]
            again = [milliseconds(lambda p=plane, b=b: boxes.draw(p, b)) for b in grown]
            asked = milliseconds(lambda p=plane: boxes.ask(p))
            if number == 0:  # the first call of a process pays for lazy imports and memory
                continue
            first.append(took)
            following.append(float(np.mean(again)))
            clicks.append(asked)
            if number <= slow:
                pixels = rgb(slices[number][0])
                for route in others:
                    _add(theirs[route.name], route, pixels, slices[number][2])
    rows = [
        figure("built-in: first box on a slice -> mask, score, overlay", first, target=FIRST_MS),
        figure("built-in: next box on that slice", following, target=NEXT_MS),
        figure("built-in: map of the next click on that slice", clicks, target=CLICK_MS),
    ]
    for number, route in enumerate(others):
        slow_first, slow_next = theirs[route.name]
        rows += [figure(f"{route.name}: first box", slow_first), figure(f"{route.name}: next box", slow_next)]
        targets = (FIRST_TIMES, NEXT_TIMES) if number == 0 else (None, None)
        rows += [
            _times(f"{route.name} / built-in, first box", slow_first, first[:slow], targets[0]),
            _times(f"{route.name} / built-in, next box", slow_next, following[:slow], targets[1]),
        ]
    return rows


def rgb(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] of a phantom's float pixels."""
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _add(times: list[list[float]], route: Route, image: np.ndarray, box: BoxPrompt) -> None:
    times[0].append(milliseconds(lambda: route.first(image, box)))
    times[1].append(milliseconds(lambda: route.following(image, box)))


def _times(name: str, slow: list[float], fast: list[float], goal: float | None) -> Figure:
    if goal is not None:
        return ratio(name, slow, fast, goal, at_least=True)
    return figure(name, [a / b for a, b in zip(slow, fast, strict=True)], "x", note="pairs of runs in turn")


class Boxes:
    """Slices of a stage with the box of each one's object."""

    def __init__(self, stage: Stage, slices: list[tuple[np.ndarray, np.ndarray, BoxPrompt]]) -> None:
        from EvanySegSlicerLib.demo.stage import add_segment

        self.stage, self.slices = stage, slices
        self.segment_id = add_segment(stage, "object")

    def __iter__(self) -> Iterator[tuple[SlicePlane, BoxPrompt]]:
        for index, (_, mask, _) in enumerate(self.slices):
            plane = self.stage.review.reader.plane(2, index)
            labels = np.zeros((len(self.slices), *mask.shape), bool)
            labels[index] = mask
            box = BoxPrompt.of_mask(plane.take(labels))
            assert box is not None
            yield plane, box

    def draw(self, plane: SlicePlane, box: BoxPrompt) -> None:
        done = self.stage.review.segment_box(self.segment_id, plane, box)
        assert done.ok, done.message

    def ask(self, plane: SlicePlane) -> None:
        """Where the next click would tell most; the slice's embedding is there."""
        self.stage.review.jobs.click(self.segment_id, plane).run()


@contextmanager
def staged(slices: list[tuple[np.ndarray, np.ndarray, BoxPrompt]]) -> Iterator[Boxes]:
    """The slices as one volume in a real scene, with the built-in models and the overlay shown."""
    from EvanySegSlicerLib.demo.stage import set_stage

    # as a user has them, although the published routes have loaded PyTorch here
    models = [known.create("builtin", "cpu", "onnx") for known in (estimators, segmenters)]
    pipeline = SlicePipeline(*models)
    stage = set_stage(Volume(np.stack([image for image, _, _ in slices]), name="phantom"), pipeline)
    try:
        boxes = Boxes(stage, slices)
        stage.overlay.show()
        yield boxes
    finally:
        stage.close()
