"""Triton is hidden only where it would crash, and never when somebody has it already."""

from __future__ import annotations

import importlib
import sys

import pytest

from EvanySegSlicerLib.presenters.setup.torch_guard import hide_triton_beside_mesa


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "triton")


def test_hidden_beside_mesa(tmp_path):
    maps = tmp_path / "maps"
    maps.write_text("7f00-7f01 r-xp 00000000 08:01 1 /usr/lib/libLLVM-15.so.1\n")
    assert hide_triton_beside_mesa(maps)
    with pytest.raises(ImportError):
        importlib.import_module("triton")


def test_left_alone_elsewhere(tmp_path):
    maps = tmp_path / "maps"
    maps.write_text("7f00-7f01 r-xp 00000000 08:01 1 /usr/lib/libc.so.6\n")
    assert not hide_triton_beside_mesa(maps)
    assert not hide_triton_beside_mesa(tmp_path / "no such file")
    assert "triton" not in sys.modules


def test_left_alone_when_it_is_in_use(tmp_path, monkeypatch):
    maps = tmp_path / "maps"
    maps.write_text("libLLVM")
    kept = type(sys)("triton")
    monkeypatch.setitem(sys.modules, "triton", kept)
    assert not hide_triton_beside_mesa(maps)
    assert sys.modules["triton"] is kept
