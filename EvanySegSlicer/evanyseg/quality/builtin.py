"""The built-in quality estimator: `load` gives one that follows `protocols.QualityEstimator`.

Its file is `estimator.safetensors` (fp16) with `estimator.json` beside it: the network's sizes, the window factors,
and the calibration with and without a box. The same pair of files at another place is loaded by giving its path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..prompts import BoxPrompt
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Caveat, QualityCase, QualityEstimate
from ..weights.strict import load_strict
from .cases import PreparedCase, cases_of_image, checked_image, prepare
from .conformal import Calibration
from .context import LATE
from .gbdt import NETWORK_NUMBERS, PREFIX, Trees, corrected
from .ood import PREFIX as FAMILIAR
from .ood import OODDetector
from .runner import BatchRunner

BUILTIN = Path(__file__).resolve().parent.parent / "builtin" / "estimator.safetensors"
FORMAT = 2
BATCH = {"cpu": 16}
LARGE_BATCH = 128


@dataclass(frozen=True)
class EstimatorFile:
    """What the .json says: `config` of the network, window `factors` and calibrations (with box, without box);
    `flips`: whether mirror images are averaged."""

    config: dict[str, Any]
    factors: tuple[float, float]
    calibrations: tuple[Calibration, Calibration] | None
    flips: bool


def load(path: Path | None = None, device: str = "cpu") -> BuiltinEstimator:
    """The built-in estimator, or one exported to `path` (its .safetensors), on an actual device ('cpu', 'cuda', 'mps').

    Raises WeightsError for a missing, truncated or foreign file.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from ..nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig

    path = Path(path) if path is not None else BUILTIN
    described = read_description(path.with_suffix(".json"))
    if not path.is_file():
        raise WeightsError(f"The estimator's weights {path.name} are missing; reinstall, or give another file.")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is not a readable safetensors file: truncated or damaged.") from error
    try:
        config: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in described.config.items()}
        net = BuiltinEstimatorNet(EstimatorConfig(**config))
    except (TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path.name} describes a network this version does not have ({error}).") from error
    beside = {name: tensors.pop(name).numpy() for name in list(tensors) if name.startswith((PREFIX, FAMILIAR))}
    trees = Trees.from_tensors(beside, LATE + NETWORK_NUMBERS)
    ood_detector = OODDetector.from_tensors(beside)
    net = load_strict(net, tensors, "the built-in estimator").to(memory_format=torch.channels_last)
    return BuiltinEstimator(net, described, device, trees, ood_detector)


def read_description(path: Path) -> EstimatorFile:
    """Raises WeightsError when the .json beside the weights is missing or not of this format."""
    if not path.is_file():
        raise WeightsError(f"{path.name}, which belongs beside the estimator's weights, is missing.")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise WeightsError(f"{path.name} has format {stored['format']}; this version reads format {FORMAT}.")
        pair = stored.get("calibration")
        both = (Calibration.from_json(pair["box"]), Calibration.from_json(pair["own"])) if pair else None
        factors = (float(stored["factors"]["box"]), float(stored["factors"]["own"]))
        return EstimatorFile(stored["config"], factors, both, bool(stored.get("flips", False)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path.name} is not an estimator's description ({error}).") from error


class BuiltinEstimator:
    """See `protocols.QualityEstimator`. Deterministic: the same case gives the same numbers whatever its batch."""

    name = "builtin"

    def __init__(
        self,
        net: Any,
        described: EstimatorFile,
        device: str = "cpu",
        trees: Trees | None = None,
        ood_detector: OODDetector | None = None,
    ) -> None:
        self.described = described
        self.trees = trees
        self.ood_detector = ood_detector
        self.size = int(net.config.size)
        self.runner = BatchRunner(net, device, BATCH.get(device, LARGE_BATCH))
        self.level = described.calibrations[0].level if described.calibrations else 0.9

    @property
    def device(self) -> str:
        """Where it runs now (it may have moved to the CPU for want of memory)."""
        return self.runner.device

    @property
    def notices(self) -> list[str]:
        """What the user should know about how it ran: smaller batches, another device."""
        return self.runner.notices

    def estimate(
        self,
        image: np.ndarray,
        masks: np.ndarray,
        boxes: Sequence[BoxPrompt | None] | None = None,
        maps: bool = False,
        should_cancel: ShouldCancel = never_cancel,
    ) -> list[QualityEstimate]:
        """Judge masks bool [N, H, W] of one image uint8 [H, W, 3]. Raises ImageError, PromptError, CancelledError."""
        return list(self.estimate_cases(cases_of_image(image, masks, boxes), maps, should_cancel))

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """Estimates in order; cases are taken from the iterable a batch at a time, whatever their images."""
        iterator = iter(cases)
        last: tuple[np.ndarray, tuple[str, ...]] | None = None
        while True:
            prepared = []
            for case in islice(iterator, self.runner.batch):
                raise_if_cancelled(should_cancel)
                if last is None or last[0] is not case.image:
                    last = (case.image, checked_image(case.image))
                prepared.append(prepare(case, last[1], self.size, self.described.factors))
            if not prepared:
                return
            yield from self._judged(prepared, maps, should_cancel)

    def _judged(
        self, prepared: list[PreparedCase], maps: bool, should_cancel: ShouldCancel
    ) -> Iterator[QualityEstimate]:
        from ..nets.builtin_estimator import estimator_forward, stacked_inputs

        usable = [p for p in prepared if p.seen is not None and (maps or not p.empty)]
        rows: Iterator[dict[str, np.ndarray]] = iter(())
        if usable:
            inputs = stacked_inputs([p.seen for p in usable if p.seen is not None])
            forward = lambda net, batch: estimator_forward(net, batch, self.described.flips)
            out = {k: v.numpy() for k, v in self.runner.run(forward, inputs, should_cancel).items()}
            if self.trees is not None:
                out |= corrected(self.trees, inputs["scalars"].numpy(), out)
            rows = ({k: v[i] for k, v in out.items()} for i in range(len(usable)))
        for case in prepared:
            if case.seen is None:
                yield QualityEstimate.unscored(self.name, *case.caveats, level=self.level)
            elif case.empty and not maps:
                yield QualityEstimate(0.0, 0.0, 0.0, self.level, self.name, caveats=case.caveats)
            else:
                yield self._result(case, next(rows), maps)

    def _result(self, case: PreparedCase, row: dict[str, np.ndarray], maps: bool) -> QualityEstimate:
        caveats = case.caveats
        dice, low, high = (float(row[k]) for k in ("dice", "low", "high"))
        if case.empty:
            dice = low = high = 0.0
        elif self.described.calibrations is None:
            caveats = (*caveats, Caveat.NO_INTERVAL)
        else:
            calibration = self.described.calibrations[0 if case.has_box else 1]
            dice, low, high = (float(v[0]) for v in calibration.apply(*(np.array([v]) for v in (dice, low, high))))
        if self.ood_detector is not None and case.seen is not None and self.ood_detector.strange(case.seen):
            caveats = (*caveats, Caveat.UNLIKE_TRAINING)
        fp = fn = None
        if maps and case.seen is not None:
            # the network counts all of a mask beyond the window as wrong: so does the map
            fp = case.seen.window.paste(row["false_positive"], beyond=1.0) * case.mask
            fn = case.seen.window.paste(row["false_negative"]) * ~case.mask
        hd95 = None if case.empty else float(np.expm1(row["log_hd95"]) / 100.0 * case.diagonal)
        return QualityEstimate(dice, low, high, self.level, self.name, hd95, fp, fn, caveats)
