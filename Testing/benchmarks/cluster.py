"""A table of pairs scored by this process, by one worker, and by two: one thread each."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
from PIL import Image

from evanyseg import models
from evanyseg.cluster.rows import ClusterRows
from evanyseg.cluster.scheduler import connected
from evanyseg.cluster.work import PairPlan, WorkModel
from evanyseg.io.tables import open_table
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.protocols import QualityEstimator
from evanyseg.scoring.pair_rows import PairOptions, PairRows, RowScorer
from evanyseg.scoring.pairs import log_of_pairs, score_table

from .phantoms import slice_with_object
from .timing import Figure, figure, ratio

ROWS, MASKS = 1024, 4
SCALING, OVERHEAD = 1.6, 1.15
SIDE = 256
THREADS = "OMP_NUM_THREADS"


def run(runs: int, quick: bool = False) -> list[Figure]:
    """Pairs of images with four masks each; workers are warm (their model is loaded), starting them is not counted."""
    repeats = 1 if quick else min(runs, 5)
    rows = 64 if quick else ROWS
    plain: list[float] = []
    one: list[float] = []
    two: list[float] = []
    alone: list[float] = []
    worked: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = _pairs(folder, rows)
        plan = PairPlan(WorkModel("builtin", "cpu", "onnx"), PairOptions())
        here = PairRows(SlicePipeline(_one_thread()), PairOptions())
        memory: list[float] = []
        with connected("local:1") as first, connected("local:2") as second:
            scorers: tuple[tuple[RowScorer, list[float], list[float]], ...] = (
                (here, plain, alone),
                (ClusterRows(first, plan), one, worked),
                (ClusterRows(second, plan), two, []),
            )
            for scorer, *_ in scorers:
                _seconds(scorer, pairs, folder)
            for _ in range(repeats):
                for scorer, took, busy in scorers:
                    before = _processor_seconds()
                    took.append(_seconds(scorer, pairs, folder))
                    busy.append(_processor_seconds() - before)
                memory += [
                    worker["metrics"]["memory"] / 2**20 for worker in second.scheduler_info()["workers"].values()
                ]
    return [
        figure(f"{rows} pairs, this process, one thread", plain, "s"),
        figure(f"{rows} pairs, two workers", two, "s"),
        ratio("one worker / two workers", one, two, SCALING, at_least=True),
        ratio("one worker / this process", one, plain, OVERHEAD),
        ratio("processor time, one worker and this process / this process", worked, alone, OVERHEAD),
        figure("memory of a worker", memory, "MB"),
    ]


def _one_thread() -> QualityEstimator:
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        return models.estimators.create("builtin", "cpu", "onnx")
    finally:
        os.environ.pop(THREADS) if before is None else os.environ.update({THREADS: before})


def _pairs(folder: Path, rows: int) -> Path:
    lines = ["image,mask"]
    for number in range(rows // MASKS):
        image, truth, _ = slice_with_object(SIDE, number)
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / f"i{number}.png")
        for k in range(MASKS):
            mask = np.roll(truth, 3 * k, axis=1)
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"m{number}_{k}.png")
            lines.append(f"i{number}.png,m{number}_{k}.png")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder / "pairs.csv"


def _processor_seconds() -> float:
    """Of this process and all workers, so far."""
    main = psutil.Process()
    times = [process.cpu_times() for process in (main, *main.children())]
    return sum(t.user + t.system for t in times)


def _seconds(scorer: RowScorer, pairs: Path, folder: Path) -> float:
    table = open_table(pairs, ["image", "mask"])
    begin = perf_counter()
    score_table(scorer, table, log_of_pairs(table, folder / "scores.csv"))
    return perf_counter() - begin
