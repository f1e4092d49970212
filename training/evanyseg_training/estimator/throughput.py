"""What training costs: samples a second of the data pipeline and of the network, on this machine, by processor time.

Processor time instead of the clock: the figure is the same on a busy machine.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch

from ..data.streaming import ShardStream
from .losses import LossWeights
from .module import EstimatorModule, OptimOptions
from .networks.backbones import net_for, scorer_of
from .samples.data import collate
from .samples.options import DataOptions
from .samples.shards import GroupSampler


@dataclass(frozen=True)
class Throughput:
    """Masks a second of one core; `parameters` in millions."""

    model: str
    mode: str
    size: int
    parameters: float
    data_per_core: float
    training_per_core: float

    def hours(self, masks: int, epochs: int, cores: int) -> float:
        """Hours for a training run on so many cores like this one, if the work divides evenly."""
        return masks * epochs * (1 / self.data_per_core + 1 / self.training_per_core) / cores / 3600

    def as_dict(self) -> dict[str, float | str]:
        return asdict(self)


def measure(shards: Path, model: str, mode: str, size: int, batch: int = 8, steps: int = 3) -> Throughput:
    """Throughput of one thread on the shards in a folder, bf16 autocast, AdamW, EMA included. Steps >= 1."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sample = GroupSampler(mode, DataOptions(size=size, group=1))
        stream = iter(ShardStream(shards, sample, buffer=32, rank=0, world=1))
        groups = list(islice(stream, batch))  # the first ones pay for imports and for filling the buffer
        began = time.process_time()
        groups = list(islice(stream, 2 * batch))
        data = 2 * batch / (time.process_time() - began)

        net = net_for(model, mode, size)
        loss = LossWeights(published=mode == "paper")
        module = EstimatorModule(net, OptimOptions(), loss, scorer_of(mode))
        optimizer = torch.optim.AdamW(net.parameters(), 1e-4)
        examples = collate(groups[:batch])
        for step in range(steps + 1):
            if step == 1:
                began = time.process_time()
            with torch.autocast("cpu", torch.bfloat16):
                value, _ = module.loss(examples)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            module.update_average(step)
        training = steps * batch / (time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    parameters = sum(p.numel() for p in net.parameters()) / 1e6
    return Throughput(model, mode, size, parameters, data, training)
