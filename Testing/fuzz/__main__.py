"""`python3 dev.py fuzz`: seeded structural damage over all formats; exit code 1 when anything is found."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from queue import Empty, Queue

LONGEST_S = 120.0
"""A file that takes longer hangs."""

MEMORY = 6 << 30


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=1000, help="how many damaged files (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another set of files")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="processes")
    parser.add_argument("--out", type=Path, default=Path("fuzz-out"), help="where files with findings are kept")
    parser.add_argument("--server", action="store_true", help="malformed requests to 'evanyseg serve' instead of files")
    parser.add_argument("--requests", type=int, default=1000, help="with --server: how many are refused at least")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.server:
        from .server import run

        return 1 if run(options.requests, options.seed) else 0
    if options.worker:
        return work(options.seed, options.first, options.files, options.jobs, options.out)
    began, found, count = time.monotonic(), [], Counter[str]()
    for outcome in outcomes(options.seed, options.first, options.files, options.jobs, options.out):
        kind = "finding" if outcome["finding"] else "scored" if outcome["scored"] else "refused"
        count[kind] += 1
        if outcome["finding"]:
            found.append(outcome)
            print(f"{outcome['number']}: {outcome['format']} ({outcome['damage']}), {outcome['command']}")
            print(f"    {outcome['finding']}", flush=True)
    words = ", ".join(f"{count[k]} {k}" for k in ("scored", "refused", "finding"))
    print(f"{sum(count.values())} files in {time.monotonic() - began:.0f} s: {words}.")
    if found:
        print(f"They are kept in {options.out}; one again: --seed {options.seed} --files 1 --first NUMBER")
    return 1 if found else 0


def outcomes(seed: int, first: int, files: int, jobs: int, out: Path) -> Iterator[dict]:
    """Every trial's outcome as it comes. A worker that dies or hangs is a finding, and goes on behind that file."""
    results: Queue[dict | None] = Queue()
    threads = [threading.Thread(target=_watch, args=(seed, first, files, jobs, k, out, results)) for k in range(jobs)]
    for thread in threads:
        thread.start()
    left = len(threads)
    while left:
        item = results.get()
        if item is None:
            left -= 1
        else:
            yield item


def _watch(seed: int, first: int, files: int, jobs: int, offset: int, out: Path, results: Queue) -> None:
    begin = first + offset
    while begin < first + files:
        here = [sys.executable, "-m", "fuzz", "--worker", "--seed", seed, "--first", begin, "--files",
                first + files - begin, "--jobs", jobs, "--out", out]  # fmt: skip
        with subprocess.Popen([str(a) for a in here], stdout=subprocess.PIPE, text=True) as worker:
            lines: Queue[str] = Queue()
            threading.Thread(target=_lines, args=(worker, lines), daemon=True).start()
            at, why, started = begin, "", False
            while True:
                try:
                    line = lines.get(timeout=LONGEST_S)
                except Empty:
                    why = f"nothing happened for {LONGEST_S:g} s"
                    worker.kill()
                    break
                if not line:
                    break
                record, started = json.loads(line), True
                if "begin" in record:
                    at = record["begin"]
                else:
                    results.put(record)
                    at = record["number"] + jobs
            code = worker.wait()
        if at >= first + files:
            break
        why = why or f"the process died (exit code {code})"
        what = dict.fromkeys(("format", "role", "damage", "command"), "?")
        results.put({"number": at, **what, "scored": False, "finding": why})
        if not started:
            break  # the fuzzer itself does not run
        begin = at + jobs
    results.put(None)


def _lines(worker: subprocess.Popen, lines: Queue) -> None:
    assert worker.stdout is not None
    for line in worker.stdout:
        lines.put(line)
    lines.put("")


def work(seed: int, first: int, files: int, step: int, out: Path) -> int:
    """Trials first, first + step, ... in this process; each is announced and reported as a line of JSON."""
    from .corpus import corpus
    from .trial import register_models, run_trial

    if sys.platform.startswith("linux"):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    report = os.fdopen(os.dup(1), "w")
    register_models()
    samples = corpus()
    for number in range(first, first + files, step):
        report.write(json.dumps({"begin": number}) + "\n")
        report.flush()
        with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
            outcome = run_trial(number, seed, samples, Path(name))
            if outcome.finding:
                kept = out / f"{seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(name, kept)
                (kept / "outcome.json").write_text(json.dumps(asdict(outcome), indent=1))
        report.write(json.dumps(asdict(outcome)) + "\n")
        report.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
