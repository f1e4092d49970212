"""`python3 dev.py bench`: the speed figures of this machine, with their spread and the targets."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from .timing import Figure, figure

NEEDS = {
    "interactive": ("slicer",),
    "desktop": ("slicer", "PySide6", "nilearn"),
    "responsive": ("slicer",),
    "volume": ("slicer",),
    "overlay": ("slicer",),
    "throughput": (),
    "import": (),
}
"""group -> the packages without which it cannot be measured."""
PUBLISHED = {"interactive": ("torch", "timm", "segment_anything"), "throughput": ("torch", "timm")}
"""The same for the published models that the built-in ones are measured against."""
GROUPS = tuple(NEEDS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--runs", type=int, default=7, help="timed runs of each figure (default 7)")
    parser.add_argument(
        "--quick", action="store_true", help="smaller volumes and batches: a check, no figures to quote"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"unknown group {', '.join(sorted(unknown))}; choose of {', '.join(GROUPS)}")
    from EvanySegSlicerLib.demo.quiet import log_to

    log_to(Path.cwd() / "demo-out" / "bench-messages.log")
    figures: list[Figure] = []
    left_out: dict[str, str] = {}
    for name in options.groups or GROUPS:
        if reason := lacking(NEEDS[name]):
            left_out[name] = reason
            print(f"{name}: left out, {reason}", flush=True)
            continue
        without = lacking(PUBLISHED.get(name, ()))
        if without:
            print(f"{name}, published models: left out, {without}", flush=True)
        for row in work_of(name, options.runs, options.quick, not without)():
            figures.append(row)
            print(line(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(f) | {"met": f.met} for f in figures], indent=1) + "\n")
    # what was asked for by name and could not be measured is a failure, what a plain run leaves out is not
    return 1 if any(name in left_out for name in options.groups) else 0


def lacking(packages: Sequence[str]) -> str:
    """Why packages cannot be used, in a sentence; empty when all are there."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    return f"this environment lacks {' and '.join(missing)}; 'python3 dev.py setup' installs all" if missing else ""


def work_of(name: str, runs: int, quick: bool, with_published: bool = True) -> Callable[[], list[Figure]]:
    """The measuring function of a group; importing it loads only what it needs."""
    if name == "interactive":
        from .interactive import run

        return lambda: run(runs, with_published)
    if name == "desktop":
        from . import desktop

        return lambda: desktop.run(runs)
    if name == "responsive":
        from . import responsive

        return lambda: responsive.run(runs)
    if name == "volume":
        from .volumes import scoring

        return lambda: scoring((24, 256, 256) if quick else (200, 512, 512))
    if name == "overlay":
        from .volumes import overlay

        return lambda: overlay(runs, (40, 256, 256) if quick else (300, 512, 512))
    if name == "throughput":
        from .throughput import builtin, published

        return lambda: [*builtin(runs, quick), *(published(runs, quick) if with_published else [])]
    return lambda: [import_time(runs)]


def import_time(runs: int) -> Figure:
    """`import evanyseg` in fresh interpreters."""
    code = "import time; t = time.perf_counter(); import evanyseg; print((time.perf_counter() - t) * 1e3)"
    values = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    ]
    return figure("import evanyseg", values, "ms", 200.0)


def line(row: Figure) -> str:
    target = "" if row.target is None else f"  target {row.target:g} {row.unit}: {'met' if row.met else 'MISSED'}"
    spread = f"({row.low:.3g} to {row.high:.3g}, {row.runs} runs)" if row.runs > 1 else ""
    return f"{row.name:62} {row.median:9.3g} {row.unit:8} {spread:32}{target}  {row.note}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
