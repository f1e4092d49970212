"""Training of estimators from shards: networks, samples and losses as in `estimator_train`, any amount of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader

from evanyseg.pixels import as_rgb
from evanyseg.prompts import BoxPrompt

from ...candidates.store import CandidateStore
from ...data.manifest import ManifestError
from ...data.store import Store
from ...data.streaming import Row, ShardStream, ShardWriter, shard_sizes
from ..backbones import net_for, scorer_of
from ..config import RunOptions, save_options
from ..module import EstimatorModule
from .data import DataOptions, EstimatorData, collate
from .paper_data import PaperData


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
    image = store.grey_or_colour(int(lines.image_id.iat[0]))
    done, png = cv2.imencode(".png", image[..., ::-1] if image.shape[2] == 3 else image)
    assert done
    truth, box = _packed(store.mask(row))
    packed = [_packed(candidates.mask(int(i))) for i in at]
    return {
        "set": lines.set.iat[0],
        "source": lines.source.iat[0],
        "object": row,
        "height": image.shape[0],
        "width": image.shape[1],
        "image": png.tobytes(),
        "truth": truth,
        "truth_box": box,
        "masks": [bits for bits, _ in packed],
        "boxes": [v for _, b in packed for v in b],
        "prompts": lines[["qx0", "qy0", "qx1", "qy1"]].to_numpy(np.float32).ravel().tolist(),
        "dice": lines.dice.to_numpy(np.float32).tolist(),
        "hd95": lines.hd95.to_numpy(np.float32).tolist(),
    }


def _packed(mask: np.ndarray) -> tuple[bytes, list[int]]:
    box = BoxPrompt.of_mask(mask)
    x0, y0, x1, y1 = (int(v) for v in box.as_tuple()) if box else (0, 0, 0, 0)
    return np.packbits(mask[y0:y1, x0:x1]).tobytes(), [x0, y0, x1, y1]


@dataclass(frozen=True)
class RowImage:
    """A row's image and true object, behind the interface that samples are made from (`Store`)."""

    row: Row

    def grey_or_colour(self, image_id: int) -> np.ndarray:
        pixels = cv2.imdecode(np.frombuffer(self.row["image"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        return pixels[..., None] if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])

    def image(self, image_id: int) -> np.ndarray:
        return as_rgb(self.grey_or_colour(image_id))

    def mask(self, row: int) -> np.ndarray:
        return _unpacked(self.row, self.row["truth"], self.row["truth_box"])

    def box(self, row: int) -> BoxPrompt:
        return BoxPrompt(*(float(v) for v in self.row["truth_box"]))


@dataclass(frozen=True)
class RowMasks:
    """A row's candidate masks, behind the interface of a `CandidateStore`."""

    row: Row
    store: RowImage

    def mask(self, index: int) -> np.ndarray:
        return _unpacked(self.row, self.row["masks"][index], self.row["boxes"][4 * index : 4 * index + 4])

    def own_box(self, index: int) -> BoxPrompt | None:
        x0, y0, x1, y1 = (float(v) for v in self.row["boxes"][4 * index : 4 * index + 4])
        return BoxPrompt(x0, y0, x1, y1) if x1 > x0 else None


def _unpacked(row: Row, bits: bytes, box: list[int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    out = np.zeros((row["height"], row["width"]), bool)
    size = (y1 - y0) * (x1 - x0)
    out[y0:y1, x0:x1] = np.unpackbits(np.frombuffer(bits, np.uint8), count=size).reshape(y1 - y0, x1 - x0)
    return out


@dataclass(frozen=True)
class GroupSampler:
    """A group of a row's masks as tensors [group, ...]: exactly what `EstimatorData` makes of a candidate store."""

    mode: str
    options: DataOptions

    def __call__(self, row: Row, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        kind = PaperData if self.mode == "paper" else EstimatorData
        data = kind.__new__(kind)  # its constructor reads a whole table, which is what streaming is there to avoid
        data.options = self.options
        data.candidates = RowMasks(row, RowImage(row))  # type: ignore[assignment]
        numbers = len(row["dice"])
        fixed = [np.full(numbers, row["object"]), np.zeros(numbers), row["dice"], row["hd95"]]
        data.meta = np.column_stack([*fixed, np.reshape(row["prompts"], (numbers, 4))]).astype(float)
        picks = rng.choice(numbers, self.options.group, replace=numbers < self.options.group)
        samples = [data.sample(int(i), rng) for i in picks]
        return {k: torch.stack([s[k] for s in samples]) for k in samples[0]}


class ShardModule(L.LightningDataModule):
    """Batches of whole groups; the loader is made when the process knows its rank."""

    def __init__(self, folder: Path, sample: Callable[[Row, np.random.Generator], Any], options: RunOptions) -> None:
        super().__init__()
        self.folder, self.sample, self.options = folder, sample, options

    def train_dataloader(self) -> DataLoader:
        assert self.trainer is not None
        rank, world = self.trainer.global_rank, self.trainer.world_size
        # another part of the endless stream after a resume, not the same again
        seed = self.options.seed + 1_000_003 * self.trainer.current_epoch
        stream = ShardStream(self.folder, self.sample, seed=seed, rank=rank, world=world)
        groups = max(self.options.batch // self.options.data.group, 1)
        return DataLoader(
            stream, groups, num_workers=self.options.workers, collate_fn=collate,
            persistent_workers=self.options.workers > 0, pin_memory=torch.cuda.is_available(),
        )  # fmt: skip


def train_from_shards(
    shards: Path, folder: Path, options: RunOptions, devices: int | str = "auto", nodes: int = 1, **more: Any
) -> EstimatorModule:
    """Train (or go on from folder/last.ckpt). `batch` is per process; `epoch` counts steps between checkpoints.

    Raises ManifestError for a folder without shards, with fewer shards than readers, or for `transplanted`.
    """
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger

    if options.data.transplanted > 0:
        raise ManifestError("A stream has no other images at hand: leave out 'transplanted', or train from a store.")
    shard_sizes(shards)
    save_options(folder, options)
    L.seed_everything(options.seed, verbose=False)
    net = net_for(options.model, options.mode, options.data.size)
    module = EstimatorModule(net, options.optim, options.loss, scorer_of(options.mode))
    data = ShardModule(shards, GroupSampler(options.mode, options.data), options)
    settings: dict[str, Any] = {
        "max_steps": options.optim.steps,
        "limit_train_batches": options.epoch,
        "precision": options.precision,
        "gradient_clip_val": options.optim.clip,
        "devices": devices,
        "num_nodes": nodes,
        "callbacks": [ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)],
        "logger": CSVLogger(folder, "log", version=0),
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
        "reload_dataloaders_every_n_epochs": 1,
    }
    last = folder / "last.ckpt"
    trainer = L.Trainer(**(settings | more))
    trainer.fit(module, data, ckpt_path=str(last) if last.is_file() else None, weights_only=False)
    return module
