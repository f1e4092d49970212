"""What a clone brings: the files and the history behind them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from .timing import Figure, figure

ROOT = Path(__file__).resolve().parents[2]
MEGABYTES = 90.0


WHOLE = "a clone with the whole history"
WAYS = {"a clone as the README says (--depth 1)": ("--depth", "1"), WHOLE: ()}


def clone(quick: bool) -> list[Figure]:
    """Real clones of this checkout, measured on disk; nothing where it is no git checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        return []
    return [_clone(what, options) for what, options in WAYS.items() if not quick or what == WHOLE]


def _clone(what: str, options: tuple[str, ...]) -> Figure:
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "clone"
        command = ["git", "clone", "--quiet", "--no-local", "--single-branch", *options, str(ROOT), str(target)]
        subprocess.run(command, check=True)
        sizes = [p.lstat().st_size for p in target.rglob("*") if not p.is_dir()]
        history = [p.lstat().st_size for p in (target / ".git").rglob("*") if not p.is_dir()]
    return figure(what, [sum(sizes) / 1e6], "MB", MEGABYTES, f"{sum(history) / 1e6:.1f} MB of it below .git")
