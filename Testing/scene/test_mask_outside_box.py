"""The scene follows the engine's rule for masks outside their boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from doubles import BrightSegmenter
from engine.estimator_files import write_estimator
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.builtin import load
from evanyseg.results import Caveat


class Leaking(BrightSegmenter):
    """Fills the box, and `beyond` rows below it."""

    beyond = 0

    def segment(self, embedding, box=None, *arguments, **options):
        found = super().segment(embedding, box, *arguments, **options)
        mask = np.zeros(embedding.shape, bool)
        mask[round(box.y0) : round(box.y1) + self.beyond, round(box.x0) : round(box.x1)] = True
        logits = np.where(mask, 4.0, -4.0).astype(np.float32)[None]
        return replace(found, logits=logits, predicted_iou=np.ones(1), stability=np.ones(1))


@pytest.mark.parametrize(("beyond", "expected"), [(0, False), (1, False), (4, True)])
def test_a_box_in_the_scene(volume, tmp_path, beyond: int, expected: bool) -> None:
    from EvanySegSlicerLib.scene.review.open_review import open_review

    segmenter = Leaking()
    segmenter.beyond = beyond
    review = open_review(volume, pipeline=SlicePipeline(load(write_estimator(tmp_path)), segmenter)).review
    segment = review.store.add("Liver")
    plane = review.reader.plane(2, 20)
    height, width = plane.shape
    box = BoxPrompt(5, 5, width - 5, height - 10)
    assert review.segment_box(segment, plane, box).ok
    (row,) = review.table.records()
    assert (Caveat.MASK_OUTSIDE_BOX in row.caveat_list) == expected
    assert np.isfinite(row.hd95_mm)
    assert np.isnan(row.hd_max_mm)
