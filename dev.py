#!/usr/bin/env python3
"""Fresh clone -> environment -> demo or tests. Standard library only.

    python3 dev.py demo [ARGS]     the main job on a real volume: pictures, table, report, scene
    python3 dev.py web [ARGS]      the review in the browser: --volume FILE, --session SCENE.mrb, --help for the rest
    python3 dev.py test [ARGS]     lint, types and the whole test suite (ARGS go to pytest)
    python3 dev.py bench [ARGS]    the speed figures of this machine
    python3 dev.py cohort [ARGS]   100,000 pairs on two workers, three of which are killed (half an hour)
    python3 dev.py fuzz [ARGS]     damaged files of every format: nothing may be scored without a word;
                                   --server: malformed requests to 'evanyseg serve'
    python3 dev.py setup           only make the environment (.venv)

The environment is made once in .venv and again only when pyproject.toml changed. Set EVANYSEG_PIP_ARGS for extra
arguments of pip (a mirror, or an index with CPU-only builds of PyTorch). What pip says goes to .venv/install.log.
"""

from __future__ import annotations

import ctypes.util
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOWEST, HIGHEST = (3, 11), (3, 13)  # slicer-core 5.11 has wheels for these
LOG = VENV / "install.log"
UNITS = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


@dataclass(frozen=True)
class Environment:
    """extra: of pyproject.toml; alone: packages of which only their own files are needed, not what they depend on;
    fetched_mb, free_gb: about so much is downloaded, and so much disk must be free; whole: it holds all the others."""

    extra: str
    alone: tuple[str, ...]
    fetched_mb: int
    free_gb: float
    whole: bool = False


