"""Candidates as rows of shards, and samples from such a row: number by number what the stores would give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from evanyseg.prompts import BoxPrompt

from ...augment.sample import Sample
from ...candidates.mask_sources import PROMPT_ONLY
from ...candidates.store import PROMPT, CandidateStore
from ...data.packing import PixelBox, packed, unpacked
from ...data.store import Store
from ...data.streaming import Row, ShardWriter
from .options import DataOptions
from .paper import SAMPLES


def write_shards(
    store: Store, candidates: CandidateStore, folder: Path, split: str, shard: tuple[int, int] = (0, 1)
) -> tuple[int, int]:
    """All candidates of every `shard[1]`-th object of a split from `shard[0]` on; (objects, masks) written."""
    table = candidates.table
    table = table[(table.split == split) & (table.use == "train")]
    writer = ShardWriter(folder, prefix=f"part{shard[0]:03d}")
    objects = masks = 0
    for row, found in list(table.groupby("row"))[shard[0] :: shard[1]]:
        writer.add(shard_row(store, candidates, int(row), found.index.to_numpy()))
        objects, masks = objects + 1, masks + len(found)
    writer.close()
    return objects, masks


def shard_row(store: Store, candidates: CandidateStore, row: int, at: np.ndarray) -> Row:
    """One object with its candidates `at` (indices into the table)."""
    lines = candidates.table.loc[at]
    image = store.gray_or_color(int(lines.image_id.iat[0]))
    done, png = cv2.imencode(".png", image[..., ::-1] if image.shape[2] == 3 else image)
    assert done
    box, truth = packed(store.mask(row))
    masks = [packed(candidates.mask(int(i))) for i in at]
    return {
        "set": lines.set.iat[0],
        "source": lines.source.iat[0],
        "object": row,
        "height": image.shape[0],
        "width": image.shape[1],
        "image": png.tobytes(),
        "truth": truth,
        "truth_box": list(box),
        "masks": [bits for _, bits in masks],
        "boxes": [v for b, _ in masks for v in b],
        "prompts": lines[list(PROMPT)].to_numpy(np.float32).ravel().tolist(),
        "dice": lines.dice.to_numpy(np.float32).tolist(),
        "hd95": lines.hd95.to_numpy(np.float32).tolist(),
        "mask_sources": lines.mask_source.tolist(),
    }


@dataclass(frozen=True)
class RowMasks:
    """The masks of one row, as `context.LabeledMasks` wants them."""

    row: Row

    def __len__(self) -> int:
        return len(self.row["dice"])

    def image(self) -> np.ndarray:
        """uint8 [H, W, 1 or 3]."""
        pixels = cv2.imdecode(np.frombuffer(self.row["image"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        return pixels[..., None] if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])

    def truth(self) -> np.ndarray:
        """bool [H, W]."""
        return self._unpacked(self.row["truth"], PixelBox(*self.row["truth_box"]))

    def mask(self, candidate: int) -> np.ndarray:
        """bool [H, W]."""
        return self._unpacked(self.row["masks"][candidate], self._box(candidate))

    def stored(self, candidate: int) -> Sample:
        dice, hd95 = self.row["dice"][candidate], self.row["hd95"][candidate]
        return Sample(self.image(), self.mask(candidate), self.truth(), dice, hd95)

    def mask_box(self, candidate: int) -> BoxPrompt | None:
        return self._box(candidate).prompt()

    def true_box(self, candidate: int) -> BoxPrompt:
        return BoxPrompt(*(float(v) for v in self.row["truth_box"]))

    def prompt(self, candidate: int) -> BoxPrompt | None:
        corners = [float(v) for v in self.row["prompts"][4 * candidate : 4 * candidate + 4]]
        return BoxPrompt(*corners) if np.isfinite(corners).all() else None

    def needs_prompt(self, candidate: int) -> bool:
        # shards of before this column hold no such masks
        sources = self.row.get("mask_sources")
        return sources is not None and sources[candidate] in PROMPT_ONLY

    def _box(self, candidate: int) -> PixelBox:
        return PixelBox(*self.row["boxes"][4 * candidate : 4 * candidate + 4])

    def _unpacked(self, bits: bytes, box: PixelBox) -> np.ndarray:
        return unpacked(np.frombuffer(bits, np.uint8), box, (self.row["height"], self.row["width"]))


@dataclass(frozen=True)
class GroupSampler:
    """A group of a row's masks as tensors [group, ...]: exactly what `EstimatorData` makes of a candidate store."""

    mode: str
    options: DataOptions

    def __call__(self, row: Row, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        masks = RowMasks(row)
        samples = SAMPLES[self.mode](masks, self.options)
        picks = rng.choice(len(masks), self.options.group, replace=len(masks) < self.options.group)
        drawn = [samples.draw(int(i), rng) for i in picks]
        return {k: torch.stack([s[k] for s in drawn]) for k in drawn[0]}
