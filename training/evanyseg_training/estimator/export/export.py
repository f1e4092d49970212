"""From a checkpoint to the shipped pair of files: predictions on val and calib, calibration, 8-bit weights, card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from evanyseg.io.write import atomic_path, write_text
from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig
from evanyseg.quality.estimator_file import FORMAT
from evanyseg.quality.gbdt import Trees
from evanyseg.quality.modes import MODES, NO_PROMPT
from evanyseg.quality.ood import OODDetector, image_statistics
from evanyseg.quality.shape import FEATURES
from evanyseg.weights.eight_bits import packed, rounded
from evanyseg.weights.safe_load import KIND, MODEL

from ..calibrate import CalibrationData, coverage_and_width, fit_calibration, fit_ood_detector, joined
from ..module import macro_metrics
from ..raw_predictions import raw_predictions
from ..samples.data import EstimatorData
from ..samples.fixed import FixedData, fixed_samples
from ..train import load_weights


def predict(
    net: torch.nn.Module,
    data: EstimatorData,
    factor: float,
    without_box: bool,
    per_set: int,
    flips: bool,
    seed: int = 9,
    trees: Trees | None = None,
) -> tuple[CalibrationData, list[str]]:
    """Raw predictions on a fixed, balanced list of a split's masks, and the set of each."""
    picks = fixed_samples(data, per_set, seed, without_box)
    found = raw_predictions(net, data, picks, factor, without_box, flips, trees)
    table = data.candidates.table
    groups = np.array([f"{table.source[i]}|{table.subject[i]}" for i, _ in picks])
    return CalibrationData(**found, groups=groups), [s for _, s in picks]


def window_statistics(data: EstimatorData, per_set: int, factors: tuple[float, float], seed: int = 9) -> np.ndarray:
    """Statistics [N, STATISTICS] of the windows of at most `per_set` objects of each set, one mask of each (windows of
    the same object are alike): by turns with a box and without a prompt."""
    rng = np.random.default_rng(seed)
    sets = data.candidates.table.set
    of_set: dict[str, list[int]] = {}
    for number in rng.permutation(len(data.objects)):
        ids = data.objects[number][0]
        chosen = of_set.setdefault(str(sets[ids[0]]), [])
        if len(chosen) < per_set:
            chosen.append(int(rng.choice(ids)))
    found = []
    for name in sorted(of_set):
        for turn, (mode, factor) in enumerate(zip(MODES, factors, strict=True)):
            picks = [(candidate, name) for candidate in of_set[name][turn::2]]
            seen = FixedData(data, picks, factor, mode == NO_PROMPT)
            for sample in (seen[i] for i in range(len(picks))):
                found.append(image_statistics(sample["pixels"].numpy(), sample["auxiliary"].numpy()))
    return np.stack(found)


def calibrated_description(
    net: BuiltinEstimatorNet,
    splits: dict[str, EstimatorData],
    factors: tuple[float, float],
    flips: bool,
    per_set: int = 150,
    level: float = 0.9,
    trees: Trees | None = None,
) -> tuple[dict[str, Any], OODDetector]:
    """The .json's content, and the detector of images unlike the training's. splits: EstimatorData of 'train', 'val',
    'calib'."""
    calibration, metrics = {}, {}
    for mode, factor in zip(MODES, factors, strict=True):
        without_box = mode == NO_PROMPT
        val, val_sets = predict(net, splits["val"], factor, without_box, per_set, flips, trees=trees)
        calib, calib_sets = predict(net, splits["calib"], factor, without_box, per_set, flips, trees=trees)
        fitted = fit_calibration(joined(val, calib), calib, level)
        calibration[mode] = fitted.as_json()
        coverage, width = coverage_and_width(fitted, calib)
        raw = macro_metrics(calib.dice, calib.true, calib_sets)
        after = macro_metrics(fitted.recalibrated(calib.dice), calib.true, calib_sets)
        cover_val, _ = coverage_and_width(fitted, val)
        metrics[mode] = {
            "calib_masks": len(calib.true), "calib_r": raw["r"], "calib_mae_raw": raw["mae"],
            "calib_mae": after["mae"], "calib_coverage": coverage, "calib_width": width,
            "val_masks": len(val.true), "val_r": macro_metrics(val.dice, val.true, val_sets)["r"],
            "val_coverage": cover_val,
        }  # fmt: skip
    description = {
        "format": FORMAT,
        "config": asdict(net.config),
        "factors": dict(zip(MODES, factors, strict=True)),
        "flips": flips,
        "calibration": calibration,
        "metrics": metrics,
    }
    train, *others = (
        window_statistics(splits[name], max(per_set // 3, 8), factors) for name in ("train", "val", "calib")
    )
    return description, fit_ood_detector(train, np.concatenate(others))


def net_of(checkpoint: Path, size: int) -> BuiltinEstimatorNet:
    """The network with a checkpoint's averaged weights, rounded to 8 bits: calibrated exactly as it will run."""
    net = BuiltinEstimatorNet(EstimatorConfig(size=size, shape=len(FEATURES)))
    load_weights(net, checkpoint)
    state = rounded({k: v.numpy() for k, v in net.state_dict().items()})
    net.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    return net.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def write_model(
    out: Path,
    net: torch.nn.Module,
    description: dict[str, Any],
    ood_detector: OODDetector | None,
    card: str,
    trees: Trees | None = None,
) -> None:
    """OUT.safetensors (8 bits per channel), OUT.json and OUT.md; each appears whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    tensors = packed({k: v.contiguous().numpy() for k, v in net.state_dict().items()})
    if ood_detector is not None:
        tensors |= ood_detector.tensors()
    if trees is not None:
        tensors |= trees.tensors()
    with atomic_path(out.with_suffix(".safetensors")) as partial:
        save_file(tensors, partial, metadata={MODEL: "builtin", KIND: "estimator"})
    write_text(out.with_suffix(".json"), json.dumps(description, indent=1) + "\n")
    write_text(out.with_suffix(".md"), card + "\n")
