"""Runs a few steps of the estimator's Lightning module on made-up groups, on 1 or 2 CPU processes; prints the losses.

python ddp_steps.py PROCESSES STEPS FILE      # FILE.0, FILE.1: JSON lists of each process's losses
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader, Dataset

from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig
from evanyseg_training.estimator.module import EstimatorModule, OptimOptions
from evanyseg_training.estimator.samples.data import EpochSampler, collate

GROUPS_A_STEP = 2
SIZE = 32


class MadeGroups(Dataset):
    """Four masks of one object for any index; every group has as many ranked pairs as any other, and no NaN."""

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        make = torch.Generator().manual_seed(index)
        dice = torch.tensor([0.1, 0.35, 0.6, 0.9]) + 0.1 * torch.rand(4, generator=make)
        half = SIZE // 2
        return {
            "pixels": torch.randint(0, 256, (4, 5, SIZE, SIZE), generator=make).to(torch.uint8),
            "distance": torch.rand(4, half, half, generator=make) * 2 - 1,
            "auxiliary": torch.rand(4, 10, generator=make),
            "areas": torch.rand(4, 2, generator=make) * 0.3,
            "maps": torch.randint(0, 256, (4, 2, half, half), generator=make).to(torch.uint8),
            "dice": dice,
            "log_hd95": torch.rand(4, generator=make),
        }


class LossList(L.Callback):
    """Written by each process itself: what a forked process holds is gone when it ends."""

    def __init__(self, folder: Path) -> None:
        self.losses: list[float] = []
        self.folder = folder

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.losses.append(float(outputs["loss"]))

    def on_train_end(self, trainer, pl_module) -> None:
        file = self.folder / f"losses{trainer.world_size}.{trainer.global_rank}"
        file.write_text(json.dumps(self.losses))


def run(processes: int, steps: int, folder: Path) -> None:
    torch.set_num_threads(1)
    L.seed_everything(0, verbose=False)
    config = EstimatorConfig(size=SIZE, widths=(8, 12, 16, 20), depths=(1, 1), blocks=1, heads=2, decoder=8)
    module = EstimatorModule(BuiltinEstimatorNet(config), OptimOptions(lr=2e-3, steps=steps, warmup=3))
    strategy = DDPStrategy(process_group_backend="gloo", start_method="fork") if processes > 1 else "auto"
    trainer = L.Trainer(
        accelerator="cpu", devices=processes, strategy=strategy, max_steps=steps, precision="32-true",
        gradient_clip_val=1.0, callbacks=[LossList(folder)], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
    )  # fmt: skip
    trainer.fit(module, RankLoader(steps))


class RankLoader(L.LightningDataModule):
    """Asks for its rank when the loader is made: by then the process knows it."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def train_dataloader(self) -> DataLoader:
        assert self.trainer is not None
        world, rank = self.trainer.world_size, self.trainer.global_rank
        sampler = EpochSampler(self.steps * GROUPS_A_STEP, rank, world)
        return DataLoader(MadeGroups(), GROUPS_A_STEP // world, sampler=sampler, collate_fn=collate)


if __name__ == "__main__":
    for count in (2, 1):  # forking comes first: a process that has trained cannot be forked
        run(count, int(sys.argv[1]), Path(sys.argv[2]))
