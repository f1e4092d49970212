"""For students: put errors into a copy of a mask and watch what the estimator says. The segmentation is never changed.

No Qt.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.bands import BandThresholds
from evanyseg.errors import EvanySegError
from evanyseg.geometry.mask_fit import mask_fit, percent
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.overlap import dice
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.results import QualityEstimate

from ...scene.jobs.runner import JobContext
from ...scene.nodes.segment_store import SegmentStore
from ...scene.nodes.volume_reader import VolumeSnapshot
from ..review_controller import ReviewController
from .images import outlined_crop, scatter
from .synthetic_errors import SYNTHETIC_ERRORS

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLSliceNode


@dataclass(frozen=True)
class Trial:
    """One copy with a synthetic error and what was said of it; `true` is its Dice, NaN without a reference."""

    error: str
    pixels: int
    mask: np.ndarray
    estimate: QualityEstimate
    true: float


@dataclass(frozen=True)
class _Subject:
    """The slice being explored: its mask [H, W], and the reference's, if there is one."""

    volume: VolumeSnapshot
    plane: SlicePlane
    mask: np.ndarray
    box: BoxPrompt | None
    name: str
    reference: np.ndarray | None


class ExploringPresenter:
    """`on_trial()` after every answer. Only the newest position of the slider is scored."""

    def __init__(self, controller: ReviewController, on_trial: Callable[[], None] = lambda: None) -> None:
        self.controller = controller
        self.on_trial = on_trial
        self.trials: list[Trial] = []
        self._subject: _Subject | None = None
        self._fitting: tuple | None = None
        self._running = self._postponed = False
        self._wanted: tuple[str, int] | None = None

    def choose(
        self, segment_id: str, slice_node: vtkMRMLSliceNode | None, reference: vtkMRMLSegmentationNode | None
    ) -> str:
        """Take a copy of the segment on the slice in view; `reference`: a segmentation node whose segment of the same
        name (or only segment) is right. Returns why not, or an empty sentence."""
        review = self.controller.usable
        if review is None or not review.store.has(segment_id) or slice_node is None:
            return "Choose a volume, and a segment with a mask on the slice in view."
        try:
            plane = review.reader.plane_of_view(slice_node)
            mask = review.store.mask(segment_id, plane).copy()
            name = review.store.name(segment_id)
            truth = self._reference(reference, name, plane, review.reader.snapshot()) if reference is not None else None
        except EvanySegError as error:
            return str(error)
        if not mask.any():
            return "There is no mask of this segment on the slice in view."
        row = review.table.get((segment_id, *plane.key))
        box = row.box_prompt if row is not None and not row.stale else None
        self._subject = _Subject(review.reader.snapshot(), plane, mask, box, name, truth)
        return ""

    def references(self) -> list[tuple[str, str]]:
        """(node id, name) of the scene's other segmentations: one of them may hold the true masks."""
        review = self.controller.usable
        if review is None:
            return []
        scene = review.segmentation.GetScene()
        nodes = [
            scene.GetNthNodeByClass(n, "vtkMRMLSegmentationNode")
            for n in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"))
        ]
        others = [node for node in nodes if node is not review.segmentation and not node.GetHideFromEditors()]
        return [(node.GetID(), node.GetName()) for node in others]

    def reference_of(self, node_id: str) -> vtkMRMLSegmentationNode | None:
        """The node of `references` with this id."""
        review = self.controller.usable
        known = review is not None and node_id in dict(self.references())
        return review.segmentation.GetScene().GetNodeByID(node_id) if known and review is not None else None

    def set_error(self, error: str, pixels: int) -> None:
        """Score a copy with this error of `SYNTHETIC_ERRORS`, so large; answers come later through `on_trial`."""
        if self._subject is None:
            return
        self._wanted = (error, pixels)
        self._postponed = self.controller.busy
        if not self._running and not self._postponed:
            self.controller.with_models(self._next)

    def go_on(self) -> None:
        """Nothing else runs any more: score what was wanted meanwhile."""
        if self._postponed and not self._running and not self.controller.busy:
            self._postponed = False
            self.controller.with_models(self._next)

    def clear(self) -> None:
        self.trials = []
        self.on_trial()

    def forget(self) -> None:
        """The scene goes."""
        self._subject, self._wanted = None, None
        self.clear()

    @property
    def last(self) -> Trial | None:
        return self.trials[-1] if self.trials else None

    def picture(self, size: int = 190) -> np.ndarray | None:
        """uint8 RGB of the last trial with its error map."""
        if self.last is None or self._subject is None or self.last.mask.shape != self._subject.mask.shape:
            return None
        image = self._subject.volume.window.apply(self._subject.volume.pixels(self._subject.plane))
        around = self._subject.box or BoxPrompt.of_mask(self._subject.mask)
        estimate = self.last.estimate
        return outlined_crop(image, self.last.mask, around, size, estimate.false_positive, estimate.false_negative)

    def plot(self, size: int = 190) -> np.ndarray | None:
        """The scatter of predicted against true Dice; None while there is no reference."""
        points = [(t.true, t.estimate.dice) for t in self.trials if not math.isnan(t.true)]
        return scatter(points, size) if points else None

    def text(self, bands: BandThresholds) -> str:
        """What is known of the last trial, as rich text."""
        trial = self.last
        if trial is None:
            return ""
        estimate = trial.estimate
        said = html.escape("; ".join(estimate.caveats))
        if math.isnan(estimate.dice):
            return f"Predicted Dice: <b>unscored</b> {said}"
        band = bands.band(estimate.dice).value.upper()
        text = f"Predicted Dice <b>{estimate.dice:.2f} {band}</b> [{estimate.low:.2f}-{estimate.high:.2f}]"
        if not math.isnan(trial.true):
            text += f", true Dice <b>{trial.true:.2f}</b>"
        return text + (f"<br/>Warning: {said}" if said else "")

    def _next(self, pipeline: SlicePipeline) -> None:
        subject, wanted, self._wanted = self._subject, self._wanted, None
        if subject is None or wanted is None:
            return
        error, pixels = wanted

        def work(context: JobContext) -> Trial:
            mask = SYNTHETIC_ERRORS[error](subject.mask, pixels)
            image = subject.volume.slice_input(subject.plane)
            cases = [(image, mask, subject.box, subject.name)]
            estimate = next(pipeline.score(cases, maps=True, should_cancel=context.should_cancel))
            known = dice(mask, subject.reference) if subject.reference is not None else math.nan
            return Trial(error, pixels, mask, estimate, known)

        def done(trial: Trial) -> None:
            self._running = False
            if self._subject is subject:
                self.trials.append(trial)
                self.on_trial()
            if self._wanted is not None:
                self.controller.with_models(self._next)

        def dropped(failure: Exception | None) -> None:
            self._running = False
            if failure is not None:
                self.controller.view.status(str(failure), problem=True)

        self._running = True
        self.controller.start("Scoring the copy", work, done, quiet=True, dropped=dropped)

    def _reference(
        self, node: vtkMRMLSegmentationNode, name: str, plane: SlicePlane, volume: VolumeSnapshot
    ) -> np.ndarray:
        """The right mask [H, W] on the slice. Raises EvanySegError where it is not clear which it is, or when the
        volume does not show all of it: a cut reference would give wrong true Dice without a word."""
        store = SegmentStore(node)
        ids = store.ids()
        same = [i for i in ids if store.name(i) == name]
        if not same and len(ids) != 1:
            raise EvanySegError(
                f"The reference has no segment named '{name}'; rename one, or give it one segment only."
            )
        if len(same) > 1:
            raise EvanySegError(f"The reference has {len(same)} segments named '{name}'; rename all but one.")
        segment_id = (same or ids)[0]
        array = store.array(segment_id)
        # counted once for each place of volume and reference, not at every step of the slider
        place = (segment_id, array.array.shape, array.array_to_ras.tobytes(), volume.ijk_to_ras.tobytes(), volume.dims)
        if place != self._fitting:
            fit = mask_fit(array.mask(), np.linalg.inv(volume.ijk_to_ras) @ array.array_to_ras, volume.dims)
            if not fit.acceptable:
                raise EvanySegError(
                    f"{percent(fit.lost)} of the reference's '{store.name(segment_id)}' lies outside '{volume.name}': "
                    "choose the reference that belongs to this volume."
                )
            self._fitting = place
        return array.slice(plane).copy()
