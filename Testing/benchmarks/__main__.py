"""`python3 dev.py bench`: the speed figures of this machine, with their spread and the targets."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from .report import PAGE, write_page
from .timing import Figure

NEEDS = {
    "start": (),
    "interactive": ("slicer",),
    "desktop": ("slicer", "PySide6", "nilearn"),
    "web": ("slicer", "trame_slicer", "playwright", "nilearn"),
    "responsive": ("slicer",),
    "throughput": (),
    "busy": (),
    "volume": ("slicer",),
    "overlay": ("slicer",),
    "learning": ("sklearn",),
    "audit": (),
    "watch": (),
    "cluster": ("distributed",),
    "server": ("fastapi", "uvicorn"),
    "growth": (),
    "gpu": ("torch",),
    "clone": (),
}
"""group -> the packages without which it cannot be measured."""
PEERS = ("torch", "timm", "segment_anything")
"""What the published routes, and the rows on torch, need besides."""
GROUPS = tuple(NEEDS)
WITH_A_SCENE = {"growth", *(name for name, packages in NEEDS.items() if "slicer" in packages)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--runs", type=int, default=7, help="timed runs of each figure (default 7)")
    parser.add_argument(
        "--quick", action="store_true", help="smaller volumes and batches: a check, no figures to quote"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument(
        "--report",
        type=Path,
        nargs="?",
        const=PAGE,
        metavar="FILE",
        help="write the page of all figures, docs/performance.md",
    )
    options = parser.parse_args()
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"unknown group {', '.join(sorted(unknown))}; choose of {', '.join(GROUPS)}")
    _quiet(options.groups or GROUPS)
    figures: dict[str, list[Figure]] = {}
    left_out: dict[str, str] = {}
    for name in options.groups or GROUPS:
        reason = _why_not(name)
        if reason:
            left_out[name] = reason
            print(f"{name}: left out, {reason}", flush=True)
            continue
        if name in ("start", "interactive", "throughput", "busy") and (lacking := _lacking(PEERS)):
            left_out[f"{name}, published models and torch"] = _lacks(lacking)
            print(f"{name}, published models and torch: left out, {_lacks(lacking)}", flush=True)
        alone = len(options.groups or GROUPS) == 1
        figures[name] = measured(name, options) if alone else in_a_process(name, options)
    if options.json:
        rows = [asdict(f) | {"group": name, "met": f.met} for name, group in figures.items() for f in group]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.report:
        print(f"written: {write_page(options.report, figures, left_out, options.quick, bool(options.groups))}")
    # what was asked for by name and could not be measured is a failure, what a plain run leaves out is not
    return 1 if any(name in left_out for name in options.groups) else 0


def measured(name: str, options: argparse.Namespace) -> list[Figure]:
    """The figures of a group, each printed as soon as it is there."""
    rows = []
    for row in work_of(name, options.runs, options.quick, not _lacking(PEERS))():
        rows.append(row)
        print(line(row), flush=True)
    return rows


def in_a_process(name: str, options: argparse.Namespace) -> list[Figure]:
    """The same in a process of its own: what one group has loaded (PyTorch, memory) must not weigh on the next."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "benchmarks", name, "--runs", str(options.runs), "--json", str(out)]
        subprocess.run([*command, *(["--quick"] if options.quick else [])], check=True)
        rows = json.loads(out.read_text(encoding="utf-8"))
    return [Figure(**{k: v for k, v in row.items() if k not in ("group", "met")}) for row in rows]


def work_of(name: str, runs: int, quick: bool, peers: bool) -> Callable[[], list[Figure]]:
    """The measuring function of a group; importing it loads only what it needs."""
    from . import busy, gpu, growth, size, start, throughput

    if name == "interactive":
        from . import interactive

        return lambda: interactive.run(runs, peers, quick)
    if name == "desktop":
        from . import desktop

        return lambda: desktop.run(runs)
    if name == "web":
        from . import browser

        return lambda: browser.run(runs)
    if name == "responsive":
        from . import responsive

        return lambda: responsive.run(runs)
    if name in ("volume", "overlay"):
        from . import volumes

        if name == "volume":
            return lambda: volumes.scoring((24, 256, 256) if quick else (200, 512, 512), 1 if quick else 3)
        return lambda: volumes.overlay(runs, (40, 256, 256) if quick else (300, 512, 512))
    if name == "learning":
        from . import learning

        return lambda: learning.run(runs, quick)
    if name == "cluster":
        from . import cluster

        return lambda: cluster.run(runs, quick)
    if name == "server":
        from . import server

        return lambda: server.run(runs, quick)
    if name == "audit":
        from . import audit

        return lambda: audit.run(runs, quick)
    if name == "watch":
        from . import watch

        return lambda: watch.run(runs, quick)
    return {
        "start": lambda: start.run(runs, peers),
        "throughput": lambda: [
            *throughput.builtin(runs, quick, peers),
            *(throughput.published(runs, quick) if peers else []),
        ],
        "busy": lambda: busy.run(max(2, runs // 2), quick, peers),
        "growth": lambda: growth.run(max(2, runs // 2), quick, not _lacking(("slicer",))),
        "gpu": lambda: gpu.run(runs),
        "clone": lambda: size.clone(quick),
    }[name]


def line(row: Figure) -> str:
    goal = "" if row.target is None else f"  target {row.goal}: {'met' if row.met else 'MISSED'}"
    spread = f"({row.low:.3g} to {row.high:.3g}, {row.runs} runs)" if row.runs > 1 else ""
    return f"{row.name:62} {row.median:9.3g} {row.unit:8} {spread:32}{goal}  {row.note}".rstrip()


def _why_not(name: str) -> str:
    lacking = _lacking(NEEDS[name])
    if lacking:
        return _lacks(lacking)
    if name == "web":
        from web.browser import chromium_path

        return "" if chromium_path() else "there is no Chromium here (Debian: apt-get install chromium)"
    if name == "gpu":
        from .gpu import present

        return "" if present() else "there is no CUDA card that PyTorch can use here"
    return ""


def _lacking(packages: tuple[str, ...]) -> list[str]:
    return [package for package in packages if importlib.util.find_spec(package) is None]


def _lacks(packages: list[str]) -> str:
    return f"this environment lacks {' and '.join(packages)}; 'python3 dev.py setup' installs all"


def _quiet(groups: Sequence[str]) -> None:
    """What Qt and VTK have to say goes to a file, where they are there at all; groups without a scene never load them,
    or their memory would count as the group's own."""
    if not set(groups) & WITH_A_SCENE:
        return
    log = Path.cwd() / "demo-out" / "bench-messages.log"
    if not _lacking(("vtk",)):
        from EvanySegSlicerLib.demo.quiet import log_to

        log_to(log)
    if not _lacking(("PySide6",)):
        from PySide6.QtCore import qInstallMessageHandler

        log.parent.mkdir(parents=True, exist_ok=True)
        messages = log.with_name("bench-qt-messages.log").open("w", encoding="utf-8")
        qInstallMessageHandler(lambda kind, context, text: print(text, file=messages, flush=True))


if __name__ == "__main__":
    sys.exit(main())
