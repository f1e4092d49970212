"""The page of all figures: docs/performance.md."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .timing import Figure

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
PACKAGES = ("onnxruntime", "torch", "numpy", "scipy", "slicer-core", "trame-slicer")
TITLES = {
    "start": "From the shell to the first score",
    "interactive": "From a drawn box to the coloured slice",
    "desktop": "The same in the stand-in for desktop Slicer",
    "web": "The same in the browser",
    "responsive": "How long the window makes one wait",
    "throughput": "Milliseconds a mask",
    "busy": "Beside busy processes",
    "volume": "A whole volume",
    "overlay": "One edited slice",
    "learning": "Learning from corrected slices",
    "audit": "An audit",
    "watch": "A watched folder",
    "cluster": "A table on several processes",
    "server": "Through a server",
    "growth": "How cost grows",
    "gpu": "On a CUDA card",
    "clone": "Size",
}
WORDS = {
    "start": "`evanyseg score` of one 512 x 512 picture, whole processes, in turn with processes that only import "
    "PyTorch.",
    "interactive": "512 x 512 slices in a real scene: embed, segment, score four candidates, choose, write, colour. "
    "The published routes get a mask and one score of it, nothing else, on the same slices in turn; their weights are "
    "random, which does not change their speed.",
    "desktop": "Real drags on a slice view of the brain template, with the panel's own event loop.",
    "web": "Real drags and wheel turns on the page of `dev.py web` in headless Chromium on the same machine, no GPU: "
    "what the person in front of it waits for, by the browser's own clock.",
    "responsive": "Cancelling, entering the module, the longest block, large tables.",
    "throughput": "The built-in estimator with all that belongs to it (window, four mirror images, trees, "
    "calibration); EvanySeg's networks alone.",
    "busy": "The same masks on an otherwise idle machine and beside two processes that never rest, in turn.",
    "volume": "An existing label, scored slice by slice into the table.",
    "overlay": "A slice of a scored segmentation is edited; no model runs.",
    "learning": "512 x 512 slices of as many subjects with one prediction each; cross-validation included.",
    "audit": "256 x 256 pictures, one mask a row of the table; page with pictures included.",
    "cluster": "Pairs of 256 x 256 pictures, four masks each; workers of one thread on the same machine, warm.",
    "server": "`evanyseg serve` in a process of its own on the same machine's CPU, over the loopback; the same boxes "
    "on the same 512 x 512 slices here and there in turn: mask and score, without a scene.",
    "watch": "`evanyseg watch` while nothing arrives.",
    "growth": "Built-in models. The window and the canvas have a fixed size: only what lies around them grows.",
    "gpu": "The roof is what a large matrix product reaches on the same card in the same precision.",
    "clone": "",
}


NOT_MEASURED = "Not measured"


def write_page(
    path: Path, figures: Mapping[str, Sequence[Figure]], left_out: Mapping[str, str], quick: bool, part: bool = False
) -> Path:
    """Write the page and return its path. left_out: what was not measured, and why; part: the other sections of a page
    that is there stay, and those written now say by themselves where and when they were measured."""
    head, sections = sections_of(path) if part and path.exists() else ("", {})
    here = f"{machine()}. {date.today().isoformat()}, commit {commit()}."
    if not head:
        head = "\n".join(
            [
                "# Performance",
                "",
                "Made by `python3 dev.py bench --report`: every figure with its peer in the same run. Medians; targets "
                "are this project's own. Figures depend on the machine and on what else runs on it; ratios do less.",
                "",
                here,
                *(["", "**A quick run: no figures to quote.**"] if quick else []),
            ]
        )
    alone = [f"Measured by itself: {here}", ""] if sections else []
    for name, rows in figures.items():
        if rows:
            said = [WORDS[name], ""] if WORDS[name] else []
            table = ["| what | median | range | target | |", "|---|---|---|---|---|", *map(table_row, rows)]
            sections[TITLES[name]] = "\n".join([*alone, *said, *table])
    missing = [line for line in sections.pop(NOT_MEASURED, "").splitlines() if _title(line) not in sections]
    missing += [f"- {TITLES.get(name, name)}: {reason}." for name, reason in left_out.items()]
    if missing:
        sections[NOT_MEASURED] = "\n".join(dict.fromkeys(missing))
    order = [*TITLES.values(), *sections]
    parts = [f"## {title}\n\n{text}" for title, text in sorted(sections.items(), key=lambda s: order.index(s[0]))]
    path.write_text("\n\n".join([head, *parts]) + "\n", encoding="utf-8")
    return path


def sections_of(page: Path) -> tuple[str, dict[str, str]]:
    """What stands before the first section, and the sections by title."""
    head, *parts = page.read_text(encoding="utf-8").split("\n## ")
    found = (part.partition("\n") for part in parts)
    return head.strip(), {title: text.strip() for title, _, text in found}


def _title(line: str) -> str:
    """Of a line about what was not measured."""
    return line.removeprefix("- ").partition(":")[0]


def table_row(row: Figure) -> str:
    spread = f"{row.low:.3g} to {row.high:.3g} ({row.runs})" if row.runs > 1 else ""
    goal = f"{row.goal}: {'met' if row.met else '**missed**'}" if row.target is not None else ""
    return f"| {row.name.strip()} | {row.median:.3g} {row.unit} | {spread} | {goal} | {row.note} |"


def machine() -> str:
    """Processor, cores, system, versions, and how busy it was."""
    from evanyseg.threads import network_threads, physical_cores

    parts = [
        processor(),
        f"{physical_cores()} cores ({network_threads()} threads for a network)",
        platform.platform(terse=True),
    ]
    parts.append(f"Python {platform.python_version()}")
    for package in PACKAGES:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    if hasattr(os, "getloadavg"):
        parts.append(f"load {os.getloadavg()[0]:.1f} at the end")
    return ", ".join(parts)


def processor() -> str:
    try:
        for text in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if text.startswith("model name"):
                return " ".join(text.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine()


def commit() -> str:
    done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
