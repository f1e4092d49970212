"""What a clone brings: the files and the history behind them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from .timing import Figure, figure

ROOT = Path(__file__).resolve().parents[2]
MEGABYTES = 90.0


def clone() -> list[Figure]:
    """A real clone of this checkout, measured on disk; nothing where it is no git checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        return []
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-local", "--single-branch", str(ROOT), str(target)], check=True)
        sizes = [p.lstat().st_size for p in target.rglob("*") if not p.is_dir()]
        history = [p.lstat().st_size for p in (target / ".git").rglob("*") if not p.is_dir()]
    note = f"{sum(history) / 1e6:.1f} MB of it history"
    return [figure("a clone", [sum(sizes) / 1e6], "MB", MEGABYTES, note)]
