"""Short estimator runs on the made-up store: helpers of several test files (their fixtures are in conftest.py)."""

from dataclasses import replace

from evanyseg.nets.builtin_estimator import EstimatorConfig
from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.data.store import Store
from evanyseg_training.estimator.config import RunOptions
from evanyseg_training.estimator.module import OptimOptions
from evanyseg_training.estimator.samples.options import DataOptions
from evanyseg_training.estimator.train import train_estimator

SIZE = 32


def options(**changes):
    short = RunOptions(
        data=DataOptions(size=SIZE), optim=OptimOptions(lr=2e-3, steps=8, warmup=2), batch=8, epoch=4, val_per_set=6,
        precision="32-true",
    )  # fmt: skip
    return replace(short, **changes)


def run(folders, out, chosen, **trainer):
    return train_estimator(Store(folders / "store"), folders / "candidates", out, chosen, accelerator="cpu", **trainer)


def load_net_config():
    return EstimatorConfig(size=SIZE)


def module_pool(folders):
    return CandidateStore(folders / "candidates", Store(folders / "store"))
