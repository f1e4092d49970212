"""`python3 dev.py cohort`: a long table on workers of this machine, some of which are killed on the way.

Every pair stands in the table twice, far apart and among other neighbours: both must get the same scores. Rows of every
tenth image (or of all: `--every 1`) are scored again by one process without workers: the same cells as well. With
`--folder` what was stopped is gone on with.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from evanyseg.io.tables import open_table
from evanyseg.scoring.unfinished import partial_path

from .phantoms import slice_with_object

MASKS = 20
"""Of each image, in each half of the table."""
EVERY = 10
"""One image of so many is scored again by one process."""
PAIRS, SCORES, SERIAL, WATCHED = "pairs.csv", "scores.parquet", "serial.parquet", "watched.json"
STAND_IN = """
from doubles import BrightEstimator
from evanyseg import models
from evanyseg.models import ModelSpec
models.estimators.register(ModelSpec("bright", "", lambda spec, path, device: BrightEstimator()))
"""
"""Run by every process when it starts."""
FLAT_MB = 32.0
"""What a process may grow between the first tenth of the table and its end."""
PAUSE_S = 5.0
"""A look that took longer was a pause of the machine's, which does not count."""


@dataclass
class Watched:
    """One run: MB by share of the table that is done, of the main process and of the largest worker; shares of the
    table at which workers were killed; seconds that the run took, and those of processors by process."""

    main: list[tuple[float, float]] = field(default_factory=list)
    worker: list[tuple[float, float]] = field(default_factory=list)
    killed: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor: dict[str, float] = field(default_factory=dict)

    @classmethod
    def before(cls, folder: Path) -> Watched:
        """What a run that was stopped has seen."""
        try:
            return cls(**json.loads((folder / WATCHED).read_text()))
        except FileNotFoundError:
            return cls()

    def kept(self, folder: Path) -> None:
        part = folder / f"{WATCHED}.part"
        part.write_text(json.dumps(asdict(self)))
        part.replace(folder / WATCHED)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py cohort", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the table (default 100000: about half an hour)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=3, help="workers that are killed, evenly over the table")
    parser.add_argument(
        "--stand-in", action="store_true", help="score by a formula, not by the network: all else is as ever"
    )
    parser.add_argument("--side", type=int, default=256, help="of the pictures, in pixels (default 256)")
    parser.add_argument("--every", type=int, default=EVERY, help="image that one process scores again (1: all)")
    parser.add_argument(
        "--folder", type=Path, help="where files are made and stay, and a stopped run is gone on with (about 1 GB)"
    )
    options = parser.parse_args(arguments)
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory() as name:
        folder = Path(name).absolute()
        images = make_pairs(folder, options.rows, options.side)
        if options.stand_in:
            (folder / "sitecustomize.py").write_text(STAND_IN)
            os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
            COMMAND.extend(("--estimator", "bright"))
        say(f"{options.rows} rows of {images} images of {options.side} x {options.side}, each pair twice")
        found = scored(folder, options.rows, options.workers, options.kills)
        problems = [*self_check(folder, options.rows), *serial_check(folder, options.every)]
        if len(found.killed) < options.kills:
            problems.append(f"only {len(found.killed)} workers were killed")
        report(options.rows, options.workers, found)
        problems += grown("the main process", found.main) + grown("the largest worker", found.worker)
    for problem in problems:
        say(f"PROBLEM: {problem}")
    say("failed" if problems else "all as it should be")
    return 1 if problems else 0


def make_pairs(folder: Path, rows: int, side: int) -> int:
    """Images and masks, and the table: both halves name the same pairs, the second from the end, with the masks of an
    image in another order. Returns how many images there are."""
    images = max(1, rows // (2 * MASKS))
    if (folder / PAIRS).exists():
        return images
    first, second = [], []
    for number in range(images):
        image, truth, _ = slice_with_object(side, number)
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / f"i{number}.png")
        of_image = []
        for k in range(MASKS):
            mask = np.roll(truth, (k % 5 - 2, 3 * k), (0, 1)).astype(np.uint8) * 255
            Image.fromarray(mask).save(folder / f"m{number}_{k}.png")
            of_image.append(f"i{number}.png,m{number}_{k}.png")
        first.append(of_image)
        second.append(of_image[7:] + of_image[:7])
    lines = [line for part in (*first, *reversed(second)) for line in part]
    text = "\n".join(["image,mask", *lines[:rows]])
    (folder / PAIRS).write_text(text + "\n")
    return images