SMALL = Environment("cli,scene,adapt", ("nilearn>=0.10",), 380, 2.6)  # nilearn: for the brain template in it
WHOLE = Environment("test", (), 3600, 12.0, whole=True)  # PyTorch with its CUDA libraries is most of it
PAGE = Environment("web", ("nilearn>=0.10",), 480, 3.0)
ENVIRONMENTS = {
    "demo": SMALL,
    "web": PAGE,
    "bench": SMALL,
    "setup": WHOLE,
    "test": WHOLE,
    "fuzz": WHOLE,
    "cohort": WHOLE,
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in ENVIRONMENTS:
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    command, rest = arguments[0], arguments[1:]
    wanted = WHOLE if command == "bench" and "--report" in rest else ENVIRONMENTS[command]
    problem = check_machine(wanted)
    if problem:
        print(f"dev.py: {problem}", file=sys.stderr)
        return 1
    if not install(wanted):
        return 1
    # pytest must see the checkout, not the caller's Python settings
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    environment["PYTHONUTF8"] = "1"  # the C locale of bare machines cannot read what libraries print
    if command == "setup":
        print(f"Ready: {BIN}")
        return 0
    runs = {
        "demo": [[PYTHON, "-m", "EvanySegSlicerLib.demo", *rest]],
        "web": [[PYTHON, "-m", "EvanySegSlicerLib.web", *rest]],
        "bench": [[PYTHON, "-m", "benchmarks", *rest]],
        "fuzz": [[PYTHON, "-m", "fuzz", *rest]],
        "cohort": [[PYTHON, "-m", "benchmarks.cohort", *rest]],
        "test": [
            [PYTHON, "-m", "ruff", "check", "."],
            [PYTHON, "-m", "ruff", "format", "--check", "."],
            [PYTHON, "-m", "mypy"],
            [PYTHON, "-m", "pytest", *rest],
        ],
    }[command]
    if command in ("bench", "cohort", "fuzz"):
        environment["PYTHONPATH"] = str(ROOT / "Testing")
    code = 0
    for run in runs:
        code = subprocess.call([str(part) for part in run], cwd=ROOT, env=environment) or code
    return code


def check_machine(wanted: Environment) -> str:
    """What stands in the way of an installation, in one sentence with the remedy; '' when nothing does."""
    found = sys.version_info[:2]
    if not LOWEST <= found <= HIGHEST:
        return (
            f"Python {LOWEST[0]}.{LOWEST[1]} to {HIGHEST[0]}.{HIGHEST[1]} is needed, this is {found[0]}.{found[1]}; "
            f"run it as, for example, python3.{LOWEST[1]} dev.py."
        )
    if wanted.whole and sys.platform == "darwin" and os.uname().machine == "x86_64":
        return "the tests need PyTorch, whose last version for Intel Macs cannot work with numpy 2; 'demo' works."
    free = shutil.disk_usage(ROOT).free / 2**30
    if not is_installed(wanted) and free < wanted.free_gb:
        return f"{wanted.free_gb:g} GB of free disk are needed for the environment, {free:.1f} GB are free at {ROOT}."
    if sys.platform.startswith("linux"):
        missing = [name for name in ("EGL", "GL") if ctypes.util.find_library(name) is None]
        if missing:
            return (
                f"the system libraries {', '.join('lib' + m for m in missing)} are missing (for off-screen views); "
                "on Debian or Ubuntu: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1 libxrender1."
            )
    return ""


def is_installed(wanted: Environment) -> bool:
    """Whether it, or the environment that holds all others, was made for this pyproject.toml."""
    stamps = [VENV / f".installed-{extra}" for extra in (wanted.extra, WHOLE.extra)]
    return any(stamp.exists() and stamp.read_text() == digest() for stamp in stamps)


def digest() -> str:
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def install(wanted: Environment) -> bool:
    """Make .venv and install this checkout in it, unless that was done for this pyproject.toml already."""
    if is_installed(wanted):
        return True
    extra_args = shlex.split(os.environ.get("EVANYSEG_PIP_ARGS", ""))
    # --no-compile: most modules are never imported, the others are compiled when they are
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", "--progress-bar", "off"]
    progress = Progress(wanted.fetched_mb)
    try:
        if not PYTHON.exists():
            print(f"Making an environment in {VENV} ...", flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        print(f"Fetching packages from PyPI, about {wanted.fetched_mb} MB the first time:", flush=True)
        LOG.write_text("")
        for package in wanted.alone:
            run_logged([*pip, *extra_args, "--no-deps", package], progress)
        run_logged([*pip, *extra_args, "-e", f"{ROOT}[{wanted.extra}]"], progress)
    except subprocess.CalledProcessError as failure:
        said = LOG.read_text(errors="replace").splitlines()[-15:] if LOG.exists() else []
        print(
            "\n".join(said)
            + f"\ndev.py: '{' '.join(map(str, failure.cmd[:4]))} ...' failed (exit {failure.returncode}), see above. "
            "On Debian or Ubuntu a failing venv wants: apt-get install python3-venv. Behind a proxy set HTTPS_PROXY; "
            "extra pip arguments go into EVANYSEG_PIP_ARGS. Run the same command again afterwards.",
            file=sys.stderr,
        )
        return False
    progress.done()
    (VENV / f".installed-{wanted.extra}").write_text(digest())
    return True


def run_logged(command: list[str], progress: Progress) -> None:
    """Run pip: every line goes to the log, and what it fetches is shown. Raises CalledProcessError."""
    with LOG.open("a", encoding="utf-8", errors="replace") as log:
        pip = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace"
        )
        assert pip.stdout is not None
        progress.follow(pip.stdout, log)
        if pip.wait() != 0:
            raise subprocess.CalledProcessError(pip.returncode, command)


class Progress:
    """Which packages pip fetches, how large they are, and how far it is: one line that is written over on a terminal,
    a line for each large package elsewhere."""

    LARGE_MB = 10.0
    FETCHED = re.compile(r"\s*(Downloading|Using cached) (\S+) \(([\d.]+) (bytes|kB|MB|GB)\)")
    LOCAL = re.compile(r"\s*Processing (\S+\.whl)")

    def __init__(self, expected_mb: float) -> None:
        self.expected, self.fetched, self.count = expected_mb, 0.0, 0
        self.began = time.monotonic()
        self.terminal = sys.stdout.isatty()

    def follow(self, lines: Iterable[str], log: IO[str]) -> None:
        for line in lines:
            log.write(line)
            found = self.package(line)
            if found is not None:
                self.add(*found)
            elif line.startswith("Installing collected packages"):
                self.show(f"unpacking {line.count(',') + 1} packages", always=True)

    def package(self, line: str) -> tuple[str, float] | None:
        """(name, MB) of the package that a line of pip's is about; None for other lines."""
        match = self.FETCHED.match(line)
        if match and not match[2].endswith(".metadata"):
            return Path(match[2]).name.split("-")[0], float(match[3]) * UNITS[match[4]]
        match = self.LOCAL.match(line)
        if match and Path(match[1]).is_file():
            return Path(match[1]).name.split("-")[0], Path(match[1]).stat().st_size / 1e6
        return None

    def add(self, name: str, size: float) -> None:
        self.fetched += size
        self.count += 1
        self.show(f"{name} ({size:.1f} MB)", always=size >= self.LARGE_MB)

    def show(self, what: str, always: bool = False) -> None:
        seconds = time.monotonic() - self.began
        share = min(self.fetched / max(self.expected, self.fetched, 1), 1)
        text = f"  {share:4.0%}  {self.fetched:5.0f} MB  {self.count:3} packages  {seconds:4.0f} s  {what}"
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{text:{width}.{width}}", end="", flush=True)
        elif always:
            print(text, flush=True)

    def done(self) -> None:
        seconds = time.monotonic() - self.began
        line = f"  {self.count} packages, {self.fetched:.0f} MB, in {seconds:.0f} s"
        print(f"\r{line:70}" if self.terminal else line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
