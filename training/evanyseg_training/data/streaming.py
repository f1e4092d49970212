"""Training data in shards: read from front to back, so that memory does not grow with the data.

A shard is a Parquet file; a row is one object: its image (PNG), its true mask and all of its candidate masks (packed
bits of tight boxes). Shards are dealt to ranks and workers, so all masks of an object are always on one rank. Order:
shards are shuffled anew each epoch, rows in a buffer of fixed size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.utils.data import IterableDataset, get_worker_info

from evanyseg.io.write import write_text

from ..errors import ShardError

Row = dict[str, Any]
SCHEMA = pa.schema(
    [
        ("set", pa.string()),
        ("source", pa.string()),
        ("object", pa.int64()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("image", pa.binary()),
        ("truth", pa.binary()),
        ("truth_box", pa.list_(pa.int32())),
        ("masks", pa.list_(pa.binary())),
        ("boxes", pa.list_(pa.int32())),
        ("prompts", pa.list_(pa.float32())),
        ("dice", pa.list_(pa.float32())),
        ("hd95", pa.list_(pa.float32())),
        ("mask_sources", pa.list_(pa.string())),
    ]
)
"""`boxes` and `prompts` hold four numbers a mask (x0 y0 x1 y1; a prompt that does not exist is NaN)."""
ROW_GROUP = 16
"""Rows that are read at a time."""
INDEX = "index-{}.json"
"""One for each prefix: writers side by side never touch the same file."""


@dataclass
class ShardWriter:
    """Writes rows into `folder` as PREFIX-00000.parquet, ...; `close` finishes the last one and the index."""

    folder: Path
    rows_per_shard: int = 512
    prefix: str = "shard"
    _counts: dict[str, list[int]] = field(default_factory=dict)
    _rows: list[Row] = field(default_factory=list)
    _writer: pq.ParquetWriter | None = None

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Finish the last shard and write the index. Several writers may share a folder under different prefixes."""
        self._flush()
        self._finish_shard()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / INDEX.format(self.prefix), json.dumps(self._counts))

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{self.prefix}-{len(self._counts):05d}.parquet"
            self._counts[name] = [0, 0]
            self._writer = pq.ParquetWriter(self.folder / name, SCHEMA, compression="none")
        self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA), row_group_size=ROW_GROUP)
        counts = self._counts[list(self._counts)[-1]]
        counts[0] += len(self._rows)
        counts[1] += sum(len(row["dice"]) for row in self._rows)
        self._rows = []
        if counts[0] >= self.rows_per_shard:
            self._finish_shard()

    def _finish_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def shard_sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """(objects, masks) of each shard. Raises ShardError when the folder has no index or lacks a shard."""
    found = sorted(folder.glob(INDEX.format("*")))
    if not found:
        raise ShardError(f"{folder} has no index: it is not a folder of shards, or they were never finished.")
    lists = [json.loads(path.read_text(encoding="utf-8")) for path in found]
    sizes = {name: (int(o), int(m)) for counts in lists for name, (o, m) in counts.items()}
    missing = sorted(name for name in sizes if not (folder / name).is_file())
    if missing:
        raise ShardError(f"{folder} lacks {len(missing)} of its shards, for example {missing[0]}.")
    return sizes


def read_shard(path: Path) -> Iterator[Row]:
    """Rows in order, a row group at a time."""
    with pq.ParquetFile(path, pre_buffer=False, memory_map=False) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP):
            yield from batch.to_pylist()


def buffered_shuffle(rows: Iterator[Row], size: int, rng: np.random.Generator) -> Iterator[Row]:
    """Rows in an order that is random within a window of `size`."""
    held = list(islice(rows, size))
    for row in rows:
        k = int(rng.integers(len(held)))
        yield held[k]
        held[k] = row
    for k in rng.permutation(len(held)):
        yield held[k]


class ShardStream(IterableDataset):
    """An endless stream of samples: `sample(row, rng)` of one rank's and worker's rows, epoch after epoch.

    Streams of one seed and another `number` have other orders and draws. `rank` and `world` are asked of
    torch.distributed when they are not given. Every rank needs at least one shard.
    """

    def __init__(
        self,
        folder: Path,
        sample: Callable[[Row, np.random.Generator], Any],
        buffer: int = 256,
        seed: int = 0,
        rank: int | None = None,
        world: int | None = None,
        epochs: int | None = None,
        number: int = 0,
    ) -> None:
        self.folder, self.sample, self.buffer, self.seeds = Path(folder), sample, buffer, (seed, number)
        self.rank, self.world, self.epochs = rank, world, epochs
        self.names = sorted(shard_sizes(self.folder))

    def __iter__(self) -> Iterator[Any]:
        part, parts = self._place()
        if parts > len(self.names):
            raise ShardError(
                f"{self.folder} has {len(self.names)} shards for {parts} readers (ranks times workers); "
                "write smaller shards or use fewer workers."
            )
        for epoch in count() if self.epochs is None else range(self.epochs):
            order = np.random.default_rng([*self.seeds, epoch]).permutation(len(self.names))
            mine = [self.names[k] for k in order[part::parts]]
            rng = np.random.default_rng([*self.seeds, epoch, part])
            rows = (row for name in mine for row in read_shard(self.folder / name))
            for row in buffered_shuffle(rows, self.buffer, rng):
                yield self.sample(row, np.random.default_rng([*self.seeds, epoch, int(row["object"])]))

    def _place(self) -> tuple[int, int]:
        rank, world = self.rank, self.world
        if world is None:
            ready = torch.distributed.is_available() and torch.distributed.is_initialized()
            rank, world = (torch.distributed.get_rank(), torch.distributed.get_world_size()) if ready else (0, 1)
        worker = get_worker_info()
        inside, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        return (rank or 0) * workers + inside, world * workers
