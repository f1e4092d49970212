"""What a run was: command, commit, versions, beside its results."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evanyseg.io.write import write_text


def commit_of(folder: Path | None = None) -> str:
    """Short hash of the checkout that this package runs from ('+' when files differ), or 'no checkout'."""
    where = str(folder or Path(__file__).parent)
    try:
        head = subprocess.run(
            ["git", "-C", where, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", where, "diff", "--quiet", "HEAD", "--", ":/training", ":/EvanySegSlicer"], capture_output=True
        ).returncode
    except (OSError, subprocess.CalledProcessError):
        return "no checkout"
    return head + ("+" if changed else "")


def command_line() -> str:
    """The command as typed, with file names instead of paths: a record must not tell where a machine keeps things."""
    words = [Path(sys.argv[0]).name] + [Path(w).name if "/" in w and "=" not in w else w for w in sys.argv[1:]]
    return " ".join(w.split("=", 1)[0] + "=" + Path(w.split("=", 1)[1]).name if "=" in w else w for w in words)


def write_record(folder: Path, command: str, extra: dict[str, Any]) -> None:
    """run.json in the folder of a run."""
    record = {
        "command": command_line(), "name": command, "commit": commit_of(),
        "versions": {n: version(n) for n in ("torch", "numpy", "scikit-learn")},
        **extra,
    }  # fmt: skip
    write_text(folder / "run.json", json.dumps(record, indent=1))