def scored(folder: Path, rows: int, workers: int, kills: int) -> Watched:
    """Runs the command; a worker is killed whenever another share of the table is done."""
    found = Watched.before(folder)
    if (folder / SCORES).exists():
        return found
    told = looked = 0.0
    command = [*COMMAND, "--pairs", PAIRS, "--out", SCORES, "--resume", "--cluster", f"local:{workers}"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as running:
        looked = time.monotonic()
        while running.poll() is None:
            time.sleep(1.0)
            before, looked = looked, time.monotonic()
            found.seconds += looked - before if looked - before < PAUSE_S else 1.0
            share = finished(partial_path(folder / SCORES)) / rows
            alive = workers_of(running.pid)
            if not alive:
                continue
            main = psutil.Process(running.pid)
            found.main.append((share, megabytes(main)))
            found.worker.append((share, max(map(megabytes, alive))))
            found.processor |= {f"{p.pid} {p.create_time():.0f}": processor_seconds(p) for p in (main, *alive)}
            if share >= told + 0.05:
                told = share
                main_mb, worker_mb = found.main[-1][1], found.worker[-1][1]
                say(f"{share:.0%} after {found.seconds:.0f} s, MB: {main_mb:.0f}, {worker_mb:.0f} a worker")
            if len(found.killed) < kills and share > (len(found.killed) + 1) / (kills + 1):
                os.kill(alive[0].pid, signal.SIGKILL)
                found.killed.append(share)
                say(f"killed a worker at {share:.0%}, after {found.seconds:.0f} s")
            found.kept(folder)
    if running.returncode:
        raise SystemExit(f"the run ended with code {running.returncode}")
    return found


COMMAND = [sys.executable, "-m", "evanyseg", "score", "--device", "cpu"]


def finished(partial: Path) -> int:
    """Rows on disk so far."""
    try:
        return max(0, partial.read_bytes().count(b"\n") - 1)
    except FileNotFoundError:
        return 0


def workers_of(process: int) -> list[psutil.Process]:
    """Worker processes of a running command; those that end meanwhile are left out."""
    found = []
    for child in psutil.Process(process).children():
        try:
            if "multiprocessing.spawn" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0


def processor_seconds(process: psutil.Process) -> float:
    """Of the process itself, user and system."""
    try:
        times = process.cpu_times()
        return float(times.user + times.system)
    except psutil.Error:
        return 0.0


def self_check(folder: Path, rows: int) -> Iterator[str]:
    """Every row is there, in its place, scored, and like its twin."""
    said: dict[tuple[str, str], tuple[str, ...]] = {}
    unlike = number = 0
    given, made = (open_table(folder / name).rows() for name in (PAIRS, SCORES))
    for number, (pair, row) in enumerate(zip_longest(given, made), start=1):
        if row is None or pair is None or (pair["image"], pair["mask"]) != (row["image"], row["mask"]):
            yield f"row {number} is not the pair of that number"
            return
        if not row["pred_dice"]:
            yield f"row {number} has no score: {row['caveats']}"
            return
        cells = tuple(row.values())
        unlike += said.setdefault((row["image"], row["mask"]), cells) != cells
    if number != rows:
        yield f"{number} rows, not {rows}"
    if unlike:
        yield f"{unlike} rows differ from the same pair elsewhere in the table"
    say(f"{number} rows in their places, all scored; {number - len(said)} of them stand there twice, {unlike} unlike")


def serial_check(folder: Path, every: int) -> Iterator[str]:
    """One process, without workers, gives the same cells; of all rows the same file, byte by byte."""
    wanted = lambda row: int(row["image"][1:-4]) % every == 0
    pairs, begin = PAIRS, psutil.Process().cpu_times()
    if every > 1:
        pairs = "some.csv"
        with (folder / pairs).open("w", newline="") as file:
            writer = csv.DictWriter(file, ["image", "mask"])
            writer.writeheader()
            writer.writerows(row for row in open_table(folder / PAIRS).rows() if wanted(row))
    if not (folder / SERIAL).exists():
        command = [*COMMAND, "--pairs", pairs, "--out", SERIAL, "--resume"]
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    end = psutil.Process().cpu_times()
    took = end.children_user + end.children_system - begin.children_user - begin.children_system
    serial = list(open_table(folder / SERIAL).rows())
    same = [row for row in open_table(folder / SCORES).rows() if wanted(row)]
    unlike = sum(a != b for a, b in zip_longest(serial, same))
    say(f"{len(serial)} rows by one process, {took:.0f} s of it: {unlike} unlike those of the workers")
    if unlike:
        yield f"{unlike} of {len(serial)} rows differ from what one process gives"
    if every == 1:
        alike = (folder / SERIAL).read_bytes() == (folder / SCORES).read_bytes()
        say("the two files are the same, byte by byte" if alike else "the two files differ")
        if not alike:
            yield "the file of one process differs"


def report(rows: int, workers: int, found: Watched) -> None:
    say(f"{rows} rows on {workers} workers in {found.seconds:.0f} s: {rows / found.seconds:.1f} masks a second")
    busy = sum(found.processor.values())
    say(f"processor time: {busy:.0f} s in {len(found.processor)} processes, {1e3 * busy / rows:.2f} ms a row")
    for name, samples in (("main process", found.main), ("largest worker", found.worker)):
        shares = (0.1, 0.25, 0.5, 0.75, 0.95)
        words = ", ".join(f"{at(samples, share):.0f} at {share:.0%}" for share in shares)
        say(f"{name}, MB: {words}; at most {max(mb for _, mb in samples):.0f}")


def at(samples: list[tuple[float, float]], share: float) -> float:
    """Median around a share of the table."""
    near = [mb for s, mb in samples if abs(s - share) <= 0.05] or [mb for _, mb in samples]
    return float(np.median(near))


def grown(name: str, samples: list[tuple[float, float]]) -> list[str]:
    more = at(samples, 0.95) - at(samples, 0.1)
    return [f"{name} grew by {more:.0f} MB"] if more > FLAT_MB else []


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
