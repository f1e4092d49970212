"""Keys must match exactly: a network half filled from a file segments nonsense without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from ..errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

Net = TypeVar("Net", bound="nn.Module")
SHOWN = 10


def load_strict(net: Net, state: Mapping[str, Tensor], what: str) -> Net:
    """Fill `net` (which may be on the meta device) with a state dict; float32 and eval mode afterwards.

    Half-precision tensors are widened; tensors are copied, so that a memory-mapped file can be closed and replaced.
    Raises WeightsError as `check_keys` does.
    """
    import torch

    check_keys(
        {k: tuple(v.shape) for k, v in net.state_dict().items()}, {k: tuple(v.shape) for k, v in state.items()}, what
    )
    widened = {k: v.to(torch.float32, copy=True) if v.is_floating_point() else v for k, v in state.items()}
    net.load_state_dict(widened, strict=True, assign=True)
    return net.requires_grad_(False).eval()


def check_keys(wanted: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]], what: str) -> None:
    """Raises WeightsError that lists the first ten missing, unexpected and misshapen keys and how many there are.

    wanted, found: shapes by key."""
    problems = [
        _listing("missing", (k for k in wanted if k not in found)),
        _listing("unexpected", (k for k in found if k not in wanted)),
        _listing(
            "of another shape",
            (
                f"{k} {list(found[k])} instead of {list(wanted[k])}"
                for k in wanted
                if k in found and tuple(found[k]) != tuple(wanted[k])
            ),
        ),
    ]
    told = [p for p in problems if p]
    if told:
        raise WeightsError(f"These are not the weights of {what}: {'; '.join(told)}.")


def _listing(kind: str, keys: Iterable[str]) -> str:
    names = list(keys)
    if not names:
        return ""
    more = f", ... and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {kind} ({', '.join(names[:SHOWN])}{more})"
