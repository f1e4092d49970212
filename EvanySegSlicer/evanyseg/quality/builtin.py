"""The built-in quality estimator: `load` gives one that follows `protocols.QualityEstimator`.

Its file is `estimator.safetensors` (8 bits per channel) with `estimator.json` beside it: the network's sizes, the
window factors, and the calibration with and without a box. The same files elsewhere are loaded by their path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from ..device import require_torch, resolve_backend
from ..errors import WeightsError
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Caveat, QualityCase, QualityEstimate
from ..weights.eight_bits import unpacked
from ..weights.safe_load import read_arrays
from .cases import CaseEstimator, CaseImage, PreparedCase, prepare
from .context import ContextInput, stacked
from .estimator_file import EstimatorFile, EstimatorParts, present_sizes, read_description
from .gbdt import Trees, corrected
from .ood import OODDetector

BUILTIN = Path(__file__).resolve().parent.parent / "builtin" / "estimator.safetensors"
GRAPHS = BUILTIN.parent
BATCH = {"cpu": 16}
LARGE_BATCH = 128


class EstimatorNet(Protocol):
    """The network behind arrays, on one backend. `batch`: masks at a time; `notices`: what the user should know about
    how it ran; the device may change (when an accelerator's memory runs out)."""

    backend: str

    @property
    def device(self) -> str: ...

    @property
    def batch(self) -> int: ...

    @property
    def notices(self) -> list[str]: ...

    def run(
        self, inputs: Mapping[str, np.ndarray], should_cancel: ShouldCancel = never_cancel
    ) -> dict[str, np.ndarray]:
        """What `nets.builtin_estimator.estimator_forward` gives, of `context.stacked`. Raises CancelledError."""


def load(path: Path | None = None, device: str = "cpu", backend: str = "auto") -> BuiltinEstimator:
    """The built-in estimator, or one exported to `path` (its .safetensors), on an actual device ('cpu', 'cuda', 'mps').

    backend: see `device.resolve_backend`. Raises WeightsError for a missing, truncated or foreign file, DeviceError,
    MissingPackageError.
    """
    path = Path(path) if path is not None else BUILTIN
    described = read_description(path.with_suffix(".json"))
    stored, _ = read_arrays(path)
    parts = EstimatorParts.of(stored)
    net = _network(path, described, unpacked(parts.network), device, backend)
    digest = hashlib.sha256(path.read_bytes())
    digest.update(path.with_suffix(".json").read_bytes())  # another calibration is another estimator
    return BuiltinEstimator(net, described, parts.trees, parts.ood_detector, digest.hexdigest())


def _network(
    path: Path, described: EstimatorFile, state: dict[str, np.ndarray], device: str, backend: str
) -> EstimatorNet:
    from ..nets.builtin.onnx_session import GraphFile

    batch = BATCH.get(device, LARGE_BATCH)
    graph = GraphFile.read(GRAPHS / "estimator.onnx")
    fits = present_sizes(graph.sizes) == {**described.config, "flips": described.flips}
    misfit = "" if fits else f"{path.name} has other sizes than the graph that ships"
    if resolve_backend(backend, device, misfit) == "onnx":
        from ..nets.builtin.onnx_estimator import OnnxEstimatorNet

        return OnnxEstimatorNet(state, GRAPHS, batch)
    require_torch("This estimator")
    from ..nets.builtin.torch_estimator import TorchEstimatorNet, network

    try:
        net = network(described.config, state)
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path.name} describes a network this version does not have ({error}).") from error
    return TorchEstimatorNet(net, device, batch, described.flips)


@dataclass(frozen=True)
class MeasuredCase:
    """An estimate with the network's input and numbers by name (`gbdt.NETWORK` among them); both None where the case
    was not shown to the network or its mask is empty."""

    estimate: QualityEstimate
    seen: ContextInput | None = None
    numbers: Mapping[str, np.ndarray] | None = None


