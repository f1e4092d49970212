"""A watched folder in which nothing happens: what the looking costs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .timing import Figure, figure

CASES, OTHERS = 500, 20_000
PERCENT = 1.0
SECONDS = 30.0


def run(runs: int, quick: bool = False) -> list[Figure]:
    """Processor time of `evanyseg watch` in a process of its own, over half a minute after its start."""
    repeats = 1 if quick else min(runs, 3)
    shares = [idle_percent(5.0 if quick else SECONDS) for _ in range(repeats)]
    many = [idle_percent(5.0 if quick else 2 * SECONDS, 500 if quick else OTHERS)]
    return [
        figure(f"processor time, {CASES} known cases, a look each 5 s", shares, "%", PERCENT),
        figure(f"processor time, {OTHERS} more files: looks become rarer", many, "%", PERCENT),
    ]


def idle_percent(seconds: float, others: int = 0) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(others):
            (folder / "in" / f"d{number % 100}").mkdir(parents=True, exist_ok=True)
            (folder / "in" / f"d{number % 100}" / f"{number}.png").touch()
        (folder / "in").mkdir(exist_ok=True)
        for number in range(CASES):  # what is in them does not matter: they are known to fail
            for kind in ("", "_seg"):
                (folder / "in" / f"c{number:04d}{kind}.nii.gz").write_bytes(b"no image")
        command = [sys.executable, "-m", "evanyseg", "watch", "in", "-o", "out", "--settle", "0"]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as running:
            try:
                scores = folder / "out" / "scores.csv"
                while not scores.exists() or scores.read_bytes().count(b"\n") <= CASES:
                    if running.poll() is not None:
                        raise RuntimeError("the watch ended")
                    time.sleep(0.2)
                time.sleep(1.0)
                before = processor_seconds(running.pid)
                time.sleep(seconds)
                return 100 * (processor_seconds(running.pid) - before) / seconds
            finally:
                running.terminate()


def processor_seconds(process: int) -> float:
    """User and system time of a process so far (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
