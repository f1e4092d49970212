"""Masks per second of the built-in estimator and of EvanySeg's ViT-b, by batch, device and precision."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from evanyseg.models import estimators
from evanyseg.quality.context import context_input
from evanyseg.results import QualityCase

from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds

BATCHES = (1, 16, 32, 256)


def devices() -> list[str]:
    try:
        import torch
    except ImportError:  # the built-in models run on onnxruntime then
        return ["cpu"]
    return ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def builtin(runs: int, quick: bool) -> list[Figure]:
    """The shipped estimator through its public interface: pre-processing, network, calibration."""
    rows = []
    image, mask, box = slice_with_object(512, 1)
    rgb = np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    seen = [milliseconds(lambda: context_input(rgb, mask, None)) for _ in range(max(10, runs))]
    rows.append(figure("what the estimator sees of one mask of 512 x 512", seen, target=20))
    reference: float | None = None
    for device in devices():
        estimator = estimators.create("builtin", device)
        score = estimator.estimate(rgb, mask[None], [box])[0].dice
        reference = score if reference is None else reference
        for batch in BATCHES[:2] if quick else BATCHES:
            cases = [QualityCase(rgb, mask, box)] * batch
            rate = _rate(lambda e=estimator, c=cases: list(e.estimate_cases(c)), batch, runs)
            note = f"score differs from CPU by {abs(score - reference):.4f}"
            rows.append(figure(f"builtin estimator, {device}, batch {batch}", rate, "ms/mask", _target(batch), note))
    return rows


def published(runs: int, quick: bool) -> list[Figure]:
    """A ViT-b at 224 as EvanySeg's, random weights, network alone; fp32, and fp16 where there is a GPU."""
    import timm
    import torch

    rows = []
    net = timm.create_model("vit_base_patch16_224", num_classes=1).eval()
    for device in devices():
        for dtype in (torch.float32, torch.float16) if device == "cuda" else (torch.float32,):
            model = net.to(device=device, dtype=dtype)
            for batch in BATCHES[:1] if quick else BATCHES:
                x = torch.zeros(batch, 3, 224, 224, device=device, dtype=dtype)

                def work(model: torch.nn.Module = model, x: torch.Tensor = x) -> None:
                    with torch.inference_mode():
                        model(x).float().cpu()

                rate = _rate(work, batch, max(2, runs // 3) if batch > 32 else runs)
                precision = str(dtype).removeprefix("torch.")
                rows.append(figure(f"EvanySeg ViT-b, {device} {precision}, batch {batch}", rate, "ms/mask"))
            net.to(device="cpu", dtype=torch.float32)
    return rows


def _target(batch: int) -> float | None:
    return {1: 40.0, 16: 20.0}.get(batch)


def _rate(work: Callable[[], object], batch: int, runs: int) -> list[float]:
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3 / batch)
    return times
