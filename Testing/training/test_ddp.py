"""Two CPU processes (gloo) follow the single-process loss: a group of masks is never cut, no layer uses the batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("ddp_steps.py")
STEPS = 20


def losses(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """[1, STEPS] of one process and [2, STEPS] of two."""
    root = SCRIPT.parents[2]
    paths = os.pathsep.join(str(root / name) for name in ("EvanySegSlicer", "training"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(SCRIPT), str(STEPS), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    read = lambda name: json.loads((folder / name).read_text())
    return np.array([read("losses1.0")]), np.array([read("losses2.0"), read("losses2.1")])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the second process is forked")
def test_two_processes_follow_the_loss_of_one(tmp_path):
    one, two = losses(tmp_path)
    assert one.shape == (1, STEPS)
    assert two.shape == (2, STEPS)
    assert np.abs(two[0] - two[1]).max() > 1e-3  # each has groups of its own
    assert np.abs(two.mean(0) - one[0]).max() < 1e-4
    assert one[0, -5:].mean() < one[0, :5].mean()  # and it is learning, not standing still
