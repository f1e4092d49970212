"""Runs a network on batches: the right device, less memory when there is too little, and cancelling in the middle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from ...protocols import ShouldCancel, never_cancel, raise_if_cancelled

log = logging.getLogger(__name__)


class BatchRunner:
    """Calls `forward(net, inputs on the device)` for slices of a batch.

    Out of memory on an accelerator halves the batch (for good); a batch of one that still does not fit moves the
    network to the CPU. Both are logged as warnings and added to `notices`. `device` is where it runs now.
    """

    def __init__(self, net: Any, device: str, batch: int) -> None:
        self.net = net.to(device).eval()
        self.device, self.batch = device, batch
        self.notices: list[str] = []
        self._should_cancel: ShouldCancel = never_cancel
        for module in net.children():
            module.register_forward_pre_hook(self._poll)

    def run(
        self,
        forward: Callable[[Any, dict[str, Any]], dict[str, Any]],
        inputs: dict[str, Any],
        should_cancel: ShouldCancel = never_cancel,
    ) -> dict[str, Any]:
        """Outputs (CPU tensors, concatenated) for inputs, a dict of tensors of one leading size.

        Raises CancelledError.
        """
        import torch

        count = len(next(iter(inputs.values())))
        done: list[dict[str, Any]] = []
        start = 0
        while start < count:
            raise_if_cancelled(should_cancel)
            part = {k: v[start : start + self.batch] for k, v in inputs.items()}
            self._should_cancel = should_cancel
            try:
                with torch.inference_mode():
                    out = forward(self.net, {k: v.to(self.device) for k, v in part.items()})
                    done.append({k: v.float().cpu() for k, v in out.items()})
            except torch.OutOfMemoryError:
                self._make_room()
                continue
            finally:
                self._should_cancel = never_cancel
            start += len(next(iter(part.values())))
        return {k: torch.cat([d[k] for d in done]) for k in done[0]}

    def _make_room(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.batch > 1:
            self.batch //= 2
            notice = f"Not enough memory on {self.device}: the batch is now {self.batch}."
        elif self.device != "cpu":
            notice = f"Not enough memory on {self.device} for a single mask: continuing on the CPU."
            self.device = "cpu"
            self.net.to("cpu")
        else:
            raise MemoryError("Not enough memory for a single mask on the CPU.")
        self.notices.append(notice)
        log.warning(notice)

    def _poll(self, module: Any, inputs: Sequence[Any]) -> None:
        raise_if_cancelled(self._should_cancel)
