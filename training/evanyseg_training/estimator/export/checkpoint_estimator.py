"""A training run's checkpoint as a quality estimator, so that any architecture and input can be evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from evanyseg.protocols import ShouldCancel, never_cancel, raise_if_cancelled
from evanyseg.quality.cases import CaseEstimator
from evanyseg.quality.context import context_input
from evanyseg.quality.modes import WITH_BOX
from evanyseg.quality.paper_crop import point_box, resized_crop
from evanyseg.results import Caveat, QualityCase, QualityEstimate

from ...errors import RunError
from ..config import load_options
from ..networks.backbones import net_for, scorer_of
from ..train import load_weights

BATCH = 16


class CheckpointEstimator(CaseEstimator):
    """`quality.builtin` for networks that are not shipped: no calibration, intervals or maps; Dice cut to [0, 1]."""

    level = 0.9

    def __init__(self, run: Path, device: str = "cpu") -> None:
        """`run`: folder with run.yaml and best.ckpt (or last.ckpt). Raises RunError when they are missing."""
        found = [run / name for name in ("best.ckpt", "last.ckpt") if (run / name).is_file()]
        if not found or not (run / "run.yaml").is_file():
            raise RunError(f"{run} is not the folder of an estimator's run: it lacks run.yaml or a checkpoint.")
        self.options = load_options(run / "run.yaml")
        self.name, self.device = f"{self.options.model}, {self.options.mode} input", device
        net = net_for(self.options.model, self.options.mode, self.options.data.size)
        load_weights(net, found[0])
        self.net = net.to(device).eval()

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """See `protocols.QualityEstimator`; `maps` is ignored."""
        iterator = iter(cases)
        while batch := list(islice(iterator, BATCH)):
            raise_if_cancelled(should_cancel)
            seen = [self._input(case) if case.mask.any() else None for case in batch]
            usable = [s for s in seen if s is not None]
            dice = iter(self._forward(usable) if usable else ())
            for case, one in zip(batch, seen, strict=True):
                if one is not None:
                    yield self._result(next(dice))
                elif case.box is None:
                    yield QualityEstimate.unscored(self.name, Caveat.EMPTY_MASK)
                else:
                    yield self._result(0.0, Caveat.EMPTY_MASK)

    def _result(self, dice: float, *caveats: str) -> QualityEstimate:
        nothing = float("nan")
        return QualityEstimate(dice, nothing, nothing, self.level, self.name, caveats=(*caveats, Caveat.NO_INTERVAL))

    def _forward(self, inputs: list[dict[str, torch.Tensor]]) -> list[float]:
        batch = {k: torch.stack([i[k] for i in inputs]).to(self.device) for k in inputs[0]}
        with torch.inference_mode():
            dice = scorer_of(self.options.mode)(self.net, batch).dice.float().cpu().numpy()
        return np.clip(dice, 0, 1).tolist()

    def _input(self, case: QualityCase) -> dict[str, torch.Tensor]:
        size = self.options.data.size
        if self.options.mode == "paper":
            around = case.box or point_box(case.mask)
            assert around is not None
            pixels = resized_crop(case.image, case.mask, around, size)
            return {"pixels": pixels, "auxiliary": torch.zeros(0), "areas": torch.zeros(2)}
        seen = context_input(case.image, case.mask, case.box, WITH_BOX, size)
        cells = float(seen.window.side**2)
        return {
            "pixels": torch.from_numpy(seen.pixels),
            "distance": torch.from_numpy(seen.distance),
            "auxiliary": torch.from_numpy(seen.auxiliary),
            "areas": torch.tensor([seen.mask_in / cells, seen.mask_out / cells]),
        }
