"""Devices: 'auto' takes what works, a name that is not there is refused and never replaced."""

from __future__ import annotations

import pytest
import torch

from evanyseg.device import resolve_device
from evanyseg.errors import DeviceError


@pytest.fixture
def machine(monkeypatch):
    def make(cuda: bool = False, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return make


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_prefers_the_faster_device(machine, cuda: bool, mps: bool, expected: str) -> None:
    machine(cuda, mps)
    assert resolve_device("auto") == expected
    assert resolve_device() == expected


def test_a_device_asked_for_by_name_is_never_replaced(machine) -> None:
    machine(mps=True)
    for name in ("cuda", "cuda:1"):
        with pytest.raises(DeviceError, match=f"'{name}' is not available on this machine; choose 'auto' or 'cpu'"):
            resolve_device(name)
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("mps") == "mps"


def test_a_numbered_device_is_kept(machine) -> None:
    machine(cuda=True)
    assert resolve_device("cuda:1") == "cuda:1"


def test_an_unknown_device_is_answered_with_the_choices() -> None:
    with pytest.raises(DeviceError, match="Unknown device 'tpu'; choose one of auto, cuda, mps, cpu"):
        resolve_device("tpu")
