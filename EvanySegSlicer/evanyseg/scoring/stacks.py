"""A volume and a segmentation of it as a stack of slices along one axis, checked and ready to be scored."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..errors import PromptError
from ..geometry.plane_stack import PlaneStack, stack_of
from ..geometry.volume import Volume
from ..io.segmentation import Segment, Segmentation
from ..pipeline.intensity import IntensityPreset, IntensityWindow, window_of, window_remarks
from ..pipeline.slice_pipeline import SliceInput
from ..prompts import BoxPrompt
from ..results import Caveat


class SliceStack:
    """The segmentation is brought to the volume's voxels; the intensity window is fitted once, to the whole volume.

    `only`: this slice alone counts, every segment of it, empty or not; `box`: the prompt's box on that slice, in the
    display frame; `allow_cropped`: segments may lie partly outside the volume. `file_remarks`: what a person should
    know about how the files were read; `remarks`: that, and how the image is shown.
    Raises ImageError, GeometryError, PromptError: all that can be wrong is found before a network is loaded.
    """

    def __init__(
        self,
        volume: Volume,
        segmentation: Segmentation,
        axis: str | None = None,
        preset: IntensityPreset | None = None,
        only: int | None = None,
        box: BoxPrompt | None = None,
        allow_cropped: bool = False,
    ) -> None:
        self.volume = volume
        self.planes: PlaneStack = stack_of(volume, axis)
        self.segmentation = segmentation.on_grid_of(volume, allow_cropped, self.planes)
        self.file_remarks = volume.source.remarks + self.segmentation.remarks
        self.remarks = self.file_remarks + window_remarks(volume, preset)
        self.only = 0 if only is None and self.planes.count == 1 else only
        if self.only is not None:
            self.planes.plane(self.only)  # raises for a slice that is not there
        if box is not None and self.only is None:
            raise PromptError("A box belongs to one slice; name that slice.")
        self.box = box.validated(self.planes.shape) if box is not None else None
        self._box_caveats = (Caveat.BOX_OFF_IMAGE,) * (self.box != box)
        self.window: IntensityWindow = window_of(volume, preset)

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.segmentation.segments

    def said_of(self, name: str) -> tuple[str, ...]:
        """What reading a mask of this name gave rise to, in sentences: remarks and doubts."""
        return (*self.remarks, *(f"{name}: {caveat}." for caveat in self.caveats))

    @property
    def caveats(self) -> tuple[str, ...]:
        """Doubts about any segment."""
        return self.segmentation.all_caveats + self._box_caveats

    def caveats_of(self, segment: Segment) -> tuple[str, ...]:
        return self.segmentation.caveats_of(segment) + self._box_caveats

    def slice_input(self, index: int) -> SliceInput:
        """The slice as the models get it; embeddings are cached under the place in this volume."""
        key = (id(self.volume.array), self.planes.axis, index)
        return SliceInput(self.planes.pixels(index), self.window, self.planes.spacing, key)

    def mask(self, segment: Segment, index: int) -> np.ndarray:
        """bool [H, W] of one segment on one slice."""
        return np.ascontiguousarray(self.planes.take(self.segmentation.layers[segment.layer], index)) == segment.value

    def whole_mask(self, index: int) -> np.ndarray:
        """bool [H, W] of all segments together on one slice."""
        out = np.zeros(self.planes.shape, bool)
        for segment in self.segments:
            out |= self.mask(segment, index)
        return out

    @cached_property
    def areas(self) -> np.ndarray:
        """Pixels of each segment on each slice, int [segments, slices], in one pass over each layer.

        Memory is read in the order it is stored in, k by k, whatever the axis: across it would take far longer.
        """
        slices, axis = self.planes.count, self.planes.axis
        out = np.zeros((len(self.segments), slices), np.int64)
        for number, layer in enumerate(self.segmentation.layers):
            rows = [row for row, s in enumerate(self.segments) if s.layer == number]
            if not rows:
                continue
            values = np.array([self.segments[row].value for row in rows], np.int64)
            order = np.argsort(values)
            for k, plane in enumerate(layer):
                filled = np.nonzero(plane)
                found = np.searchsorted(values[order], plane[filled]).clip(max=len(rows) - 1)
                known = values[order][found] == plane[filled]
                at = np.full(len(found), k) if axis == 2 else filled[1 - axis]
                counts = np.bincount(found[known] * slices + at[known], minlength=len(rows) * slices)
                out[np.array(rows)[order]] += counts.reshape(len(rows), slices)
        return out
