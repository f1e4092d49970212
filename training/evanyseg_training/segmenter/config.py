"""The configuration of a segmenter run, from YAML; a copy is kept with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from evanyseg.io.write import write_text

from ..errors import OptionError


@dataclass(frozen=True)
class SegmenterConfig:
    """`minutes`: length of the run by the clock (the learning rate follows it); without it, `steps` steps.
    `fold`: (k, n) trains on the subjects of the train split that are NOT in fold k of n (cross-fitting).
    `keep`: at which shares of the run a checkpoint is kept. `precision`: as Lightning names it.
    `side`: 256, or 128 for a first phase on small samples at a quarter of the cost; `start`: weights to go on from."""

    store: str = "store"
    out: str = "runs/segmenter"
    minutes: float | None = None
    steps: int = 4000
    batch: int = 8
    prompts: int = 2
    epoch_size: int = 1024
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_steps: int = 60
    average: float = 0.998
    refine_share: float = 0.25
    clip: float = 1.0
    seed: int = 0
    fold: tuple[int, int] | None = None
    side: int = 256
    start: str | None = None
    keep: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    cap: int = 300
    weight_of: Mapping[str, float] = field(default_factory=dict)
    architecture: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "bf16-mixed"
    threads: int = 1
    workers: int = 0
    trainer: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> SegmenterConfig:
        """From a YAML file; `overrides` that are not None win. Raises OptionError for unknown settings."""
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        values |= {k: v for k, v in overrides.items() if v is not None}
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise OptionError(f"{path.name} has unknown setting(s): {', '.join(sorted(unknown))}.")
        for name in ("fold", "keep"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        return cls(**values)

    def save(self, path: Path) -> None:
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        write_text(path, yaml.safe_dump(values, sort_keys=False))