class BuiltinEstimator(CaseEstimator):
    """See `protocols.QualityEstimator`. Deterministic: the same case gives the same numbers whatever its batch."""

    name = "builtin"

    def __init__(
        self,
        net: EstimatorNet,
        described: EstimatorFile,
        trees: Trees | None = None,
        ood_detector: OODDetector | None = None,
        fingerprint: str = "",
    ) -> None:
        self.net, self.backend = net, net.backend
        self.described = described
        self.trees = trees
        self.ood_detector = ood_detector
        self.fingerprint = fingerprint
        self.size = int(described.config["size"])
        self.level = described.calibrations[0].level if described.calibrations else 0.9

    @property
    def device(self) -> str:
        """Where it runs now (it may have moved to the CPU for want of memory)."""
        return self.net.device

    @property
    def notices(self) -> list[str]:
        """What the user should know about how it ran: smaller batches, another device."""
        return self.net.notices

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """Estimates in order; cases are taken from the iterable a batch at a time, whatever their images."""
        return (measured.estimate for measured in self.measure_cases(cases, maps, should_cancel))

    def measure_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[MeasuredCase]:
        """As `estimate_cases`, with what was measured on the way: what an adapted estimator learns from."""
        iterator = iter(cases)
        last: CaseImage | None = None
        while True:
            prepared = []
            for case in islice(iterator, self.net.batch):
                raise_if_cancelled(should_cancel)
                if last is None or last.image is not case.image:
                    last = CaseImage.of(case.image)
                prepared.append(prepare(case, last, self.size, self.described.factors))
            if not prepared:
                return
            yield from self._scored(prepared, maps, should_cancel)

    def _scored(self, prepared: list[PreparedCase], maps: bool, should_cancel: ShouldCancel) -> Iterator[MeasuredCase]:
        usable = [p for p in prepared if p.seen is not None and (maps or not p.empty)]
        rows: Iterator[dict[str, np.ndarray]] = iter(())
        if usable:
            inputs = stacked([p.seen for p in usable if p.seen is not None])
            out = self.net.run(inputs, should_cancel)
            if self.trees is not None:
                out |= corrected(self.trees, inputs["auxiliary"], out)
            rows = ({k: v[i] for k, v in out.items()} for i in range(len(usable)))
        for case in prepared:
            if case.seen is None:
                yield MeasuredCase(QualityEstimate.unscored(self.name, *case.caveats, level=self.level))
            elif case.empty and not maps:
                yield MeasuredCase(QualityEstimate(0.0, 0.0, 0.0, self.level, self.name, caveats=case.caveats))
            else:
                row = next(rows)
                yield MeasuredCase(self._result(case, row, maps), None if case.empty else case.seen, row)

    def _result(self, case: PreparedCase, row: dict[str, np.ndarray], maps: bool) -> QualityEstimate:
        caveats = case.caveats
        ood_score = None
        if self.ood_detector is not None and case.seen is not None:
            ood_score = self.ood_detector.score_of(case.seen)
        dice, low, high = (float(row[k]) for k in ("dice", "low", "high"))
        if case.empty:
            dice = low = high = 0.0
        elif self.described.calibrations is None:
            caveats = (*caveats, Caveat.NO_INTERVAL)
        else:
            calibration = self.described.calibrations[0 if case.has_box else 1]
            score = None if ood_score is None else np.array([ood_score])
            raw = np.array([[dice], [low], [high]])
            dice, low, high = (float(v[0]) for v in calibration.apply(raw[0], raw[1], raw[2], score))
        if self.ood_detector is not None and ood_score is not None and ood_score > self.ood_detector.limit:
            caveats = (*caveats, Caveat.UNLIKE_TRAINING)
        fp = fn = None
        if maps and case.seen is not None:
            # the network counts all of a mask beyond the window as wrong: so does the map
            fp = case.seen.window.paste(row["false_positive"], beyond=1.0) * case.mask
            fn = case.seen.window.paste(row["false_negative"]) * ~case.mask
        hd95 = None if case.empty else float(np.expm1(row["log_hd95"]) / 100.0 * case.diagonal)
        return QualityEstimate(
            dice=dice,
            low=low,
            high=high,
            level=self.level,
            estimator=self.name,
            hd95=hd95,
            false_positive=fp,
            false_negative=fn,
            caveats=caveats,
        )
