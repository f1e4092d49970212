"""A model that does not fit is refused before the machine swaps."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from evanyseg.errors import WeightsError
from evanyseg.models import loaders, segmenters
from evanyseg.nets.interrupt import autocast_dtype, inference
from evanyseg.segmenters import sam
from evanyseg.weights import memory


def sparse(path: Path, size: int) -> Path:
    """A file of that size that takes no room."""
    with path.open("wb") as out:
        out.truncate(size)
    return path


def test_vit_h_on_a_small_machine_gets_a_clear_message(tmp_path):
    file = sparse(tmp_path / "sam_vit_h_4b8939.pth", 2_564_550_879)
    with pytest.raises(WeightsError, match=r"sam-vit-h needs about 3\.\d GB.*2\.0 GB left.*mobile-sam"):
        memory.require_memory(file, "cpu", "sam-vit-h", 1.4, available=2 * memory.GB)
    memory.require_memory(file, "cpu", "sam-vit-h", 1.4, available=16 * memory.GB)


def test_the_message_comes_before_the_file_is_read(tmp_path, monkeypatch):
    file = sparse(tmp_path / "sam_vit_h_4b8939.pth", 2_564_550_879)
    monkeypatch.setattr(memory, "available_bytes", lambda: memory.GB)
    monkeypatch.setattr(loaders, "read_state", lambda path: pytest.fail("read"))
    with pytest.raises(WeightsError, match="close other programs"):
        segmenters.get("sam-vit-h").create(file, "cpu")


def test_the_containers_limit_counts_when_it_is_smaller(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 8000000 kB\nMemAvailable:    4000000 kB\n")
    assert memory._linux(meminfo, tmp_path / "none") == 4_000_000 * 1024
    group = tmp_path / "cgroup"
    group.mkdir()
    for name, text in (
        ("memory.max", "1000000\n"),
        ("memory.current", "600000\n"),
        ("memory.stat", "anon 5\ninactive_file 100000\n"),
    ):
        (group / name).write_text(text)
    assert memory._linux(meminfo, group) == 500_000
    (group / "memory.max").write_text("max\n")
    assert memory._linux(meminfo, group) == 4_000_000 * 1024
    assert memory._linux(tmp_path / "nothing", tmp_path / "none") is None


@pytest.mark.skipif(sys.platform not in {"linux", "darwin"}, reason="the figure is compared with POSIX's")
def test_this_machine_says_a_believable_number():
    found = memory.available_bytes()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert found is not None
    assert 0 < found <= total


def test_precision_is_full_on_the_cpu_and_half_on_cuda(monkeypatch):
    assert autocast_dtype("cpu") is None
    assert autocast_dtype("mps") is None
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert autocast_dtype("cuda:0") is torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert autocast_dtype("cuda") is torch.float16
    with inference("cpu"):
        assert not torch.is_autocast_enabled("cuda")
        assert not torch.is_grad_enabled()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_runs_the_encoder_in_half_precision_and_agrees_with_the_cpu():
    from engine.sam_originals import SMALL, original_sam, scene
    from evanyseg.prompts import BoxPrompt

    state, image, box = original_sam(**SMALL).state_dict(), scene(90, 150), BoxPrompt(10, 12, 60, 70)
    found = [s.segment(s.embed(image), box) for s in (sam.from_state(state, d) for d in ("cpu", "cuda"))]
    assert abs(found[0].logits - found[1].logits).max() < 0.1
