"""Stopping a network in the middle of a forward pass.

A hook on each encoder block is too coarse: one global attention block of SAM's ViT-B takes longer than half a second on
two CPU cores. This looks before every torch call instead, whatever the network is made of, and needs no change of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled

POLL_SECONDS = 0.02
"""`should_cancel` may take a lock: it is asked at most this often."""


class _Interrupt(TorchFunctionMode):
    """Asks before each torch call of this thread (the mode is thread-local: other threads run on undisturbed)."""

    def __init__(self, should_cancel: ShouldCancel) -> None:
        super().__init__()
        self._should_cancel = should_cancel
        self._next = 0.0

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + POLL_SECONDS
            raise_if_cancelled(self._should_cancel)
        return func(*args, **(kwargs or {}))


@contextmanager
def interruptible(should_cancel: ShouldCancel) -> Iterator[None]:
    """Torch calls inside raise CancelledError soon after `should_cancel()` turns true."""
    raise_if_cancelled(should_cancel)
    if should_cancel is never_cancel:
        yield
        return
    with _Interrupt(should_cancel):
        yield


@contextmanager
def inference(device: str, should_cancel: ShouldCancel = never_cancel) -> Iterator[None]:
    """No gradients, half precision by autocast on CUDA (bfloat16 where the card has it), interruptible."""
    half = autocast_dtype(device)
    with (
        torch.no_grad(),
        torch.autocast("cuda", dtype=half or torch.float16, enabled=half is not None),
        interruptible(should_cancel),
    ):
        yield


def autocast_dtype(device: str) -> torch.dtype | None:
    """bfloat16 or float16 on CUDA; None (plain float32) on cpu and mps."""
    if not device.startswith("cuda"):
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
