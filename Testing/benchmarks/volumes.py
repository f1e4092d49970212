"""Whole volumes: scoring an existing segmentation, and updating the overlay after one slice changed."""

from __future__ import annotations

import time

import numpy as np

from evanyseg.geometry.volume import Volume
from evanyseg.models import estimators
from evanyseg.pipeline.slice_pipeline import SlicePipeline

from .phantoms import volume_with_object
from .timing import Figure, figure, milliseconds, peak_megabytes

SCORE_SECONDS, SCORE_MEGABYTES, OVERLAY_MS = 3.0, 1500.0, 50.0


def scoring(shape: tuple[int, int, int] = (200, 512, 512), runs: int = 1) -> list[Figure]:
    """One label through the scene layer, from a loaded volume to the filled table."""
    from EvanySegSlicerLib.demo.stage import add_segment, set_stage

    volume, label = volume_with_object(shape)
    estimator = estimators.create("builtin", "cpu", "onnx")
    seconds: list[float] = []
    above = 0.0
    for _ in range(runs):
        stage = set_stage(Volume(volume, name="phantom"), SlicePipeline(estimator))
        try:
            segment_id = add_segment(stage, "object")
            fill(stage, segment_id, label)
            warm = estimator.estimate(np.zeros((64, 64, 3), np.uint8), np.ones((1, 64, 64), bool))
            assert len(warm) == 1
            before = peak_megabytes()
            start = time.perf_counter()
            done = stage.review.score_existing(2, [segment_id])
            seconds.append(time.perf_counter() - start)
            assert done.ok, done.message
            above = peak_megabytes() - before if len(seconds) == 1 else above
        finally:
            stage.close()
    size = "x".join(str(s) for s in shape[::-1])
    whole = shape == (200, 512, 512)  # the target is that volume's
    return [
        figure(f"score one label of {size} ({len(done.keys)} slices)", seconds, "s", SCORE_SECONDS if whole else None),
        figure("  peak memory above the loaded volume", [above], "MB", SCORE_MEGABYTES),
    ]


def overlay(runs: int, shape: tuple[int, int, int] = (300, 512, 512)) -> list[Figure]:
    """One slice of a fully scored segmentation is edited; the colours follow. No model runs."""
    from dataclasses import replace

    from evanyseg.results import QualityEstimate
    from EvanySegSlicerLib.demo.stage import add_segment, set_stage
    from EvanySegSlicerLib.scene.table.outcomes import SliceOutcome

    volume, label = volume_with_object(shape)
    stage = set_stage(Volume(volume, name="phantom"), pipeline=None)
    rows = []
    try:
        review = stage.review
        segment_id = add_segment(stage, "object")
        fill(stage, segment_id, label)
        for with_surface in (False, True):
            if with_surface:
                stage.segmentation.GetSegmentation().CreateRepresentation("Closed surface")
            records = []
            for index in range(shape[0]):
                plane = review.reader.plane(2, index)
                mask = review.store.mask(segment_id, plane)
                estimate = QualityEstimate(0.8, 0.7, 0.9, 0.9, "benchmark")
                outcome = SliceOutcome(segment_id, plane, mask, estimate, "hash", "")
                records.append(outcome.record("object", review.thresholds))
            review.table.put(*records)
            stage.overlay.show()
            times = []
            for run_number in range(runs):
                plane = review.reader.plane(2, shape[0] // 3 + run_number)
                mask = review.store.mask(segment_id, plane).copy()
                mask[::2] = False
                row = review.table.get((segment_id, *plane.key))
                assert row is not None

                def edit(plane=plane, mask=mask, row=row) -> None:
                    review.store.write(segment_id, plane, mask, stage.volume)
                    review.table.put(replace(row, dice=0.4, band="poor"))
                    review.changed([row.key])

                times.append(milliseconds(edit))
            name = f"one slice of {'x'.join(str(s) for s in shape[::-1])} edited -> overlay"
            rows.append(figure(name + (", 3D shown" if with_surface else ""), times, "ms", OVERLAY_MS))
    finally:
        stage.close()
    return rows


def fill(stage, segment_id: str, label: np.ndarray) -> None:
    """Put a label [K, J, I] on the volume's grid into an empty segment."""
    import slicer
    from vtk.util.numpy_support import numpy_to_vtk

    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*label.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(label).ravel(), deep=1))
    matrix = __import__("vtk").vtkMatrix4x4()
    stage.volume.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, stage.segmentation, segment_id)
