"""`evanyseg serve` on the loopback: what it adds to a box, and eight clients at once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psutil

from evanyseg.models import estimators, segmenters
from evanyseg.pipeline.intensity import default_preset
from evanyseg.pipeline.slice_pipeline import SliceInput, SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.remote.models import estimator_on, segmenter_on
from evanyseg.remote.server import Server

from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds

SIDE, ADDED_MS = 512, 60.0
CLIENTS, FAIR = 8, 2.0
SECONDS = 20.0
SESSIONS, REQUESTS, GROWN_MB = 20, 100, 32.0


def run(runs: int, quick: bool = False) -> list[Figure]:
    """The same boxes on the same slices here and through a server in a process of its own, in turn."""
    here = SlicePipeline(estimators.create("builtin", "cpu", "onnx"), segmenters.create("builtin", "cpu", "onnx"))
    with serving() as (address, _):
        there = pipeline_on(address)
        times: dict[str, list[float]] = {name: [] for name in ("first", "next", "first here", "next here")}
        for number in range(runs + 1):
            image, _, box = slice_with_object(SIDE, number)
            found = {"": _boxes(there, image, box, number), " here": _boxes(here, image, box, number)}
            if number == 0:  # the first call of a process pays for lazy imports and memory
                continue
            for where, (first, following) in found.items():
                times[f"first{where}"].append(first)
                times[f"next{where}"].append(following)
        added = {k: [a - b for a, b in zip(times[k], times[f"{k} here"], strict=True)] for k in ("first", "next")}
        rows = [
            figure("first box on a slice, on this computer", times["first here"]),
            figure("first box through a server on the loopback", times["first"]),
            figure("added to a first box (the image is sent)", added["first"], note="pairs of runs in turn"),
            figure("next box, on this computer", times["next here"]),
            figure("next box through a server on the loopback", times["next"]),
            figure("added to a next box", added["next"], target=ADDED_MS, note="pairs of runs in turn"),
        ]
        rows += _together(address, *((2, 0.5) if quick else (CLIENTS, SECONDS)))
    return [*rows, _growth(*((5, 10) if quick else (SESSIONS, REQUESTS)))]


def _boxes(pipeline: SlicePipeline, image: np.ndarray, box: BoxPrompt, number: int) -> tuple[float, float]:
    """Milliseconds of a first box and of the mean of two further ones on that slice."""
    slice_ = SliceInput(image, default_preset(image, False).fit(image), key=(number,))
    first = milliseconds(lambda: pipeline.segment(slice_, box))
    grown = [box.scaled(factor).validated(image.shape) for factor in (1.05, 1.1)]
    return first, float(np.mean([milliseconds(lambda b=b: pipeline.segment(slice_, b)) for b in grown]))


def _together(address: str, clients: int, seconds: float) -> list[Figure]:
    """So many clients ask for boxes without a pause, each on a slice of its own."""
    counts, errors = [0] * clients, [0] * clients
    ready, until = threading.Barrier(clients), [0.0]
    waits: list[float] = []

    def client(number: int) -> None:
        image, _, box = slice_with_object(SIDE, 100 + number)
        pipeline = pipeline_on(address)
        slice_ = SliceInput(image, default_preset(image, False).fit(image), key=(number,))
        pipeline.segment(slice_, box)
        ready.wait()
        until[0] = until[0] or time.monotonic() + seconds
        while time.monotonic() < until[0]:
            try:
                waits.append(milliseconds(lambda: pipeline.segment(slice_, box)))
                counts[number] += 1
            except Exception as error:
                errors[number] += 1
                print(f"client {number}: {error}", file=sys.stderr)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    share = max(counts) / max(1, min(counts))
    told = f"{sum(counts)} boxes in {seconds:g} s, {min(counts)} to {max(counts)} a client"
    return [
        figure(f"{clients} clients at once: errors", [sum(errors)], "errors", 0.0, note=told),
        figure(f"{clients} clients at once: most boxes / fewest boxes", [share], "x", FAIR, note=told),
        figure(f"{clients} clients at once: a box", waits),
    ]


def _growth(sessions: int, requests: int) -> Figure:
    """What a server that keeps 32 MB a session grows by, when sessions come and go: each with so many requests about
    images of its own. The first quarter fills memory that is used again."""
    sizes = []
    with serving("--session-memory", "32") as (address, process):
        for number in range(sessions):
            server = Server(address)
            segmenter, estimator = segmenter_on(server, "builtin"), estimator_on(server, "builtin")
            for n in range(requests // 2):
                image, mask, box = slice_with_object(SIDE, 1000 * number + n)
                pixels = np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, 2)
                segmenter.segment(segmenter.embed(pixels), box)
                estimator.estimate(pixels, mask[None], [box])
            server.close()
            sizes.append(psutil.Process(process).memory_info().rss / 2**20)
    told = f"{sessions} sessions of {requests} boxes and masks; {sizes[-1]:.0f} MB at the end"
    return figure("the server's memory grows by", [max(sizes[-3:]) - sizes[sessions // 4]], "MB", GROWN_MB, told)


def pipeline_on(address: str) -> SlicePipeline:
    """A client of its own: its own session and connections."""
    server = Server(address)
    return SlicePipeline(estimator_on(server, "builtin"), segmenter_on(server, "builtin"))


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, int]]:
    """The address of a server in a process of its own, and that process."""
    command = [sys.executable, "-m", "evanyseg", "serve", "--port", "0", "--device", "cpu", "--backend", "onnx"]
    command += options
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert line.startswith("Serving on "), line + process.stderr.read()
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield line.removeprefix("Serving on ").partition(",")[0], process.pid
        finally:
            process.terminate()
