"""What the demo prompts: which structure, in which orientation, on which slice, with which box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evanyseg.prompts import BoxPrompt

SAGITTAL, CORONAL, AXIAL = 0, 1, 2
"""Voxel axis (I, J, K) that each orientation of the template runs along: its axes are parallel to RAS."""


SEEN_IN_TRAINING = {
    "Lateral ventricles": "ventricles of two people, 7 T",
    "Cerebellar white matter": "never trained on (the whole cerebellum of two people was)",
    "White matter, one hemisphere": "white matter of both hemispheres together, two people, 7 T",
    "Whole brain": "never trained on",
}
"""What the built-in models' training sets hold of each structure (their model cards list the sets)."""


TAUGHT = "White matter, one hemisphere"
"""The structure whose slices are corrected and learned from: large, folded, and overrated by the built-in estimator."""


@dataclass(frozen=True)
class DemoPrompt:
    """One box. `segment` is the name shown; `structure` the reference it is compared with; `axis` and `index` the
    slice; `reach` how many slices the box may be carried up and down (None: until quality falls); `story` why it is in
    the demo.

    The box is the structure's own on that slice, sides times `margin` as a hand would draw it, moved by `shift` of
    its width and height.
    """

    segment: str
    structure: str
    axis: int
    index: int
    reach: int | None
    story: str
    margin: float = 1.08
    shift: tuple[float, float] = (0.0, 0.0)

    def box(self, reference: np.ndarray) -> BoxPrompt:
        """The prompt in pixels of the slice whose reference mask bool [H, W] is given."""
        tight = BoxPrompt.of_mask(reference)
        if tight is None:
            raise ValueError(f"{self.structure} is not on slice {self.index}.")
        dx, dy = self.shift[0] * tight.width, self.shift[1] * tight.height
        moved = BoxPrompt(tight.x0 + dx, tight.y0 + dy, tight.x1 + dx, tight.y1 + dy)
        return moved.scaled(self.margin).validated(reference.shape)


@dataclass(frozen=True)
class OldMask:
    """A segmentation somebody made earlier, correct but for a few slices, to be scored without any prompt.

    The structure's own outline on slices `first` to `last` across `axis`; on `slipped` ones it has slipped sideways
    by `slip` of its width, as after a wrong registration or a patient's movement; on slice `gap` it was forgotten.
    """

    segment: str
    structure: str
    axis: int
    first: int
    last: int
    slipped: tuple[int, ...]
    gap: int
    story: str
    slip: float = 0.45

    def mask(self, reference: np.ndarray, index: int) -> np.ndarray:
        """bool [H, W] of the slice whose reference is given."""
        if index == self.gap:
            return np.zeros_like(reference)
        box = BoxPrompt.of_mask(reference)
        if index not in self.slipped or box is None:
            return reference
        by = round(self.slip * box.width)
        slipped = np.roll(reference, by, axis=1)
        slipped[:, :by] = False  # what leaves the image does not come in on the other side
        return slipped


def old_mask(structures: dict[str, np.ndarray]) -> OldMask:
    """The whole brain on eleven slices, three of which have slipped; one is missing."""
    name, axis = "Whole brain", AXIAL
    middle = fullest_slice(structures[name], axis)
    slipped = (middle + 1, middle + 2, middle + 3)
    story = "an existing mask without prompts: it has slipped to the side on three slices and one is missing"
    return OldMask("Brain, old mask", name, axis, middle - 4, middle + 6, slipped, middle - 2, story)


def plan(structures: dict[str, np.ndarray]) -> list[DemoPrompt]:
    """The demo's boxes for structures bool [K, J, I]: each on the slice where its structure is largest."""
    wanted = (
        ("Lateral ventricles", AXIAL, 12, "small and curved, well seen on T1"),
        ("Cerebellar white matter", CORONAL, 8, "branching, no sharp border at the tips"),
        ("White matter, one hemisphere", SAGITTAL, 8, "large and folded: the box holds grey matter as well"),
        ("Whole brain", AXIAL, 6, "the easy case"),
    )
    prompts = [
        DemoPrompt(name, name, axis, fullest_slice(structures[name], axis), reach, story)
        for name, axis, reach, story in wanted
    ]
    first = prompts[0]
    story = "the box misses half of the object on purpose"
    prompts.append(
        DemoPrompt("Ventricles, poor box", first.structure, first.axis, first.index, 0, story, shift=(-0.55, -0.3))
    )
    return prompts


def fullest_slice(mask: np.ndarray, axis: int) -> int:
    """Index of the slice with the most pixels across voxel axis `axis` (I, J, K) of a bool [K, J, I] mask."""
    return int(mask.sum(axis=tuple(a for a in range(3) if a != 2 - axis)).argmax())
