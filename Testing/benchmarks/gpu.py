"""The built-in estimator on a CUDA card: rate, precision, and what share of the card's roof it reaches."""

from __future__ import annotations

import time
from contextlib import nullcontext

import numpy as np

from evanyseg.models import estimators
from evanyseg.results import QualityCase

from .interactive import rgb
from .phantoms import slice_with_object
from .timing import Figure, figure

BATCHES, DIFFERENCE = (1, 32, 256), 0.005


def present() -> bool:
    """Whether there is a card that torch can use."""
    from evanyseg.device import may_have_gpu

    if not may_have_gpu():
        return False
    import torch

    return bool(torch.cuda.is_available())


def run(runs: int) -> list[Figure]:
    """Network alone at batches of 1, 32 and 256 in float32 and half precision, and the whole estimator."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from evanyseg.nets.builtin_estimator import estimator_forward
    from evanyseg.quality.cases import CaseImage, prepare
    from evanyseg.quality.context import stacked

    image, mask, box = slice_with_object(512, 1)
    pixels = rgb(image)
    cases = [QualityCase(pixels, np.roll(mask, n % 9, 1), box) for n in range(32)]
    scorer = {device: estimators.create("builtin", device, "torch") for device in ("cpu", "cuda")}
    expected = np.array([e.dice for e in scorer["cpu"].estimate_cases(cases)])
    net, flips = scorer["cuda"].net.module, scorer["cuda"].described.flips  # type: ignore[attr-defined]
    shown = prepare(cases[0], CaseImage.of(pixels), scorer["cuda"].size, (1.75, 1.5)).seen  # type: ignore[attr-defined]
    assert shown is not None
    one = {k: torch.from_numpy(v).cuda() for k, v in stacked([shown]).items()}
    with FlopCounterMode(display=False) as counted, torch.inference_mode():
        estimator_forward(net, one, flips)
    flops = counted.get_total_flops()
    rows = []
    for half in (False, True):
        precision = "half" if half else "float32"
        roof = _roof(torch.float16 if half else torch.float32)
        context = (lambda: torch.autocast("cuda", torch.float16)) if half else nullcontext
        with context():
            found = np.array([e.dice for e in scorer["cuda"].estimate_cases(cases)])
        away = float(np.abs(found - expected).max())
        rows.append(figure(f"largest difference of a score from the CPU, {precision}", [away], "Dice", DIFFERENCE))
        for batch in BATCHES:
            inputs = {k: v.repeat(batch, *[1] * (v.ndim - 1)) for k, v in one.items()}
            rates = []
            for _ in range(runs + 2):
                with torch.inference_mode(), context():
                    torch.cuda.synchronize()
                    began = time.perf_counter()
                    estimator_forward(net, inputs, flips)
                    torch.cuda.synchronize()
                rates.append(batch / (time.perf_counter() - began))
            rates = rates[2:]
            share = np.median(rates) * flops / roof
            note = f"{100 * share:.1f} % of this card's {roof / 1e12:.0f} Tflop/s"
            rows.append(figure(f"network, {precision}, batch {batch}", rates, "masks/s", note=note))
    for batch in BATCHES:
        many = (cases * 8)[:batch]
        rates = []
        for _ in range(max(2, runs // 2)):
            began = time.perf_counter()
            list(scorer["cuda"].estimate_cases(many))
            rates.append(len(many) / (time.perf_counter() - began))
        rows.append(figure(f"whole estimator, float32, batch {len(many)}", rates, "masks/s"))
    return rows


def _roof(dtype) -> float:
    """Operations a second of a large matrix product in this precision: what the card can do at best."""
    import torch

    a = torch.randn(8192, 8192, device="cuda", dtype=dtype)
    best = 0.0
    for _ in range(5):
        torch.cuda.synchronize()
        began = time.perf_counter()
        a @ a
        torch.cuda.synchronize()
        best = max(best, 2 * 8192**3 / (time.perf_counter() - began))
    return best
