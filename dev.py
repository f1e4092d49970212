#!/usr/bin/env python3
"""Fresh clone -> environment -> demo or tests. Standard library only.

    python3 dev.py demo [ARGS]     the main job on a real volume: pictures, table, report, scene
    python3 dev.py test [ARGS]     lint, types and the whole test suite (ARGS go to pytest)
    python3 dev.py bench [ARGS]    the speed figures of this machine
    python3 dev.py setup           only make the environment (.venv)

The environment is made once in .venv and again only when pyproject.toml changed. Set EVANYSEG_PIP_ARGS for extra
arguments of pip (a mirror, or an index with CPU-only builds of PyTorch).
"""

from __future__ import annotations

import ctypes.util
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOWEST, HIGHEST = (3, 11), (3, 13)  # slicer-core 5.11 has wheels for these
FREE_GB = 12  # PyTorch with its CUDA libraries is most of it
EXTRAS = {"demo": "demo", "bench": "demo", "setup": "test", "test": "test"}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in EXTRAS:
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    command, rest = arguments[0], arguments[1:]
    problem = check_machine()
    if problem:
        print(f"dev.py: {problem}", file=sys.stderr)
        return 1
    if not install(EXTRAS[command]):
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
        "bench": [[PYTHON, "-m", "benchmarks", *rest]],
        "test": [
            [PYTHON, "-m", "ruff", "check", "."],
            [PYTHON, "-m", "ruff", "format", "--check", "."],
            [PYTHON, "-m", "mypy"],
            [PYTHON, "-m", "pytest", *rest],
        ],
    }[command]
    if command == "bench":
        environment["PYTHONPATH"] = str(ROOT / "Testing")
    code = 0
    for run in runs:
        code = subprocess.call([str(part) for part in run], cwd=ROOT, env=environment) or code
    return code


def check_machine() -> str:
    """What stands in the way of an installation, in one sentence with the remedy; '' when nothing does."""
    found = sys.version_info[:2]
    if not LOWEST <= found <= HIGHEST:
        return (
            f"Python {LOWEST[0]}.{LOWEST[1]} to {HIGHEST[0]}.{HIGHEST[1]} is needed, this is {found[0]}.{found[1]}; "
            f"run it as, for example, python3.{LOWEST[1]} dev.py."
        )
    if sys.platform == "darwin" and os.uname().machine == "x86_64":
        return "Intel Macs are not supported: the last PyTorch for them cannot work with numpy 2."
    free = shutil.disk_usage(ROOT).free / 2**30
    if not PYTHON.exists() and free < FREE_GB:
        return f"{FREE_GB} GB of free disk are needed for the environment, {free:.1f} GB are free at {ROOT}."
    if sys.platform.startswith("linux"):
        missing = [name for name in ("EGL", "GL") if ctypes.util.find_library(name) is None]
        if missing:
            return (
                f"the system libraries {', '.join('lib' + m for m in missing)} are missing (for off-screen views); "
                "on Debian or Ubuntu: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1 libxrender1."
            )
    return ""


def install(extra: str) -> bool:
    """Make .venv and install this checkout with `extra`, unless that was done for this pyproject.toml already."""
    stamp = VENV / f".installed-{extra}"
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    # the test extra holds all the others
    for done in (stamp, VENV / ".installed-test"):
        if done.exists() and done.read_text() == digest:
            return True
    try:
        if not PYTHON.exists():
            print(f"Making an environment in {VENV} ...", flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        print(f"Installing evanyseg-slicer[{extra}]; the first time this fetches PyTorch (minutes) ...", flush=True)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        extra_args = shlex.split(os.environ.get("EVANYSEG_PIP_ARGS", ""))
        subprocess.run([*pip, *extra_args, "-e", f"{ROOT}[{extra}]"], check=True)
    except subprocess.CalledProcessError as failure:
        print(
            f"dev.py: '{' '.join(map(str, failure.cmd[:4]))} ...' failed (exit {failure.returncode}), see above. "
            "On Debian or Ubuntu a failing venv wants: apt-get install python3-venv. Behind a proxy set HTTPS_PROXY; "
            "extra pip arguments go into EVANYSEG_PIP_ARGS. Run the same command again afterwards.",
            file=sys.stderr,
        )
        return False
    stamp.write_text(digest)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
