"""What the brought-in regressors share: which masks can be scored at all, batches, and honest estimates.

They give one number a mask (and at most a distance) and were never calibrated here: no interval, said as a caveat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..prompts import BoxPrompt
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Caveat, QualityCase, QualityEstimate
from .cases import CaseEstimator, checked_case, checked_image

if TYPE_CHECKING:
    from torch import Tensor

Prepare = Callable[[np.ndarray, np.ndarray, BoxPrompt | None, str], "dict[str, Tensor]"]
"""Network inputs of one mask: image uint8 [H, W, 3], mask bool [H, W] (not empty), validated box or None, what the mask
is meant to be ('': nobody says)."""
Forward = Callable[[Any, "dict[str, Tensor]"], "dict[str, Tensor]"]
"""(network, inputs with a leading batch size) -> 'dice' [N] and, where it has that head, 'distance' [N] in pixels: the
largest one (`hd_max`)."""

BATCH = {"cpu": 8}
LARGE_BATCH = 64


class MaskRegressor(CaseEstimator):
    """A QualityEstimator around a network with one or two numbers a mask; estimates carry no interval.

    Subclasses that need more than image and mask say in `refused` why a case cannot be scored, and in `notes` what is
    to be known of how it was.
    """

    def __init__(self, name: str, net: Any, device: str, prepare: Prepare, forward: Forward) -> None:
        self.name, self.device, self.level = name, device, 0.9
        self.net = net.to(device)
        self._prepare, self._forward = prepare, forward

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """The same over cases of many images, in batches, in order, lazily."""
        waiting = iter(cases)
        while part := list(islice(waiting, BATCH.get(self.device, LARGE_BATCH))):
            raise_if_cancelled(should_cancel)
            yield from self._score(part, should_cancel)

    def refused(self, case: QualityCase) -> tuple[str, ...]:
        """Caveats of a case that cannot be scored; none of one that can."""
        return ()

    def notes(self, case: QualityCase) -> tuple[str, ...]:
        """Caveats of a case that is scored."""
        return ()

    def _score(self, cases: Sequence[QualityCase], should_cancel: ShouldCancel) -> list[QualityEstimate]:
        inputs: list[dict[str, Tensor]] = []
        results: list[QualityEstimate | tuple[str, ...]] = []
        for case in cases:
            mask, box, caveats = checked_case(case, checked_image(case.image))
            if not mask.any():
                results.append(
                    QualityEstimate(0.0, 0.0, 0.0, self.level, self.name, caveats=caveats)
                    if box is not None
                    else QualityEstimate.unscored(self.name, *caveats, level=self.level)
                )
                continue
            refused = self.refused(case)
            if refused:
                results.append(QualityEstimate.unscored(self.name, *caveats, *refused, level=self.level))
                continue
            inputs.append(self._prepare(case.image, mask, box, case.label))
            results.append((*caveats, *self.notes(case)))
        numbers = iter(self._run(inputs, should_cancel))
        return [r if isinstance(r, QualityEstimate) else self._estimate(*next(numbers), r) for r in results]

    def _run(self, inputs: list[dict[str, Tensor]], should_cancel: ShouldCancel) -> list[tuple[float, float | None]]:
        if not inputs:
            return []
        import torch

        from ..nets.interrupt import interruptible

        together = {k: torch.stack([i[k] for i in inputs]).to(self.device) for k in inputs[0]}
        # full precision also on CUDA: a Dice in bfloat16 has steps of 0.004
        with torch.no_grad(), interruptible(should_cancel):
            out = self._forward(self.net, together)
        dice = out["dice"].float().cpu().tolist()
        distance = out["distance"].float().cpu().tolist() if "distance" in out else [None] * len(dice)
        return list(zip(dice, distance, strict=True))

    def _estimate(self, dice: float, distance: float | None, caveats: tuple[str, ...]) -> QualityEstimate:
        nan = float("nan")
        caveats = (*caveats, Caveat.NO_INTERVAL)
        if distance is not None:
            distance = max(distance, 0.0)
        # the published heads are linear: a Dice of 1.02 is the network's way to say 1
        return QualityEstimate(
            min(max(dice, 0.0), 1.0), nan, nan, self.level, self.name, hd_max=distance, caveats=caveats
        )
