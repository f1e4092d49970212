"""Which segments may be scored on a volume: those that it shows. A mask that it does not show is never quietly cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evanyseg.geometry.labels import LabelArray
from evanyseg.geometry.mask_fit import mask_fit

from ..nodes.volume_reader import VolumeSnapshot


@dataclass(frozen=True)
class Admission:
    """`segments` to score; `caveats` of each, for every score of it; `problem`: what is not scored and why, in
    sentences ('' when all are); `empty`: how many have no voxel at all."""

    segments: dict[str, LabelArray]
    caveats: dict[str, tuple[str, ...]]
    problem: str
    empty: int

    def message(self, scored: int, unchanged: int) -> str:
        """'9 slices scored, 3 unchanged.'; when there was nothing to score, why; empty when all were refused."""
        if self.problem and not self.segments:
            return ""
        if scored or unchanged or self.problem or self.empty < len(self.segments):
            return f"{scored} slices scored" + (f", {unchanged} unchanged." if unchanged else ".")
        return f"0 slices scored: {'the segments are empty' if self.segments else 'no segment is visible'}."


def admit(
    volume: VolumeSnapshot, segments: dict[str, LabelArray], names: dict[str, str], allow_cropped: bool
) -> Admission:
    """`names`: of segments, by id. A mask wholly outside the volume is refused also with `allow_cropped`."""
    kept: dict[str, LabelArray] = {}
    caveats: dict[str, tuple[str, ...]] = {}
    problems = []
    empty = 0
    to_index = np.linalg.inv(volume.ijk_to_ras)
    image = f"'{volume.name}'" if volume.name else "the volume"
    for segment_id, array in segments.items():
        fit = mask_fit(array.mask(), to_index @ array.array_to_ras, volume.dims)
        name = f"'{names.get(segment_id, segment_id)}'"
        empty += fit.voxels == 0
        if fit.outside == 1.0:
            problems.append(f"{name} lies wholly outside {image} and was not scored; is it another volume's?")
        elif not fit.acceptable and not allow_cropped:
            problems.append(f"{fit.lies(name)} {image}; it was not scored (allow cropped masks to score the rest).")
        else:
            kept[segment_id] = array
            caveats[segment_id] = fit.caveats
    return Admission(kept, caveats, " ".join(problems), empty)
