"""Milliseconds a mask: the built-in estimator on both backends, and EvanySeg's networks, in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable

from evanyseg.models import estimators
from evanyseg.quality.context import context_input
from evanyseg.results import QualityCase

from .interactive import rgb
from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds

BATCHES = (1, 16, 256)
TARGETS = {16: 8.0}


def builtin(runs: int, quick: bool, with_torch: bool) -> list[Figure]:
    """The shipped estimator through its public interface: pre-processing, network, trees, calibration."""
    rows = []
    image, mask, box = slice_with_object(512, 1)
    pixels = rgb(image)
    seen = [milliseconds(lambda: context_input(pixels, mask, None)) for _ in range(max(10, runs))]
    rows.append(figure("what the estimator sees of one mask of 512 x 512", seen, target=20))
    reference: float | None = None
    for backend in ("onnx", "torch") if with_torch else ("onnx",):
        estimator = estimators.create("builtin", "cpu", backend)
        score = estimator.estimate(pixels, mask[None], [box])[0].dice
        reference = score if reference is None else reference
        for batch in BATCHES[:2] if quick else BATCHES:
            cases = [QualityCase(pixels, mask, box)] * batch
            times = _rate(lambda e=estimator, c=cases: list(e.estimate_cases(c)), batch, runs if batch < 64 else 2)
            note = f"score {score:.4f}" if score == reference else f"score differs by {abs(score - reference):.1e}"
            target = TARGETS.get(batch) if backend == "onnx" else None
            rows.append(figure(f"built-in estimator, {backend}, batch {batch}", times, "ms/mask", target, note))
    return rows


def published(runs: int, quick: bool) -> list[Figure]:
    """EvanySeg's ViT-b and ResNet101 at 224 px, random weights, network alone."""
    import timm
    import torch

    from evanyseg.nets.evanyseg_resnet import EvanySegResNet

    nets = {
        "EvanySeg ViT-b": timm.create_model("vit_base_patch16_224", num_classes=1).eval(),
        "EvanySeg ResNet101": EvanySegResNet((3, 4, 23, 3), 2048, distance=False).eval(),
    }
    rows = []
    for name, net in nets.items():
        for batch in BATCHES[:1] if quick else BATCHES[:2]:
            x = torch.zeros(batch, 3, 224, 224)

            def work(net: torch.nn.Module = net, x: torch.Tensor = x) -> None:
                with torch.inference_mode():
                    net(x)

            rows.append(
                figure(f"{name}, network alone, batch {batch}", _rate(work, batch, max(2, runs // 3)), "ms/mask")
            )
    return rows


def _rate(work: Callable[[], object], batch: int, runs: int) -> list[float]:
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3 / batch)
    return times
